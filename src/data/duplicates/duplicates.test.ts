import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random, sha256 } from 'graft-torch/base';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encodePng } from '../../image/grid.js';
import { renderPhantom, samplePhantom } from '../phantom/index.js';
import { createContentMaps, readContent, setContent } from './content.js';
import { findDuplicates } from './duplicates.js';

async function search(files: readonly Uint8Array[]) {
  const contents = createContentMaps(files.length);
  for (const [i, bytes] of files.entries()) setContent(contents, i, (await readContent(bytes)).content);
  return findDuplicates(
    files.map((bytes) => sha256(bytes)),
    contents,
  );
}

const sizePx = 96;
const random = new Random(7);
const phantom = (): Promise<Buffer> =>
  encodePng(renderPhantom(samplePhantom(random, { prevalence: 0.5 }), sizePx), {
    width: sizePx,
    height: sizePx,
  });

describe('one picture in another file', async () => {
  const original = await phantom();
  const crop = { left: 3, top: 2, width: sizePx - 6, height: sizePx - 5 };
  const versions: [string, Promise<Buffer>][] = [
    ['recompressed', sharp(original).jpeg({ quality: 60 }).toBuffer()],
    ['half as large', sharp(original).resize(48, 48).png().toBuffer()],
    ['darker, other contrast', sharp(original).linear(0.7, 10).png().toBuffer()],
    ['other white balance', sharp(original).linear([0.8, 1, 1.1], [0, 0, 5]).png().toBuffer()],
    ['cropped by 6 % and stretched', sharp(original).extract(crop).resize(sizePx, sizePx).png().toBuffer()],
    [
      'turned by 1°',
      sharp(original).rotate(1, { background: '#caa' }).resize(sizePx, sizePx).png().toBuffer(),
    ],
    ['mirrored', sharp(original).flop().jpeg().toBuffer()],
    ['turned by 90°', sharp(original).rotate(90).jpeg().toBuffer()],
  ];
  test.each(versions)('%s: near', async (_, version) => {
    expect(await search([original, await phantom(), await version])).toMatchObject([
      { a: 0, b: 2, kind: 'near' },
    ]);
  });

  test('same bytes: exact, and further copies are paired with the first', async () => {
    const other = await phantom();
    expect(await search([original, other, original, original])).toMatchObject([
      { a: 0, b: 2, kind: 'exact' },
      { a: 0, b: 3, kind: 'exact' },
    ]);
  });
});

test('different pictures are not joined, flat ones neither', async () => {
  const flat = await Promise.all(
    [10, 200].map((background) =>
      sharp({ create: { width: 20, height: 20, channels: 3, background: { r: background, g: 0, b: 0 } } })
        .png()
        .toBuffer(),
    ),
  );
  const others: Buffer[] = [];
  for (let i = 0; i < 60; i++) others.push(await phantom());
  expect(await search([...others, ...flat])).toEqual([]);
});

test('can be stopped', async () => {
  const stop = new AbortController();
  const n = 300;
  const contents = createContentMaps(n);
  for (let i = 0; i < contents.luma.length; i++) contents.luma[i] = (i * 2654435761) >>> 24;
  contents.aspects.fill(1);
  contents.fills.fill(1);
  const hashes = Array.from({ length: n }, (_, i) => String(i));
  const onProgress = () => stop.abort(new Error('enough'));
  await expect(findDuplicates(hashes, contents, { onProgress, signal: stop.signal })).rejects.toThrow(
    'enough',
  );
});

const real = join(process.cwd(), '../shared/data/isic2017/images');
// Needs real images that are not part of the project.
test.skipIf(!existsSync(real))('ISIC 2017: the duplicates that were seen by eye, and no others', async () => {
  const seen = [
    ['0000157', '0014946'],
    ['0000171', '0015124'],
    ['0000205', '0014742'],
    ['0000229', '0014771'],
    ['0000416', '0011292'],
    ['0000423', '0010571'],
    ['0001134', '0010016'],
    ['0012127', '0012970'], // the same bytes
    ['0012672', '0012673'],
  ];
  // Lesions that look alike and share a lens or a body, but are not one: the hardest others of the set.
  const alike = [
    '0000316',
    '0000347',
    '0000355',
    '0000372',
    '0000211',
    '0011205',
    '0000082',
    '0000482',
    '0013689',
  ];
  const ids = [...new Set([...seen.flat(), ...alike])].sort();
  const names = new Set(ids.map((id) => `ISIC_${id}.jpg`));
  for (const name of (await readdir(real)).sort().slice(400, 550)) names.add(name);
  const list = [...names].sort();
  const pairs = await search(await Promise.all(list.map((name) => readFile(join(real, name)))));
  expect(pairs.map(({ a, b }) => [list[a]!.slice(5, 12), list[b]!.slice(5, 12)])).toEqual(seen);
});
