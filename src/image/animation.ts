/**
 * Moving pictures from frames of one size: animated WebP and GIF through sharp, MP4 (H.264) through ffmpeg where it
 * is installed. What moves here is a GAN's sample grid over its training, so a frame can bear its step.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConfigError, DataError, GraftError, replaceFileAsync, writeFileAtomic } from 'graft-torch/base';
import sharp, { type Sharp } from 'sharp';
import type { DecodedImage } from './decode.js';
import { labelOverlay } from './overlay.js';

/** RGB bytes `[height, width, 3]`, or the path of a picture. */
export type Frame = DecodedImage | string;

export interface AnimationOptions {
  /** How long a frame is seen, 20 ms or more (browsers slow down what is faster); default 200. */
  delayMs?: number;
  /** How long the last frame is seen; default `delayMs`. */
  lastDelayMs?: number;
  /** How often all is shown, 0: without end (the default). WebP and GIF only. */
  loop?: number;
  /** A line under each frame, such as 'step 1200'; as many as frames. */
  labels?: readonly string[];
  /** Frames wider than this are shrunk. */
  maxWidthPx?: number;
  /** WebP only, 1…100; default 80. */
  quality?: number;
}

const LABEL_PX = 24;

/**
 * Encodes an animation.
 * @returns the file's bytes
 * @throws DataError where there is no frame, one cannot be read, or one has another size than the first; ConfigError
 *   for a delay, a loop count or a number of labels that cannot be
 */
export async function encodeAnimation(
  frames: readonly Frame[],
  format: 'webp' | 'gif',
  options: AnimationOptions = {},
): Promise<Buffer> {
  const { loop = 0, quality = 80 } = options;
  if (!Number.isInteger(loop) || loop < 0) throw new ConfigError(`loop ${loop}: expected 0 or more rounds`);
  const delay = delaysMs(frames.length, options);
  const pages = await drawFrames(frames, options);
  const { width, height } = pages[0]!;
  const joined = new Uint8Array(pages.length * width * height * 3);
  pages.forEach(({ data }, k) => {
    joined.set(data, k * data.length);
  });
  const raw = { width, height: height * pages.length, channels: 3 as const, pageHeight: height };
  const movie = sharp(joined, { raw });
  if (format === 'gif') return movie.gif({ loop, delay }).toBuffer();
  return movie.webp({ loop, delay, quality, smartSubsample: true, effort: 4 }).toBuffer();
}

/**
 * Writes an animation, whole or not at all; the file's ending says which kind: .webp, .gif or .mp4.
 * @throws as {@link encodeAnimation}; ConfigError for another ending; GraftError where .mp4 is asked for and ffmpeg is
 *   not there, or fails
 */
export async function writeAnimation(
  frames: readonly Frame[],
  path: string,
  options: AnimationOptions = {},
): Promise<void> {
  switch (extname(path).toLowerCase()) {
    case '.webp':
      return writeFileAtomic(path, await encodeAnimation(frames, 'webp', options));
    case '.gif':
      return writeFileAtomic(path, await encodeAnimation(frames, 'gif', options));
    case '.mp4':
      return writeVideo(frames, path, options);
    default:
      throw new ConfigError(`${path}: an animation is a .webp, .gif or .mp4 file`);
  }
}

/** Where ffmpeg is on the PATH, or null. */
export function ffmpegPath(path = process.env.PATH ?? ''): string | null {
  const names = process.platform === 'win32' ? ['ffmpeg.exe'] : ['ffmpeg'];
  const places = path.split(delimiter).flatMap((dir) => (dir === '' ? [] : names.map((n) => join(dir, n))));
  return places.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * H.264 in yuv420p, which every player reads. It wants even sides: an odd one gets a white line. The delays become
 * repeated frames at the rate of their greatest common divisor.
 */
async function writeVideo(frames: readonly Frame[], path: string, options: AnimationOptions): Promise<void> {
  const ffmpeg = ffmpegPath();
  if (ffmpeg === null)
    throw new GraftError(
      `${path}: MP4 needs ffmpeg, which is not on the PATH; install it (Debian: apt-get install ffmpeg), or write .webp or .gif`,
    );
  const delays = delaysMs(frames.length, options);
  const tick = delays.reduce(greatestCommonDivisor);
  const pages = await drawFrames(frames, options);
  const { width, height } = pages[0]!;
  const source = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`];
  const even = 'pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white';
  const coding = ['-c:v', 'libx264', '-crf', '18', '-pix_fmt', 'yuv420p', '-movflags', '+faststart'];
  const rate = ['-framerate', `1000/${tick}`];
  await replaceFileAsync(path, (temporary) =>
    feed(
      ffmpeg,
      ['-v', 'error', '-y', ...source, ...rate, '-i', '-', '-vf', even, ...coding, '-f', 'mp4', temporary],
      pages.flatMap(({ data }, k) => new Array<Uint8Array>(delays[k]! / tick).fill(data)),
    ).catch((error: Error) => {
      throw new GraftError(`${path}: ffmpeg failed: ${error.message}`);
    }),
  );
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);

/** Runs a program with chunks on its standard input; what it says last is the error, where it fails. */
async function feed(program: string, args: readonly string[], chunks: readonly Uint8Array[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const lastLine = said.trim().split('\n').at(-1);
      if (code === 0) resolve();
      else reject(new Error(lastLine || `it ended with ${signal ?? `code ${code}`}`));
    });
  });
  // Where the program ends before it has read all, the pipe breaks; why it ended is the better message.
  const fed = pipeline(Readable.from(chunks), child.stdin).then(
    () => null,
    (error: Error) => error,
  );
  await ended;
  const broken = await fed;
  if (broken) throw broken;
}

function delaysMs(count: number, { delayMs = 200, lastDelayMs = delayMs }: AnimationOptions): number[] {
  for (const [name, value] of Object.entries({ delayMs, lastDelayMs })) {
    if (!Number.isInteger(value) || value < 20 || value > 60_000)
      throw new ConfigError(`${name} ${value}: expected a whole number of milliseconds from 20 to 60000`);
  }
  return Array.from({ length: count }, (_, k) => (k === count - 1 ? lastDelayMs : delayMs));
}

/** Frames as RGB bytes with their labels, all of one size. */
async function drawFrames(frames: readonly Frame[], options: AnimationOptions): Promise<DecodedImage[]> {
  const { labels } = options;
  if (frames.length === 0) throw new DataError('cannot make an animation of no frames');
  if (labels && labels.length !== frames.length)
    throw new ConfigError(`${labels.length} labels for ${frames.length} frames: expected one for each`);
  const drawn: DecodedImage[] = [];
  for (const [k, frame] of frames.entries()) {
    const page = await drawFrame(frame, k, { label: labels?.[k], maxWidthPx: options.maxWidthPx });
    const { width, height } = drawn[0] ?? page;
    if (page.width !== width || page.height !== height) {
      throw new DataError(
        `${nameOf(frame, k)} has ${page.width} × ${page.height} px, the first frame ${width} × ${height}; frames of an animation have one size`,
      );
    }
    drawn.push(page);
  }
  return drawn;
}

const nameOf = (frame: Frame, k: number): string => (typeof frame === 'string' ? frame : `frame ${k + 1}`);

async function drawFrame(
  frame: Frame,
  k: number,
  { label, maxWidthPx }: { label: string | undefined } & Pick<AnimationOptions, 'maxWidthPx'>,
): Promise<DecodedImage> {
  if (typeof frame !== 'string' && frame.data.length !== frame.width * frame.height * 3)
    throw new DataError(
      `${nameOf(frame, k)}: ${frame.data.length} bytes are not ${frame.height}×${frame.width}×3`,
    );
  const source =
    typeof frame === 'string'
      ? sharp(frame)
      : sharp(frame.data, { raw: { width: frame.width, height: frame.height, channels: 3 } });
  try {
    const resized = source.flatten({ background: '#fff' }).toColourspace('srgb');
    if (maxWidthPx !== undefined) resized.resize({ width: maxWidthPx, withoutEnlargement: true });
    const plain = await rgb(resized);
    if (label === undefined) return plain;
    // Below the picture, not on it: a label must not hide what it is about.
    const size = { width: plain.width, height: plain.height + LABEL_PX };
    const raw = { width: plain.width, height: plain.height, channels: 3 as const };
    const extended = await rgb(sharp(plain.data, { raw }).extend({ bottom: LABEL_PX, background: '#fff' }));
    const place = { text: label, x: 6, y: size.height - 8, anchor: 'start' as const, sizePx: 13 };
    return await rgb(
      sharp(extended.data, { raw: { ...size, channels: 3 } })
        .composite([{ input: labelOverlay([place], size) }])
        .removeAlpha(),
    );
  } catch (cause) {
    throw new DataError(`${nameOf(frame, k)}: cannot be read: ${(cause as Error).message.split('\n')[0]}`, {
      cause,
    });
  }
}

async function rgb(pipeline: Sharp): Promise<DecodedImage> {
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
