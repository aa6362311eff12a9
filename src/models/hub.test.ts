import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, DataError } from 'graft-torch/base';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttp, type Http } from '../net/index.js';
import { type HubOptions, openWeightsFile, parseHubFile, weightsCacheDir, weightsFilePath } from './hub.js';

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
let sent: IncomingMessage['headers'][];
let answers: Answer[];
let env: Record<string, string>;
let runs = 0;

beforeEach(async () => {
  asked = [];
  sent = [];
  answers = [];
  server = createServer((request, response) => {
    asked.push(request.url!);
    sent.push(request.headers);
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

const open = (spec = SPEC, options: HubOptions = {}): Promise<string> =>
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
    await refused(/answered 500/, 4);
    answers = Array.from({ length: 6 }, () => status(302, { location: '/round' }));
    await refused(/in circles/, 6);
    const silent: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': BYTES.length });
      response.write(BYTES.subarray(0, 10));
    };
    answers = Array.from({ length: 4 }, () => silent);
    await refused(/sent nothing for 0\.1 s/, 4);
    const changed: Answer = (_, response) => {
      const bytes = Buffer.from(BYTES);
      bytes[1234]! ^= 1;
      response.writeHead(200);
      response.end(bytes);
    };
    answers = [redirect, changed, redirect, changed, redirect, changed, redirect, changed];
    await refused(/other bytes than were announced: SHA-256 [0-9a-f]{64}/, 8);
    const short: Answer = (_, response) => {
      response.writeHead(200);
      response.end(BYTES.subarray(0, 99));
    };
    answers = [redirect, short, redirect, short, redirect, short, redirect, short];
    await refused(/sent 99 bytes instead of 300000/, 8);
    env.HF_HUB_OFFLINE = '1';
    await refused(/HF_HUB_OFFLINE/, 0);
    env = { ...env, HF_HUB_OFFLINE: '0', HF_ENDPOINT: 'http://127.0.0.1:1' };
    await refused(/ECONNREFUSED|bad port/, 0);
  });
});

/** An answer that breaks off after some bytes. */
const cutAfter =
  (count: number, body: Uint8Array = BYTES): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(body.subarray(0, count), () => response.destroy());
  };
/** The rest of a file, as a server that knows ranges gives it. */
const rest =
  (body: Uint8Array = BYTES, shift = 0): Answer =>
  (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]) + shift;
    response.writeHead(206, {
      'content-range': `bytes ${from}-${BYTES.length - 1}/${BYTES.length}`,
      'content-length': BYTES.length - from,
    });
    response.end(body.subarray(from));
  };

describe('a connection that broke', () => {
  const ranges = (): (string | undefined)[] => sent.map(({ range }) => range);

  it('is gone on with where it broke, twice if need be', async () => {
    const cutAgain: Answer = (request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range!)![1]);
      response.writeHead(206, { 'content-range': `bytes ${from}-299999/300000` });
      response.write(BYTES.subarray(from, 250_000), () => response.destroy());
    };
    answers = [redirect, cutAfter(100_000), redirect, cutAgain, redirect, rest()];
    const done: number[] = [];
    const path = await openWeightsFile(SPEC, {
      env,
      firstWaitMs: 1,
      onProgress: (bytes, total) => {
        expect(total).toBe(BYTES.length);
        done.push(bytes);
      },
    });
    expect(readFileSync(path).equals(BYTES)).toBe(true);
    const [, , , second, , third] = ranges();
    const [from, further] = [second, third].map((range) => Number(/^bytes=(\d+)-$/.exec(range!)![1]));
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(100_000);
    expect(further).toBeGreaterThanOrEqual(from!);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    // The hub itself is asked for the whole: it only says where the bytes are.
    expect(ranges().filter((_, i) => i % 2 === 0)).toEqual([undefined, undefined, undefined]);
  });

  it('starts anew where the server gives the whole, another place, or nothing for a range', async () => {
    for (const second of [whole, rest(BYTES, 1), status(416)]) {
      env.GRAFT_CACHE = join(folder, `cache-${runs++}`);
      answers = [redirect, cutAfter(5000), redirect, second];
      expect(readFileSync(await open()).equals(BYTES)).toBe(true);
    }
  });

  it('starts anew where the file on the hub has changed, or its first piece was wrong', async () => {
    const moved: Answer = (_, response) => {
      response.writeHead(302, { location: '/bytes?old', 'x-linked-etag': `"${'0'.repeat(64)}"` });
      response.end();
    };
    answers = [moved, cutAfter(5000), redirect];
    expect(readFileSync(await open()).equals(BYTES)).toBe(true);
    expect(ranges()[3]).toBeUndefined();

    env.GRAFT_CACHE = join(folder, `cache-${runs++}`);
    const wrong = Buffer.from(BYTES);
    wrong[17]! ^= 4;
    answers = [redirect, cutAfter(5000, wrong), redirect, rest()];
    expect(readFileSync(await open()).equals(BYTES)).toBe(true);
  });

  it('is not pieced together without a hash', async () => {
    const file = 'hf:a/b/small.pth';
    answers = [cutAfter(5000), whole];
    expect(readFileSync(await open(file)).equals(BYTES)).toBe(true);
    expect(ranges()).toEqual([undefined, undefined]);
  });
});

describe('a token', () => {
  const TOKEN = 'hf_0123456789abcdefghij';
  const authorizations = (): (string | undefined)[] => sent.map(({ authorization }) => authorization);

  it('goes to the hub, and to no other server', async () => {
    const elsewhere: { url: string; authorization: string | undefined }[] = [];
    const other = createServer((request, response) => {
      elsewhere.push({ url: request.url!, authorization: request.headers.authorization });
      whole(request, response);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const away: Answer = (_, response) => {
      response.writeHead(302, {
        location: `http://127.0.0.1:${port}/signed`,
        'x-linked-etag': `"${SHA256}"`,
        'x-linked-size': String(BYTES.length),
      });
      response.end();
    };
    try {
      for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
        sent = [];
        env = { HF_ENDPOINT: env.HF_ENDPOINT!, GRAFT_CACHE: join(folder, `cache-${runs++}`) };
        env[name] = ` ${TOKEN}\n`;
        // Within the hub, then away from it.
        answers = [status(307, { location: '/renamed' }), away];
        await open();
        expect(authorizations()).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
      }
    } finally {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    }
    expect(elsewhere.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
    sent = [];
    env = { HF_ENDPOINT: env.HF_ENDPOINT!, GRAFT_CACHE: join(folder, `cache-${runs++}`), HF_TOKEN: '' };
    await open();
    expect(authorizations()).toEqual([undefined, undefined]);
  });

  it('is in no message, and no open line carries it', async () => {
    const fails = async (changes: Record<string, string>, http?: Http): Promise<string> => {
      env = { ...env, HF_TOKEN: TOKEN, ...changes };
      const error = await open(SPEC, { http }).then(
        () => expect.unreachable(),
        (failure: unknown) => failure as Error,
      );
      const told = `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
      for (const secret of [TOKEN, TOKEN.slice(5)]) expect(told).not.toContain(secret);
      return error.message;
    };
    answers = [status(403)];
    expect(await fails({})).toMatch(/status 403: no such repository, or HF_TOKEN has no access to it/);
    expect(await fails({ HF_TOKEN: `${TOKEN}\n${TOKEN}` })).toMatch(
      /^HF_TOKEN: holds characters that are in no token/,
    );
    const seen: string[] = [];
    const http: Http = {
      ...createHttp(),
      follow: async (url, { headersFor }) => {
        seen.push(JSON.stringify(headersFor!(url)));
        return { url, status: 401, headers: {}, body: (async function* () {})(), discard: () => {} };
      },
    };
    expect(await fails({ HF_ENDPOINT: 'http://mirror.example' }, http)).toMatch(/not sent over an open line/);
    await fails({ HF_ENDPOINT: 'https://mirror.example' }, http);
    expect(seen[0]).not.toContain('authorization');
    expect(seen[1]).toContain(`Bearer ${TOKEN}`);
  });
});
