import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface ExportFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** The storage of CSV exports: files behind signed URLs that expire. */
export class Files {
  readonly #signingKey = randomBytes(32);
  readonly #files = new Map<string, ExportFile>();
  readonly #ttl: number;

  /** `ttl`: milliseconds for which a URL is good. */
  constructor(ttl: number) {
    this.#ttl = ttl;
  }

  /** Keeps a file and returns the path and query of its URL. */
  keep(file: ExportFile): string {
    this.#sweep();
    const expires = Date.now() + this.#ttl;
    this.#files.set(file.path, file);
    return `/files/${file.path}?expires=${expires}&signature=${this.#sign(file.path, expires)}`;
  }

  /** The file behind a URL; `expired` also where it was made to expire; undefined for a wrong signature or path. */
  open(url: URL): ExportFile | 'expired' | undefined {
    const path = pathOf(url);
    const expires = Number(url.searchParams.get('expires'));
    if (!sameText(url.searchParams.get('signature') ?? '', this.#sign(path, expires))) return undefined;
    return Date.now() >= expires ? 'expired' : (this.#files.get(path) ?? 'expired');
  }

  /** Makes a URL expire now. */
  expire(url: URL): void {
    this.#files.delete(pathOf(url));
  }

  #sign(path: string, expires: number): string {
    return createHmac('sha256', this.#signingKey).update(`${path}\n${expires}`).digest('hex');
  }

  /** Keeps the newest 2,000 files: a long run must not hold every export that it ever made. */
  #sweep(): void {
    for (const path of this.#files.keys()) {
      if (this.#files.size < 2_000) return;
      this.#files.delete(path);
    }
  }
}

function pathOf(url: URL): string {
  return decodeURIComponent(url.pathname.slice('/files/'.length));
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
