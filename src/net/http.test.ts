import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { HttpError } from './error.js';
import { createHttp, type Http } from './http.js';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return (server.address() as AddressInfo).port;
}

async function serve(listener: RequestListener): Promise<URL> {
  const server = createHttpServer(listener);
  open.push({ close: () => server.closeAllConnections() });
  return new URL(`http://127.0.0.1:${await listen(server)}/`);
}

function client(): Http {
  const made = createHttp();
  open.push(made);
  return made;
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const timeouts = { connectTimeoutMs: 5000, idleTimeoutMs: 5000 };

test('a whole answer; the connection is used again', async () => {
  const ports = new Set<number | undefined>();
  const url = await serve((request, response) => {
    ports.add(request.socket.remotePort);
    response.writeHead(200, { 'x-a': 'b' }).end('hello');
  });
  const { send } = client();
  for (let i = 0; i < 3; i++) {
    const response = await send(url, { ...timeouts, headers: { 'user-agent': 'me' } });
    expect([response.status, response.headers['x-a'], await textOf(response.body)]).toEqual([
      200,
      'b',
      'hello',
    ]);
  }
  expect(ports.size).toBe(1);
});

test('a slow body is fine as long as bytes come, however long it takes in all', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 20 });
    let sent = 0;
    const timer = setInterval(() => {
      response.write('x');
      if (++sent === 20) clearInterval(timer);
    }, 25);
  });
  // The whole takes longer than the limit on silence.
  const response = await client().send(url, { ...timeouts, idleTimeoutMs: 400 });
  expect(await textOf(response.body)).toBe('x'.repeat(20));
});

test.each<[string, RequestListener, number, RegExp]>([
  ['no answer', () => {}, 30, /did not answer within 0\.03 s/],
  [
    'a body that stops coming',
    (_, response) => response.writeHead(200, { 'content-length': 10 }).write('half'),
    300,
    /sent nothing for 0\.3 s/,
  ],
  ['a connection that breaks', (request) => request.socket.resetAndDestroy(), 5000, /cut the connection/],
  [
    'a body that breaks off',
    (_, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('half', () => response.destroy());
    },
    5000,
    /in the middle of an answer/,
  ],
])('%s is a passing failure', async (_, listener, idleTimeoutMs, message) => {
  const url = await serve(listener);
  const got = client()
    .send(url, { ...timeouts, idleTimeoutMs })
    .then(({ body }) => textOf(body));
  await expect(got).rejects.toThrow(message);
  await expect(got).rejects.toMatchObject({ name: 'HttpError', passing: true });
});

test('an answer that breaks before anybody reads it is an error of the reader, not of the process', async () => {
  let broken: Promise<unknown> | undefined;
  const url = await serve((request, response) => {
    broken = once(request.socket, 'close');
    response.writeHead(200, { 'content-length': 10 });
    response.write('half', () => request.socket.resetAndDestroy());
  });
  const { body } = await client().send(url, timeouts);
  await broken;
  // The other end notices in its own turns of the event loop.
  for (let i = 0; i < 20; i++) await setImmediate();
  await expect(textOf(body)).rejects.toThrow(/cut the connection/);
});

test('reaching the server has a limit of its own, TLS included', async () => {
  const port = await listen(createTcpServer(() => {}));
  const got = client().send(new URL(`https://127.0.0.1:${port}/`), {
    connectTimeoutMs: 30,
    idleTimeoutMs: 60_000,
  });
  await expect(got).rejects.toThrow(/could not be reached within 0\.03 s/);
});

test('nobody there', async () => {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  await expect(client().send(new URL(`http://127.0.0.1:${port}/`), timeouts)).rejects.toThrow(
    /cannot be reached \(ECONNREFUSED\)/,
  );
});

test('other protocols are refused', async () => {
  await expect(client().send(new URL('file:///etc/passwd'), timeouts)).rejects.toThrow(HttpError);
});

test.each(['before the answer', 'in the body'])(
  'an abort %s ends it at once, with the signal’s reason',
  async (when) => {
    const stop = new AbortController();
    const url = await serve((_, response) => {
      if (when === 'before the answer') stop.abort(new Error('enough'));
      else response.writeHead(200, { 'content-length': 10 }).write('half');
    });
    const got = client()
      .send(url, { ...timeouts, signal: stop.signal })
      .then(async ({ body }) => {
        for await (const _ of body) stop.abort(new Error('enough'));
      });
    await expect(got).rejects.toThrow('enough');
  },
);

test('a body is sent whole, and a slow listener is no silence as long as bytes go', async () => {
  const seen: { method?: string; length?: string; bytes: number }[] = [];
  const url = await serve(async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) {
      bytes += (chunk as Buffer).length;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    seen.push({ method: request.method, length: request.headers['content-length'], bytes });
    response.writeHead(204).end();
  });
  const body = Buffer.alloc(3_000_001, 7);
  const { status } = await client().send(url, { ...timeouts, method: 'PUT', body });
  expect(status).toBe(204);
  expect(seen).toEqual([{ method: 'PUT', length: '3000001', bytes: 3_000_001 }]);
});

test('redirects are followed, with the headers of each address, and not in circles', async () => {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.headers.authorization);
    if (request.url === '/end') response.end('there');
    else response.writeHead(302, { location: request.url === '/round' ? '/round' : '/end' }).end();
  });
  const response = await client().follow(url, {
    ...timeouts,
    headersFor: ({ pathname }): Record<string, string> => (pathname === '/' ? { authorization: 'x' } : {}),
  });
  expect([await textOf(response.body), asked]).toEqual(['there', ['x', undefined]]);
  await expect(client().follow(new URL('/round', url), timeouts)).rejects.toThrow(/in circles/);
});
