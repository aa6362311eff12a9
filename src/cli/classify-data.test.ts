import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { bringWeights } from './classify-data.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-bring-'));
const CHUNK = Buffer.alloc(1_000_000, 7);
const CHUNKS = 4;
let statesSize = true;
let server: Server;
let cache = 0;

beforeAll(async () => {
  server = createServer(async (_, response) => {
    response.writeHead(200, statesSize ? { 'content-length': CHUNKS * CHUNK.length } : {});
    for (let i = 0; i < CHUNKS; i++) {
      response.write(CHUNK);
      await sleep(120);
    }
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => {
  statesSize = true;
  vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('GRAFT_CACHE', join(folder, String(cache++)));
});
afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

/** What a terminal, or a file, gets to see. */
async function shown(
  weights: string | null,
  { isTTY, quiet = false }: { isTTY: boolean; quiet?: boolean },
): Promise<string> {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  await bringWeights(weights, { quiet, stream: Object.assign(stream, { isTTY, columns: 100 }) as never });
  return text;
}

const SPEC = 'hf:timm/tf_efficientnet_b0.ns_jft_in1k/model.safetensors';

test('a bar with megabytes, rate and the time left; nothing once the file is there', async () => {
  const bar = await shown(SPEC, { isTTY: true });
  expect(bar).toMatch(/fetching model\.safetensors .*\d % {2}[\d.]+\/4 MB {2}[\d.]+ MB\/s {2}ETA \d+ s/);
  expect(bar).toMatch(/100 % {2}4\/4 MB .* in \d+ s\S*\n$/);
  const path = join(folder, '0/weights/timm/tf_efficientnet_b0.ns_jft_in1k/main/model.safetensors');
  expect(readFileSync(path)).toHaveLength(CHUNKS * CHUNK.length);
  vi.stubEnv('GRAFT_CACHE', join(folder, '0'));
  expect(await shown(SPEC, { isTTY: true })).toBe('');
});

test('lines without a terminal; nothing when quiet, without a size, or without weights', async () => {
  const lines = (await shown(SPEC, { isTTY: false })).trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^fetching model\.safetensors: 100 %, 4\/4 MB/);
  expect(await shown('hf:a/b/c.pth', { isTTY: true, quiet: true })).toBe('');
  statesSize = false;
  expect(await shown('hf:a/b/d.pth', { isTTY: true })).toBe('');
  expect(existsSync(join(folder, '1/weights/a/b/main/d.pth'))).toBe(true);
  expect(await shown(null, { isTTY: true })).toBe('');
});
