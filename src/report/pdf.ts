/**
 * A report's HTML page as a PDF, printed by the Chromium (or Chrome) that the machine has. None is brought along: a report
 * without its PDF is whole.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GraftError, replaceFileAsync } from 'graft-torch/base';

type Environment = Readonly<Record<string, string | undefined>>;

export interface PdfOptions {
  /** Default: the process's. */
  env?: Environment;
  /** Until the browser is stopped; default 120,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

const FLAGS = [
  '--headless',
  // Browsers refuse to run as root, and in most containers, with it. The page is the report, and nothing else is opened.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-extensions',
  '--no-pdf-header-footer',
];

/** What was said last by a browser that failed. */
const SAID_LENGTH = 2000;

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** `$CHROMIUM`, else the first browser of the Chromium kind on the PATH; null where there is none. */
export function findChromium(env: Environment = process.env): string | null {
  if (env.CHROMIUM) return isProgram(env.CHROMIUM) ? env.CHROMIUM : null;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find(isProgram) ?? null;
}

/**
 * Prints a page to a file, which is whole or not there.
 * @param htmlPath a self-contained page
 * @throws GraftError where there is no browser, or it fails: one line that says what helps
 */
export async function writePdf(htmlPath: string, pdfPath: string, options: PdfOptions = {}): Promise<void> {
  const { env = process.env } = options;
  const browser = findChromium(env);
  if (browser === null) {
    throw new GraftError(
      env.CHROMIUM
        ? `${pdfPath}: not made: CHROMIUM is ${env.CHROMIUM}, which is no program; name a Chromium or Chrome there, or unset it`
        : `${pdfPath}: not made: no Chromium was found; install one (apt install chromium) or name one in CHROMIUM. ${htmlPath} is whole without it`,
    );
  }
  const profile = mkdtempSync(join(tmpdir(), 'graft-pdf-'));
  try {
    await replaceFileAsync(resolve(pdfPath), async (temporary) => {
      await print(
        browser,
        [
          ...FLAGS,
          `--user-data-dir=${profile}`,
          `--print-to-pdf=${temporary}`,
          pathToFileURL(resolve(htmlPath)).href,
        ],
        { pdfPath, ...options },
      );
      // Some versions end well without having written.
      if (!existsSync(temporary))
        throw new GraftError(`${pdfPath}: not made: ${browser} wrote nothing; try another one (CHROMIUM)`);
    });
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function print(
  browser: string,
  args: readonly string[],
  { pdfPath, timeoutMs = 120_000, signal, env }: PdfOptions & { pdfPath: string },
): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(browser, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
      env: env as NodeJS.ProcessEnv,
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-SAID_LENGTH);
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      fail(
        signal?.aborted
          ? error
          : new GraftError(`${pdfPath}: not made: ${browser}: ${error.message}`, { cause: error }),
      );
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) return done();
      const why = late
        ? `no answer within ${timeoutMs / 1000} s`
        : `ended with code ${code}: ${lastLine(said)}`;
      fail(new GraftError(`${pdfPath}: not made: ${browser}: ${why}`));
    });
  });
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
