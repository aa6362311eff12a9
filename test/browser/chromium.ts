/**
 * A headless Chromium to look at pages with: the DevTools protocol over a pipe (file descriptors 3 and 4, messages
 * of JSON that a zero byte ends), so that nothing needs to be installed besides the browser. Chrome's own names:
 * https://chromedevtools.github.io/devtools-protocol/
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** Where a Chromium is, or undefined: $CHROMIUM, else Debian's. */
export const chromiumPath: string | undefined = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
].find((path) => path !== undefined && existsSync(path));

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
  '--remote-debugging-pipe',
];

/** How long the browser may take to start or to answer, before the test fails instead of hanging. */
const patienceMs = 60_000;

export interface View {
  widthPx: number;
  heightPx: number;
  /** Default light. */
  scheme?: 'light' | 'dark';
  /** Default screen. */
  media?: 'screen' | 'print';
  /** A phone: touch instead of a mouse, and the page's own viewport rules. */
  phone?: boolean;
}

export interface Page {
  /** What the page logged as a warning or error, and exceptions that nobody caught. */
  readonly complaints: string[];
  /** Every address that was asked for, data: URLs apart. */
  readonly requests: string[];
  /** The value of a JavaScript expression in the page; promises are awaited. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** Moves the mouse, or (on a phone) taps, in px from the page's upper left corner of what is seen. */
  point(x: number, y: number): Promise<void>;
  /** The whole page as a PNG file. */
  screenshot(path: string, options?: { wholePage?: boolean; scale?: number }): Promise<void>;
  close(): Promise<void>;
}

export interface Browser {
  /** Opens an address and waits until it has loaded. */
  open(url: string, view: View): Promise<Page>;
  close(): Promise<void>;
}

type Message = {
  id?: number;
  sessionId?: string;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
};

/** Starts a browser of its own, with an empty profile that is removed at the end. */
export async function launchChromium(path = chromiumPath): Promise<Browser> {
  if (path === undefined) throw new Error('no Chromium: install it, or name it in CHROMIUM');
  const profile = mkdtempSync(join(tmpdir(), 'graft-chromium-'));
  const child = spawn(path, [...flags, `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  const connection = connect(child.stdio[3] as Writable, child.stdio[4] as Readable);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', (code) => connection.fail(new Error(`Chromium ended with code ${code}: ${said}`)));
  child.once('error', (error) => connection.fail(error));

  const close = async (): Promise<void> => {
    connection.send('Browser.close').catch(() => {}); // it may be gone before it answers
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await connection.send('Browser.getVersion');
  } catch (error) {
    await close();
    throw error;
  }
  return { open: (url, view) => openPage(connection, url, view), close };
}

interface Connection {
  send(method: string, params?: object, sessionId?: string): Promise<Record<string, unknown>>;
  /** Calls back for every event of a session. */
  listen(sessionId: string, callback: (method: string, params: Record<string, unknown>) => void): void;
  fail(error: Error): void;
}

function connect(out: Writable, into: Readable): Connection {
  const waiting = new Map<
    number,
    { resolve: (r: Record<string, unknown>) => void; reject: (e: Error) => void }
  >();
  const listeners = new Map<string, (method: string, params: Record<string, unknown>) => void>();
  let nextId = 1;
  let failure: Error | undefined;
  let buffered = '';
  into.setEncoding('utf8');
  into.on('data', (chunk: string) => {
    const parts = (buffered + chunk).split('\0');
    buffered = parts.pop()!;
    for (const part of parts) receive(JSON.parse(part) as Message);
  });
  out.on('error', () => {}); // a browser that died is reported by its exit

  function receive({ id, sessionId, method, params = {}, result = {}, error }: Message): void {
    if (id === undefined) {
      if (sessionId !== undefined && method !== undefined) listeners.get(sessionId)?.(method, params);
      return;
    }
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error) asked?.reject(new Error(error.message));
    else asked?.resolve(result);
  }

  return {
    send: (method, params = {}, sessionId) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        const id = nextId++;
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new Error(`Chromium did not answer ${method} within ${patienceMs / 1000} s`));
        }, patienceMs);
        waiting.set(id, {
          resolve: (result) => {
            clearTimeout(timer);
            resolve(result);
          },
          reject: (error) => {
            clearTimeout(timer);
            reject(error);
          },
        });
        out.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
      }),
    listen: (sessionId, callback) => listeners.set(sessionId, callback),
    fail: (error) => {
      failure = error;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
  };
}

async function openPage(connection: Connection, url: string, view: View): Promise<Page> {
  const { targetId } = (await connection.send('Target.createTarget', { url: 'about:blank' })) as {
    targetId: string;
  };
  const { sessionId } = (await connection.send('Target.attachToTarget', { targetId, flatten: true })) as {
    sessionId: string;
  };
  const send = (method: string, params?: object) => connection.send(method, params, sessionId);
  const complaints: string[] = [];
  const requests: string[] = [];
  let loaded = (): void => {};
  const load = new Promise<void>((resolve) => {
    loaded = resolve;
  });
  connection.listen(sessionId, (method, params) => {
    if (method === 'Page.loadEventFired') loaded();
    if (method === 'Network.requestWillBeSent') {
      const { url: address } = params.request as { url: string };
      if (!address.startsWith('data:')) requests.push(address);
    }
    if (method === 'Runtime.exceptionThrown')
      complaints.push(JSON.stringify((params.exceptionDetails as { text: string }).text));
    if (
      method === 'Runtime.consoleAPICalled' &&
      ['error', 'warning', 'assert'].includes(params.type as string)
    )
      complaints.push(JSON.stringify(params.args));
    if (method === 'Log.entryAdded') {
      const { level, text } = params.entry as { level: string; text: string };
      if (level === 'error' || level === 'warning') complaints.push(text);
    }
  });
  const { widthPx, heightPx, scheme = 'light', media = 'screen', phone = false } = view;
  await send('Page.enable');
  await send('Runtime.enable');
  await send('Log.enable');
  await send('Network.enable');
  await send('Emulation.setDeviceMetricsOverride', {
    width: widthPx,
    height: heightPx,
    deviceScaleFactor: 1,
    mobile: phone,
  });
  await send('Emulation.setTouchEmulationEnabled', { enabled: phone });
  await send('Emulation.setEmulatedMedia', {
    media,
    features: [{ name: 'prefers-color-scheme', value: scheme }],
  });
  const { errorText } = (await send('Page.navigate', { url })) as { errorText?: string };
  if (errorText) throw new Error(`${url}: ${errorText}`);
  await load;

  const evaluate = async <Value>(expression: string): Promise<Value> => {
    const { result, exceptionDetails } = (await send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as {
      result: { value: Value };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  return {
    complaints,
    requests,
    evaluate,
    point: async (x, y) => {
      if (phone) {
        await send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
        await send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
        // What a browser makes of a tap: mouse events, and with them focus and hover.
        await send('Input.dispatchMouseEvent', { type: 'mousePressed', x, y, button: 'left', clickCount: 1 });
        await send('Input.dispatchMouseEvent', {
          type: 'mouseReleased',
          x,
          y,
          button: 'left',
          clickCount: 1,
        });
      } else await send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
    },
    screenshot: async (path, { wholePage = true, scale = 1 } = {}) => {
      const height = wholePage ? await evaluate<number>('document.documentElement.scrollHeight') : heightPx;
      const top = wholePage ? 0 : await evaluate<number>('scrollY');
      const { data } = (await send('Page.captureScreenshot', {
        format: 'png',
        captureBeyondViewport: wholePage,
        clip: { x: 0, y: top, width: widthPx, height, scale },
      })) as { data: string };
      writeFileSync(path, Buffer.from(data, 'base64'));
    },
    close: async () => {
      await connection.send('Target.closeTarget', { targetId });
    },
  };
}
