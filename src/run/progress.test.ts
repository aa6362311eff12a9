import { Writable } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
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

/** Clears the rest of the line. */
const erase = '\u001b[K';

test('a clock that is set back does not make times negative', () => {
  const stream = sink(false);
  let hours = 10;
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => 3_600_000 * hours--);
  const progress = new Progress({ label: 'train', total: 3, stream });
  for (const done of [1, 2, 3]) progress.update(done);
  progress.stop();
  clock.mockRestore();
  expect(stream.text).toMatch(/in 0 s/);
  expect(stream.text).not.toContain('-');
});

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
      progress.update(step, { d: 1 / step, g: 'warm-up', auc: undefined });
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

  test('no rate and no time left before a tenth of a second has passed', () => {
    const stream = sink(false);
    let ms = 0;
    const progress = new Progress({ label: 'train', total: 60, stream, now: () => ms });
    ms = 0.03;
    progress.update(1);
    ms = 10_000.03;
    progress.update(2);
    expect(stream.text).toBe(
      'train: 1 %, 1/60 steps\ntrain: 3 %, 2/60 steps, 0.200 steps/s, ETA 4 min 50 s\n',
    );
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

describe('on a terminal', () => {
  test('a bar in one line, also out of a synchronous loop, at most ten times a second', () => {
    const stream = sink(true, 120);
    let ms = 0;
    const progress = new Progress({ label: 'train', total: 200, stream, now: () => ms });
    for (let step = 1; step <= 100; step++) {
      ms += 10;
      progress.update(step, { d: 0.5 });
    }
    const drawings = stream.text.split('\r');
    expect(drawings.length).toBeGreaterThan(9);
    expect(drawings.length).toBeLessThan(13);
    expect(stream.text).not.toContain('\n');
    expect(drawings.at(-1)).toBe(
      `train ${'█'.repeat(20)}${'░'.repeat(20)}  50 %  100/200 steps  100.0 steps/s  ETA 1 s  d 0.500${erase}`,
    );
    progress.update(200);
    progress.stop();
    expect(stream.text.replaceAll(erase, '')).toMatch(
      /\rtrain █{40} {2}100 % {2}200\/200 steps {2}\S+ steps\/s {2}in 1 s {2}d 0\.500\n$/,
    );
  });

  test('a note stands above the bar, which is drawn again below it', () => {
    const stream = sink(true, 80);
    const progress = new Progress({ label: 'train', total: 4, stream, now: () => 0 });
    stream.text = '';
    progress.note('checkpoint saved');
    expect(stream.text.startsWith(`\r${erase}checkpoint saved\n`)).toBe(true);
    expect(stream.text.replaceAll(erase, '')).toMatch(/\n\rtrain ░+ {2}0 % {2}0\/4 steps$/);
    progress.stop();
    stream.text = '';
    progress.note('later');
    expect(stream.text).toBe('later\n');
  });

  test.each([20, 40, 60, 80, 200])('it fits %s columns, whole figures only', (columns) => {
    const stream = sink(true, columns);
    let ms = 0;
    const progress = new Progress({ label: 'training', total: 2000, stream, now: () => ms });
    for (const step of [500, 1000]) {
      ms += 1000;
      progress.update(step, { discriminator: 0.71, generator: 1.25, real: 'n/a' });
    }
    progress.stop();
    for (const line of stream.text.split(/[\r\n]/)) {
      expect(line.replace(erase, '').length).toBeLessThan(columns);
      expect(line.replace(erase, '')).not.toMatch(/(discriminator|generator|real)$/);
    }
    if (columns === 200) expect(stream.text).toContain('discriminator 0.710  generator 1.250  real n/a');
    if (columns === 60) expect(stream.text).toContain('50 %  1000/2000 steps');
  });
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
