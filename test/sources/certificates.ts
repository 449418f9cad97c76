import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../staging/folder.ts';

/** An authority of a company's own, and certificates for 127.0.0.1 and localhost that it signed. */
export interface Certificates extends AsyncDisposable {
  /** The authority's certificate, for NODE_EXTRA_CA_CERTS. */
  readonly authority: string;
  readonly good: { readonly key: Buffer; readonly cert: Buffer };
  readonly expired: { readonly key: Buffer; readonly cert: Buffer };
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe', cwd: folder.path });
  const newKey = (name: string): string[] => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    at(name),
  ];
  openssl('req', '-x509', ...newKey('ca.key'), '-out', at('ca.pem'), '-days', '3', '-subj', '/CN=Test authority');

  const signed = (name: string, ...validity: string[]) => {
    openssl(
      'req',
      '-new',
      ...newKey(`${name}.key`),
      '-out',
      at(`${name}.csr`),
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1,DNS:localhost',
    );
    openssl(
      'x509',
      '-req',
      '-in',
      at(`${name}.csr`),
      '-CA',
      at('ca.pem'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
      '-copy_extensions',
      'copy',
      '-out',
      at(`${name}.pem`),
      ...validity,
    );
    return { key: readFileSync(at(`${name}.key`)), cert: readFileSync(at(`${name}.pem`)) };
  };

  return {
    authority: at('ca.pem'),
    good: signed('good', '-days', '2'),
    expired: signed('expired', '-days', '-1'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
