import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findChromium, writePdf } from './pdf.js';

const root = mkdtempSync(join(tmpdir(), 'graft-pdf-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const html = join(root, 'report.html');
writeFileSync(
  html,
  '<!doctype html><title>A report</title><style>p{break-before:page}</style><h1>One</h1><p>Two<p>Three',
);

/** A browser that is a shell script: `$out` is where it shall print to. */
function browser(name: string, script: string): string {
  const path = join(root, name);
  writeFileSync(
    path,
    `#!/bin/sh\nfor a in "$@"; do case "$a" in --print-to-pdf=*) out="\${a#*=}";; esac; done\n${script}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

describe('which browser', () => {
  test('$CHROMIUM first, then by name, then by the order of the PATH', () => {
    const one = join(root, 'one');
    const chrome = browser('google-chrome', 'exit 0');
    expect(findChromium({ PATH: `/nowhere:${root}` })).toBe(chrome);
    const chromium = browser('chromium', 'exit 0');
    expect(findChromium({ PATH: root })).toBe(chromium);
    expect(findChromium({ PATH: root, CHROMIUM: chrome })).toBe(chrome);
    expect(findChromium({ PATH: root, CHROMIUM: one })).toBeNull();
    expect(findChromium({ PATH: '/nowhere' })).toBeNull();
    chmodSync(chromium, 0o644);
    expect(findChromium({ PATH: root })).toBe(chrome);
  });
});

describe('trouble is one line, and leaves no file', () => {
  const pdf = join(root, 'trouble', 'report.pdf');
  const make = (options: Parameters<typeof writePdf>[2]) => writePdf(html, pdf, options);

  test('no browser: how to get one, and that the page is whole', async () => {
    await expect(make({ env: { PATH: '' } })).rejects.toThrow(
      /report\.pdf: not made: no Chromium was found; install one \(apt install chromium\).*report\.html is whole/,
    );
    await expect(make({ env: { CHROMIUM: '/no/such' } })).rejects.toThrow(
      /CHROMIUM is \/no\/such, which is no program/,
    );
  });

  test('one that fails, hangs or writes nothing', async () => {
    const failing = browser('failing', 'echo first >&2; echo no display >&2; exit 3');
    await expect(make({ env: { CHROMIUM: failing } })).rejects.toThrow(/ended with code 3: no display$/);
    const hanging = browser('hanging', 'exec sleep 60');
    await expect(
      make({ env: { CHROMIUM: hanging, PATH: process.env.PATH }, timeoutMs: 200 }),
    ).rejects.toThrow(/no answer within 0\.2 s/);
    const idle = browser('idle', 'exit 0');
    await expect(make({ env: { CHROMIUM: idle } })).rejects.toThrow(/wrote nothing/);
    const half = browser('half', 'echo half > "$out"; exit 1');
    await expect(make({ env: { CHROMIUM: half } })).rejects.toThrow(/code 1/);
    expect(existsSync(pdf)).toBe(false);
    expect(readdirSync(join(root, 'trouble'))).toEqual([]);
  });
});

test.skipIf(findChromium() === null)('prints the page', async () => {
  const pdf = join(root, 'out', 'report.pdf');
  await writePdf(html, pdf);
  const content = readFileSync(pdf, 'latin1');
  expect(content.startsWith('%PDF-')).toBe(true);
  expect(content.match(/\/Type\s*\/Page\b/g)).toHaveLength(3);
  expect(readdirSync(join(root, 'out'))).toEqual(['report.pdf']);
});
