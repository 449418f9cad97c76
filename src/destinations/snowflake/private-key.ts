import { createPrivateKey } from 'node:crypto';
import { ExportdError } from '../../core/errors.ts';

const BLOCK = /-----BEGIN ((?:ENCRYPTED |RSA )?PRIVATE KEY)-----([\s\S]*?)-----END \1-----/;

/**
 * The PEM of a private key, whatever its way through files, YAML and environment variables did to it: `\n` as two
 * letters, base64 of all of it, its lines joined by spaces, quotes around it, or its body alone. Decrypted.
 *
 * Throws DESTINATION_UNREACHABLE (destination), without a letter of the key.
 */
export function readPrivateKey(destination: string, text: string, passphrase: string | undefined): string {
  try {
    const key = createPrivateKey({ key: toPem(text, passphrase !== undefined), passphrase: passphrase ?? '' });
    return key.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch {
    throw new ExportdError('DESTINATION_UNREACHABLE', `destination ${destination}: the private key cannot be read`, {
      scope: 'destination',
      hint:
        'Give an RSA key in PKCS8 as private_key_file, or as private_key: its PEM (line breaks may be written as \\n, ' +
        'or be lost), or that in base64; and private_key_passphrase where it is encrypted.',
    });
  }
}

function toPem(text: string, isEncrypted: boolean): string {
  const plain = text
    .trim()
    .replace(/^(["'])([\s\S]*)\1$/, '$2')
    .replaceAll('\\r', '')
    .replaceAll('\\n', '\n')
    .trim();
  const block = BLOCK.exec(plain);
  if (block !== null) return inLines(block[1] ?? '', block[2] ?? '');
  const decoded = Buffer.from(plain, 'base64');
  const inner = BLOCK.exec(decoded.toString('latin1'));
  if (inner !== null) return inLines(inner[1] ?? '', inner[2] ?? '');
  return inLines(isEncrypted ? 'ENCRYPTED PRIVATE KEY' : 'PRIVATE KEY', plain);
}

function inLines(label: string, body: string): string {
  // The older form has headers, which are lines of their own.
  const [, headers = '', rest = body] = /^\s*((?:[\w-]+: .*\r?\n)+)\s*([\s\S]*)$/.exec(body) ?? [];
  const lines = rest.replace(/\s+/g, '').match(/.{1,64}/g) ?? [];
  const head = headers === '' ? [] : [headers.replaceAll('\r', '').trimEnd(), ''];
  return [`-----BEGIN ${label}-----`, ...head, ...lines, `-----END ${label}-----`, ''].join('\n');
}
