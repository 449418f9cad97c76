/**
 * The bench's export server, as its own process: `node bench/mock-server.ts FOLDER`. It prints its URL when ready.
 * Made-up rows of fixed columns, the same for every run; bodies are kept in FOLDER and served from the page cache, so
 * that what is measured is the client.
 *
 * Days of 2024-01 and of 2023: 2,000 rows. 2024-03-01: 1,000,000 rows. 2024-04-01: 1,000,000 rows of 30 columns.
 * Every other day: 10 rows.
 */
import { closeSync, createReadStream, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const [folder = 'data'] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

function rowsOf(day: string): number {
  if (day === '2024-03-01' || day === '2024-04-01') return 1_000_000;
  return day.startsWith('2023-') || day.startsWith('2024-01-') ? 2_000 : 10;
}

/** mulberry32: the same rows on every machine. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function row(day: string, index: number, next: () => number): Record<string, string | number> {
  const month = 1 + (index % 9);
  const made: Record<string, string | number> = {
    period_start: day,
    period_end: day,
    org_id: 'ws-1',
    user_id: `u_${String(index).padStart(8, '0')}`,
    email: `user${index}@example.test`,
    name: `User "No" ${index}, Ünï`,
    period: day,
    created_at: `2023-0${month}-1${index % 9}T08:${10 + (index % 50)}:00.000Z`,
    last_seen_at: `${day}T1${index % 10}:${10 + (index % 50)}:0${index % 10}.000Z`,
  };
  const counters = day === '2024-04-01' ? 17 : 10;
  for (let k = 1; k <= counters; k++) made[`c${k}`] = Math.floor(next() * 10_000);
  made.spend = Math.round(next() * 10_000_000) / 10_000;
  made.score = Math.round(next() * 10_000) / 100;
  made.tags_json = JSON.stringify({ team: `t${index % 17}`, tier: index % 3 });
  made.features_json = JSON.stringify({ a: Math.floor(next() * 100), b: Math.floor(next() * 100), 'k,x': 1 });
  return made;
}

const quoted = (value: string | number) => {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** The path of a day's body, made when it is first asked for. */
function body(day: string, format: 'csv' | 'json'): string {
  const path = join(folder, `${day}.${format}`);
  if (existsSync(path)) return path;
  const next = random(Number(day.replaceAll('-', '')));
  const file = openSync(`${path}.part`, 'w');
  let text = format === 'csv' ? `${Object.keys(row(day, 0, random(0))).join(',')}\n` : '[';
  for (let index = 0; index < rowsOf(day); index++) {
    const made = row(day, index, next);
    if (format === 'csv') text += `${Object.values(made).map(quoted).join(',')}\n`;
    else text += (index === 0 ? '' : ',') + JSON.stringify(made);
    if (text.length > 4_000_000) {
      writeSync(file, text);
      text = '';
    }
  }
  writeSync(file, format === 'csv' ? text : `${text}]`);
  closeSync(file);
  renameSync(`${path}.part`, path);
  return path;
}

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://bench');
  const download = /^\/files\/(\d{4}-\d\d-\d\d)\.csv$/.exec(pathname);
  if (download?.[1] !== undefined) {
    const path = body(download[1], 'csv');
    response.writeHead(200, { 'content-type': 'text/csv', 'content-length': statSync(path).size });
    createReadStream(path, { highWaterMark: 1 << 20 }).pipe(response);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as { from: { date: string } };
    const day = asked.from.date.slice(0, 10);
    const metadata = { dataType: 'users', recordCount: rowsOf(day), dateRange: { from: day, to: day } };
    response.setHeader('content-type', 'application/json');
    if (pathname.endsWith('/json')) {
      response.write('{"success":true,"data":');
      const rows = createReadStream(body(day, 'json'), { highWaterMark: 1 << 20 });
      rows.pipe(response, { end: false });
      rows.on('end', () => response.end(`,"metadata":${JSON.stringify(metadata)}}`));
      return;
    }
    const { port } = server.address() as AddressInfo;
    const downloadUrl = `http://127.0.0.1:${port}/files/${day}.csv`;
    body(day, 'csv');
    response.end(JSON.stringify({ success: true, data: { filePath: `users/${day}.csv`, downloadUrl, ...metadata } }));
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`http://127.0.0.1:${port}`);
});
