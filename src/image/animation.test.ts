import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeAnimation, ffmpegPath, writeAnimation } from './animation.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-animation-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const colours = [
  [200, 30, 30],
  [30, 180, 30],
  [30, 30, 220],
] as const;

/** Flat frames, 48 × 31 px. */
const frames = colours.map((colour) => ({
  data: Uint8Array.from({ length: 48 * 31 * 3 }, (_, i) => colour[i % 3]!),
  width: 48,
  height: 31,
}));

/** Chunks of a WebP file, by its specification: four letters, length, content padded to even. */
function chunksOf(webp: Buffer): { name: string; data: Buffer }[] {
  expect(webp.toString('latin1', 0, 4) + webp.toString('latin1', 8, 12)).toBe('RIFFWEBP');
  const chunks: { name: string; data: Buffer }[] = [];
  for (let at = 12; at < webp.length; ) {
    const length = webp.readUInt32LE(at + 4);
    chunks.push({ name: webp.toString('latin1', at, at + 4), data: webp.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return chunks;
}

async function pagesOf(bytes: Buffer) {
  const { data, info } = await sharp(bytes, { pages: -1 })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const height = info.pageHeight ?? info.height;
  return {
    count: info.height / height,
    width: info.width,
    height,
    at: (page: number, x: number, y: number) => [
      ...data.subarray(((page * height + y) * info.width + x) * 3).subarray(0, 3),
    ],
  };
}

const near = (got: number[], want: readonly number[], tolerance: number): void => {
  got.forEach((value, i) => {
    expect(Math.abs(value - want[i]!), `${got} against ${want}`).toBeLessThanOrEqual(tolerance);
  });
};

describe('animated WebP and GIF', () => {
  it('WebP: every frame with its time, and the number of rounds, as its specification has them', async () => {
    const webp = await encodeAnimation(frames, 'webp', { delayMs: 120, lastDelayMs: 900, loop: 3 });
    const chunks = chunksOf(webp);
    expect(chunks.find(({ name }) => name === 'ANIM')!.data.readUInt16LE(4)).toBe(3);
    const times = chunks.filter(({ name }) => name === 'ANMF').map(({ data }) => data.readUIntLE(12, 3));
    expect(times).toEqual([120, 120, 900]);
    const pages = await pagesOf(webp);
    expect([pages.count, pages.width, pages.height]).toEqual([3, 48, 31]);
    colours.forEach((colour, k) => {
      near(pages.at(k, 20, 15), colour, 4);
    });
  });

  it('GIF: delays in its graphic control blocks, rounds in its application block', async () => {
    const gif = await encodeAnimation(frames, 'gif', { delayMs: 120, lastDelayMs: 900 });
    const text = gif.toString('latin1');
    // A graphic control block begins with 21 F9 04; flags, then the delay in hundredths of a second.
    const blocks = text.split('!\u00f9\u0004').slice(1);
    const times = blocks.map((block) => 10 * (block.charCodeAt(1) + 256 * block.charCodeAt(2)));
    expect(times).toEqual([120, 120, 900]);
    expect(gif.readUInt16LE(text.indexOf('NETSCAPE2.0') + 13)).toBe(0);
    const pages = await pagesOf(gif);
    colours.forEach((colour, k) => {
      near(pages.at(k, 20, 15), colour, 4);
    });
  });

  it('reads frames from files, grey and transparent ones too, and shrinks them', async () => {
    const grey = join(dir, 'grey.png');
    const clear = join(dir, 'clear.png');
    writeFileSync(
      grey,
      await sharp(new Uint8Array(100 * 60).fill(80), { raw: { width: 100, height: 60, channels: 1 } })
        .toColourspace('b-w')
        .png()
        .toBuffer(),
    );
    writeFileSync(
      clear,
      await sharp(new Uint8Array(100 * 60 * 4), { raw: { width: 100, height: 60, channels: 4 } })
        .png()
        .toBuffer(),
    );
    const pages = await pagesOf(await encodeAnimation([grey, clear], 'webp', { maxWidthPx: 50 }));
    expect([pages.count, pages.width, pages.height]).toEqual([2, 50, 30]);
    near(pages.at(0, 25, 15), [80, 80, 80], 3);
    near(pages.at(1, 25, 15), [255, 255, 255], 3);
  });

  it('writes labels under the frames, not on them, and each its own', async () => {
    const big = frames.map(({ data }) => ({
      data: Uint8Array.from({ length: 120 * 60 * 3 }, (_, i) => data[i % 3]!),
      width: 120,
      height: 60,
    }));
    const labels = ['step 0', 'step 1,200', 'step 1,200'];
    const pages = await pagesOf(await encodeAnimation(big, 'webp', { labels, quality: 100 }));
    expect([pages.count, pages.height]).toEqual([3, 84]);
    const ink = (page: number): string[] => {
      const dark: string[] = [];
      for (let y = 60; y < 84; y++)
        for (let x = 0; x < 120; x++) if (pages.at(page, x, y)[0]! < 120) dark.push(`${x},${y}`);
      return dark;
    };
    expect(ink(0).length).toBeGreaterThan(20);
    expect(ink(1).length).toBeGreaterThan(1.3 * ink(0).length);
    expect(ink(2)).toEqual(ink(1));
    for (const y of [0, 30, 52]) near(pages.at(1, 60, y), colours[1], 4);
  });

  it('refuses what cannot be, and names the frame', async () => {
    const odd = { data: new Uint8Array(12), width: 2, height: 2 };
    await expect(encodeAnimation([], 'gif')).rejects.toThrow(/no frames/);
    await expect(encodeAnimation([frames[0]!, odd], 'gif')).rejects.toThrow(
      /frame 2 has 2 × 2 px, the first frame 48 × 31/,
    );
    await expect(encodeAnimation([{ ...odd, width: 3 }], 'gif')).rejects.toThrow(
      /frame 1: 12 bytes are not 2×3×3/,
    );
    await expect(encodeAnimation(['nowhere.png'], 'webp')).rejects.toThrow(/nowhere\.png: cannot be read/);
    await expect(encodeAnimation(frames, 'webp', { labels: ['one'] })).rejects.toThrow(
      /1 labels for 3 frames/,
    );
    await expect(encodeAnimation(frames, 'webp', { delayMs: 5 })).rejects.toThrow(
      /delayMs 5: expected .* 20 to 60000/,
    );
    await expect(encodeAnimation(frames, 'webp', { loop: -1 })).rejects.toThrow(/loop -1/);
    await expect(writeAnimation(frames, join(dir, 'x.avi'))).rejects.toThrow(/\.webp, \.gif or \.mp4/);
  });
});

describe('MP4', () => {
  const withPath = async (path: string, run: () => Promise<void>): Promise<void> => {
    const old = process.env.PATH;
    process.env.PATH = path;
    try {
      await run();
    } finally {
      process.env.PATH = old;
    }
  };

  it.skipIf(ffmpegPath() === null)(
    'is H.264 in yuv420p with even sides and the right length (skipped without ffmpeg)',
    async () => {
      const path = join(dir, 'training.mp4');
      await writeAnimation(frames, path, { delayMs: 200, lastDelayMs: 1000 });
      const entries = 'stream=codec_name,pix_fmt,width,height,nb_read_frames,duration';
      const asked = spawnSync(
        'ffprobe',
        ['-v', 'error', '-count_frames', '-show_entries', entries, '-of', 'json', path],
        { encoding: 'utf8' },
      );
      const [stream] = JSON.parse(asked.stdout).streams;
      expect(stream).toMatchObject({
        codec_name: 'h264',
        pix_fmt: 'yuv420p',
        width: 48,
        height: 32,
        nb_read_frames: '7',
      });
      expect(Number(stream.duration)).toBeCloseTo(1.4, 3);
      const last = spawnSync('ffmpeg', [
        '-v',
        'error',
        '-sseof',
        '-0.3',
        '-i',
        path,
        '-frames:v',
        '1',
        '-f',
        'rawvideo',
        '-pix_fmt',
        'rgb24',
        '-',
      ]).stdout;
      const middle = (15 * 48 + 20) * 3;
      near([...last.subarray(middle, middle + 3)], colours[2], 12);
    },
  );

  it('without ffmpeg it says what to install, and leaves no file', async () => {
    const path = join(dir, 'none.mp4');
    await withPath(dir, async () => {
      expect(ffmpegPath()).toBeNull();
      await expect(writeAnimation(frames, path)).rejects.toThrow(
        /none\.mp4: MP4 needs ffmpeg, which is not on the PATH; install it .* or write \.webp or \.gif/,
      );
    });
    expect(existsSync(path)).toBe(false);
  });

  it('an ffmpeg that fails is quoted in one line, and the old file stays', async () => {
    const bin = mkdtempSync(join(dir, 'bin-'));
    const path = join(dir, 'old.mp4');
    writeFileSync(path, 'old');
    // Ends at once, with frames still to be written to it: the broken pipe must not be what is told.
    writeFileSync(
      join(bin, 'ffmpeg'),
      '#!/bin/sh\necho one >&2\necho "Unknown encoder libx264" >&2\nexit 1\n',
      {
        mode: 0o755,
      },
    );
    await withPath(bin, async () => {
      await expect(writeAnimation(frames, path)).rejects.toThrow(
        /^.*old\.mp4: ffmpeg failed: Unknown encoder libx264$/,
      );
    });
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(dir).filter((name) => name.includes('.tmp'))).toEqual([]);
  });
});
