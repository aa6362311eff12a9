import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError, DataError } from 'graft-torch/base';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { indexMasks, maskBox } from './mask.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-mask-'));
});
afterAll(() => rmSync(root, { recursive: true }));

interface Drawing {
  width?: number;
  height?: number;
  box?: { left: number; top: number; width: number; height: number };
  lesion?: number;
  skin?: number;
}

/** A rectangle of one grey value on another; 40 × 30 px, white on black. */
async function draw(name: string, drawing: Drawing = {}): Promise<string> {
  const { width = 40, height = 30, box, lesion = 255, skin = 0 } = drawing;
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  const data = Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const inside =
      box && x >= box.left && x < box.left + box.width && y >= box.top && y < box.top + box.height;
    return inside ? lesion : skin;
  });
  await sharp(data, { raw: { width, height, channels: 1 } }).toFile(path);
  return path;
}

describe('matching by name', () => {
  test('every name that the archive and its challenges use', async () => {
    for (const name of [
      'names/ISIC_1_segmentation.png',
      'names/ISIC_2_Segmentation.png',
      'names/deep/ISIC_3_expert.png',
      'names/ISIC_4_mask.PNG',
      'names/ISIC_5.png',
      'names/ISIC_6_lesion.png',
      'names/ISIC_7_novice.png',
      'names/ISIC_8_superpixels.png',
    ])
      await draw(name);
    const masks = await indexMasks(join(root, 'names'));
    expect(masks.count).toBe(8);
    for (const k of [1, 2, 3, 4, 5, 6, 7])
      expect(masks.find(`ISIC_${k}`)).toEqual([expect.stringContaining(`ISIC_${k}`)]);
    expect(masks.find('ISIC_8')).toEqual([]);
    expect(masks.find('ISIC_9')).toEqual([]);
    expect(masks.find('ISIC')).toEqual([]);
    expect(masks.find('images/ISIC_5.jpg')).toEqual([join(root, 'names/ISIC_5.png')]);
  });

  test('an id may itself end like a mask', async () => {
    const path = await draw('endings/scan_mask.png');
    const masks = await indexMasks(join(root, 'endings'));
    expect(masks.find('scan_mask')).toEqual([path]);
    expect(masks.find('scan')).toEqual([path]);
  });

  test('beside the pictures: the ending goes first, then the lossless file', async () => {
    await draw('beside/a.jpg');
    const a = await draw('beside/a_segmentation.png');
    await draw('beside/b.jpg');
    const b = await draw('beside/b.png');
    const masks = await indexMasks(join(root, 'beside'));
    expect(masks.find('a')).toEqual([a]);
    expect(masks.find('b')).toEqual([b]);
  });

  test.each([
    ['one', 'x_expert.png', 'x_segmentation.png'],
    ['two', 'x.png', 'more/x.png'],
    ['three', 'x.png', 'x.tif'],
  ])('two masks of one image are named (%s)', async (folder, first, second) => {
    await draw(`two-${folder}/${first}`);
    await draw(`two-${folder}/${second}`);
    await draw(`two-${folder}/other.png`);
    const masks = await indexMasks(join(root, `two-${folder}`));
    expect(masks.find('other')).toHaveLength(1);
    expect(() => masks.find('x')).toThrow(DataError);
    for (const name of [first, second]) expect(() => masks.find('x')).toThrow(name);
  });

  test('a folder without masks, or none at all, is refused', async () => {
    mkdirSync(join(root, 'empty'));
    await expect(indexMasks(join(root, 'empty'))).rejects.toThrow(/empty: no masks in this folder/);
    await expect(indexMasks(join(root, 'nowhere'))).rejects.toThrow(DataError);
  });
});

describe('the box around the white', () => {
  const size = { width: 40, height: 30 };
  const box = { left: 10, top: 8, width: 12, height: 5 };

  test('is exact, to the edges', async () => {
    expect(await maskBox([await draw('box.png', { box })], { size })).toEqual(box);
    const whole = { left: 0, top: 0, ...size };
    expect(await maskBox([await draw('whole.png', { box: whole })], { size })).toEqual(whole);
    const dot = { left: 39, top: 29, width: 1, height: 1 };
    expect(await maskBox([await draw('dot.png', { box: dot })], { size })).toEqual(dot);
  });

  test('is widened by a share of its sides, and ends at the image', async () => {
    const path = await draw('margin.png', { box });
    expect(await maskBox([path], { size, marginShare: 0.25 })).toEqual({
      left: 7,
      top: 6,
      width: 18,
      height: 9,
    });
    expect(await maskBox([path], { size, marginShare: 5 })).toEqual({ left: 0, top: 0, ...size });
  });

  test('begins at 128', async () => {
    const at = (lesion: number) => draw(`grey-${lesion}.png`, { box, lesion });
    expect(await maskBox([await at(128)], { size })).toEqual(box);
    await expect(maskBox([await at(127)], { size })).rejects.toThrow(/lightest is 127/);
  });

  test('is in pixels of the image if the mask is smaller or larger', async () => {
    const path = await draw('scaled.png', { box });
    expect(await maskBox([path], { size: { width: 80, height: 60 } })).toEqual({
      left: 20,
      top: 16,
      width: 24,
      height: 10,
    });
    // 13 / 40 of 20 px and so on: the white lies inside the box.
    expect(await maskBox([path], { size: { width: 20, height: 15 } })).toEqual({
      left: 5,
      top: 4,
      width: 6,
      height: 3,
    });
    // 640 × 481 against 4:3: within 1 %.
    expect(await maskBox([path], { size: { width: 640, height: 481 } })).toMatchObject({
      left: 160,
      width: 192,
    });
  });

  test('a mask of another shape is refused with both sizes', async () => {
    const path = await draw('shape.png', { box });
    for (const other of [
      { width: 30, height: 40 },
      { width: 40, height: 31 },
    ]) {
      await expect(maskBox([path], { size: other })).rejects.toThrow(
        `${path}: a mask of 40×30 px does not fit an image of ${other.width}×${other.height} px`,
      );
    }
  });

  test('an empty mask has none; one that is written with 0 and 1 is not empty', async () => {
    expect(await maskBox([await draw('black.png')], { size })).toBeNull();
    await expect(maskBox([await draw('ones.png', { box, lesion: 1 })], { size })).rejects.toThrow(
      /no pixel of this mask is white, the lightest is 1 of 255/,
    );
  });

  test('a picture is no mask', async () => {
    const path = await draw('picture.png', { box, lesion: 60, skin: 190 });
    await expect(maskBox([path], { size })).rejects.toThrow(`${path}: is no mask: 100 % of its pixels`);
  });

  test('a margin below 0 is refused, and so is a file that cannot be decoded', async () => {
    const path = await draw('fine.png', { box });
    for (const marginShare of [-0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(maskBox([path], { size, marginShare })).rejects.toThrow(ConfigError);
    }
    await expect(maskBox([join(root, 'none.png')], { size })).rejects.toThrow(DataError);
  });
});
