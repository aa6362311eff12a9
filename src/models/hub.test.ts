import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, DataError } from '../errors.js';
import { openWeightsFile, parseHubFile, weightsCacheDir, weightsFilePath } from './hub.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-hub-'));
afterAll(() => rmSync(folder, { recursive: true }));

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));
const SHA256 = createHash('sha256').update(BYTES).digest('hex');
const SPEC = 'hf:timm/tf_efficientnet_b0.ns_jft_in1k/model.safetensors';
const URL_PATH = '/timm/tf_efficientnet_b0.ns_jft_in1k/resolve/main/model.safetensors';

/** A hub: the first answer states size and hash and sends the client to where the bytes are. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const redirect: Answer = (_, response) => {
  response.writeHead(302, {
    location: '/bytes?signed=1',
    'x-linked-etag': `"${SHA256}"`,
    'x-linked-size': String(BYTES.length),
  });
  response.end();
};
const whole: Answer = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': BYTES.length });
  response.end(BYTES);
};
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    response.writeHead(code, headers);
    response.end('no');
  };

let server: Server;
let asked: string[];
let answers: Answer[];
let env: Record<string, string>;
let runs = 0;

beforeEach(async () => {
  asked = [];
  answers = [];
  server = createServer((request, response) => {
    asked.push(request.url!);
    const answer = answers.shift();
    if (answer) answer(request, response);
    else (request.url!.startsWith('/bytes') ? whole : redirect)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  env = { HF_ENDPOINT: `http://127.0.0.1:${port}/`, GRAFT_CACHE: join(folder, `cache-${runs++}`) };
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const open = (spec = SPEC, options: { idleTimeoutMs?: number } = {}): Promise<string> =>
  openWeightsFile(spec, { env, firstWaitMs: 1, ...options });

/** Nothing but whole files, whatever happened. */
function filesInCache(): string[] {
  if (!existsSync(env.GRAFT_CACHE!)) return [];
  return readdirSync(env.GRAFT_CACHE!, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

describe('weights files by where they are', () => {
  it('reads hf: and leaves paths alone', () => {
    expect(parseHubFile(SPEC)).toEqual({
      repository: 'timm/tf_efficientnet_b0.ns_jft_in1k',
      revision: 'main',
      file: 'model.safetensors',
    });
    expect(parseHubFile('hf:a/b@v1.0/c/d.pth')).toEqual({
      repository: 'a/b',
      revision: 'v1.0',
      file: 'c/d.pth',
    });
    expect(parseHubFile('weights/b0.pth')).toBeNull();
    expect(weightsFilePath('weights/b0.pth', {})).toBe('weights/b0.pth');
    for (const bad of [
      'hf:',
      'hf:a/b',
      'hf:a/b/../c',
      'hf:../b/c',
      'hf:a/b@/c',
      'hf:a/b@1@2/c',
      'hf:a/b//c',
    ]) {
      expect(() => parseHubFile(bad), bad).toThrow(ConfigError);
    }
  });

  it('keeps copies in the cache folder', () => {
    expect(weightsCacheDir({ GRAFT_CACHE: '/cache' })).toBe('/cache/weights');
    expect(weightsCacheDir({ XDG_CACHE_HOME: '/xdg' })).toBe('/xdg/graft/weights');
    expect(weightsCacheDir({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache\/graft\/weights$/);
    expect(weightsFilePath('hf:a/b@v1/c/d.pth', { GRAFT_CACHE: '/cache' })).toBe(
      '/cache/weights/a/b/v1/c/d.pth',
    );
  });
});

describe('the hub', () => {
  it('is asked once for a file', async () => {
    const progress: (number | null)[][] = [];
    const path = await openWeightsFile(SPEC, {
      env,
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(path).toBe(weightsFilePath(SPEC, env));
    expect(readFileSync(path).equals(BYTES)).toBe(true);
    expect(asked).toEqual([URL_PATH, '/bytes?signed=1']);
    expect(progress.at(-1)).toEqual([BYTES.length, BYTES.length]);
    expect(await open()).toBe(path);
    expect(asked).toHaveLength(2);
    expect(filesInCache()).toEqual(['model.safetensors']);
  });

  it('gives small files at once, without a hash', async () => {
    answers = [whole];
    expect(readFileSync(await open('hf:a/b@dev/sub/x.pth')).equals(BYTES)).toBe(true);
    expect(asked).toEqual(['/a/b/resolve/dev/sub/x.pth']);
  });

  it('is asked again where that may help', async () => {
    const cut: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': BYTES.length });
      response.write(BYTES.subarray(0, 1000), () => response.destroy());
    };
    answers = [status(503), status(429, { 'retry-after': '0' }), redirect, cut];
    expect(readFileSync(await open()).equals(BYTES)).toBe(true);
    expect(asked).toHaveLength(6);
  });

  it('may be slow, as long as bytes come', async () => {
    const slow: Answer = async (_, response) => {
      response.writeHead(200, { 'content-length': BYTES.length });
      for (let start = 0; start < BYTES.length; start += 75_000) {
        response.write(BYTES.subarray(start, start + 75_000));
        await sleep(400);
      }
      response.end();
    };
    answers = [redirect, slow];
    expect(readFileSync(await open(SPEC, { idleTimeoutMs: 1200 })).equals(BYTES)).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it('is given up in one line that says what to do by hand', async () => {
    const path = weightsFilePath(SPEC, env);
    const refused = async (says: RegExp, requests: number) => {
      asked = [];
      const error = await open(SPEC, { idleTimeoutMs: 100 }).then(
        () => expect.unreachable(),
        (failure: unknown) => failure,
      );
      expect(error).toBeInstanceOf(DataError);
      const { message } = error as DataError;
      expect(message).toMatch(says);
      expect(message).toContain(`${env.HF_ENDPOINT!.replace(/\/$/, '')}${URL_PATH} cannot be fetched (`);
      expect(message).toContain(`put it at ${path}`);
      expect(message).not.toContain('\n');
      expect(asked).toHaveLength(requests);
      expect(filesInCache()).toEqual([]);
    };
    answers = [status(404)];
    await refused(/no such file or revision/, 1);
    answers = [status(401)];
    await refused(/not a public one/, 1);
    answers = [status(200, { 'content-type': 'text/html; charset=utf-8' })];
    await refused(/web page/, 1);
    answers = Array.from({ length: 4 }, () => status(500));
    await refused(/status 500/, 4);
    answers = Array.from({ length: 6 }, () => status(302, { location: '/round' }));
    await refused(/without an end/, 6);
    const silent: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': BYTES.length });
      response.write(BYTES.subarray(0, 10));
    };
    answers = Array.from({ length: 4 }, () => silent);
    await refused(/nothing came for 0\.1 s/, 4);
    const changed: Answer = (_, response) => {
      const bytes = Buffer.from(BYTES);
      bytes[1234]! ^= 1;
      response.writeHead(200);
      response.end(bytes);
    };
    answers = [redirect, changed, redirect, changed, redirect, changed, redirect, changed];
    await refused(/not the hub's: SHA-256 [0-9a-f]{64}/, 8);
    const short: Answer = (_, response) => {
      response.writeHead(200);
      response.end(BYTES.subarray(0, 99));
    };
    answers = [redirect, short, redirect, short, redirect, short, redirect, short];
    await refused(/99 of 300000 bytes came/, 8);
    env.HF_HUB_OFFLINE = '1';
    await refused(/HF_HUB_OFFLINE/, 0);
    env = { ...env, HF_HUB_OFFLINE: '0', HF_ENDPOINT: 'http://127.0.0.1:1' };
    await refused(/ECONNREFUSED|bad port/, 0);
  });
});
