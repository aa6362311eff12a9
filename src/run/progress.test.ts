import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { formatDuration, formatFigure, Progress, withProgress } from './progress.js';

/** A stream that keeps what is written, as a terminal or as a file. */
function sink(isTTY: boolean, columns = 100): NodeJS.WriteStream & { text: string } {
  const stream = new Writable({
    write(chunk, _encoding, done) {
      (stream as unknown as { text: string }).text += chunk;
      done();
    },
  });
  return Object.assign(stream, { isTTY, columns, text: '' }) as never;
}

describe('without a terminal', () => {
  test('a first line, at most one every 10 s, and the last', () => {
    const stream = sink(false);
    let ms = 0;
    const progress = new Progress({
      label: 'train',
      total: 100,
      items: { count: 16, name: 'images' },
      stream,
      now: () => ms,
    });
    for (let step = 1; step <= 100; step++) {
      ms += 500;
      progress.update(step, { d: 1 / step, g: 'warm-up' });
    }
    progress.stop();
    progress.stop();
    expect(stream.text.split('\n')).toEqual([
      'train: 1 %, 1/100 steps, 32.00 images/s, ETA 50 s, d 1.000, g warm-up',
      'train: 21 %, 21/100 steps, 32.00 images/s, ETA 40 s, d 0.0476, g warm-up',
      'train: 41 %, 41/100 steps, 32.00 images/s, ETA 30 s, d 0.0244, g warm-up',
      'train: 61 %, 61/100 steps, 32.00 images/s, ETA 20 s, d 0.0164, g warm-up',
      'train: 81 %, 81/100 steps, 32.00 images/s, ETA 10 s, d 0.0123, g warm-up',
      'train: 100 %, 100/100 steps, 32.00 images/s, in 50 s, d 0.0100, g warm-up',
      '',
    ]);
  });

  test('a resumed run counts its percentage from the start but its rate from the resume', () => {
    const stream = sink(false);
    let ms = 0;
    const progress = new Progress({ label: 'train', total: 1000, start: 900, stream, now: () => ms });
    ms = 1000;
    progress.update(910);
    expect(stream.text).toBe('train: 91 %, 910/1000 steps, 10.00 steps/s, ETA 9 s\n');
    expect(progress.rate).toBe(10);
  });

  test('the rate forgets what lies more than half a minute back', () => {
    let ms = 0;
    const progress = new Progress({ label: 'x', total: 1e6, stream: sink(false), now: () => ms });
    for (let step = 1; step <= 2000; step++) {
      progress.update(step);
      ms += step <= 10 ? 10_000 : 100;
    }
    expect(progress.rate).toBeCloseTo(10, 1);
  });
});

test('on a terminal a bar that fits the line, also out of a synchronous loop', async () => {
  const stream = sink(true, 100);
  const progress = new Progress({ label: 'train', total: 4, stream });
  const until = Date.now() + 450;
  while (Date.now() < until) progress.update(2, { d: 0.5 });
  expect(stream.text).toMatch(/train █+░+ 50 % {2}2\/4 steps {2}\S+ steps\/s {2}ETA \S+ s {2}d 0\.500/);
  progress.note('checkpoint saved');
  progress.update(4, { d: 0.25 });
  progress.stop();
  expect(stream.text).toContain('checkpoint saved\n');
  expect(stream.text).toMatch(/train █+ 100 % {2}4\/4 steps .* in 0 s {2}d 0\.250/);
  const escapes = new RegExp(`${String.fromCharCode(27)}(7|8|\\[[0-9;?]*[A-Za-z])`, 'g');
  for (const line of stream.text.replace(escapes, '\n').split(/[\r\n]+/)) {
    expect(line.length).toBeLessThanOrEqual(100);
  }
});

test('quiet prints nothing, on a terminal or not', () => {
  for (const isTTY of [true, false]) {
    const stream = sink(isTTY);
    const progress = new Progress({ label: 'x', total: 2, quiet: true, stream });
    progress.update(1, { d: 1 });
    progress.note('hello');
    progress.stop();
    expect(stream.text).toBe('');
  }
});

test('withProgress ends the display when the work fails', async () => {
  const stream = sink(true);
  await expect(
    withProgress({ label: 'x', total: 2, stream }, async () => {
      throw new Error('out of memory');
    }),
  ).rejects.toThrow('out of memory');
  const length = stream.text.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(stream.text.length).toBe(length);
});

test.each([
  [0, '0'],
  [1234.5, '1235'],
  [31.254, '31.25'],
  [123.45, '123.5'],
  [0.54321, '0.543'],
  [-0.05, '-0.0500'],
  [0.00002, '2.0e-5'],
  [3e12, '3.00e+12'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
])('figure %s', (value, text) => expect(formatFigure(value)).toBe(text));

test.each([
  [0.2, '0 s'],
  [59.4, '59 s'],
  [59.6, '1 min 00 s'],
  [200, '3 min 20 s'],
  [3599.6, '1 h 00 min'],
  [7500, '2 h 05 min'],
  [3 * 86400 + 4 * 3600, '3 d 4 h'],
  [Number.POSITIVE_INFINITY, '?'],
])('duration of %s s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));
