/** A process of its own, because NODE_EXTRA_CA_CERTS is read once: one attempt at one day, its outcome as JSON on stdout. */
import { openLab } from './lab.ts';

const [baseUrl = ''] = process.argv.slice(2);
await using lab = await openLab(baseUrl);
const outcome = await lab.extract('2026-11-23').catch((error: unknown) => error);
const { kind, code, message, hint, retryable } = outcome as Record<string, unknown>;
process.stdout.write(JSON.stringify({ kind, code, message, hint, retryable }));
