import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, expect, it } from 'vitest';
import { surveyImages } from './survey.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-survey-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const picture = (alpha?: number, size = { width: 12, height: 8 }) =>
  sharp({
    create: {
      ...size,
      channels: alpha === undefined ? 3 : 4,
      background: { r: 200, g: 90, b: 60, ...(alpha !== undefined && { alpha }) },
    },
  }).png();

it('reads upright sizes, and tells what is transparent from an alpha channel that hides nothing', async () => {
  const file = (name: string): string => join(dir, name);
  await picture().toFile(file('plain.png'));
  await picture(1).toFile(file('opaque.png'));
  await picture(0.5).toFile(file('half.png'));
  await picture().jpeg().withMetadata({ orientation: 6 }).toFile(file('turned.jpg'));
  const found = await surveyImages(['plain.png', 'opaque.png', 'half.png', 'turned.jpg'].map(file));
  expect(found).toEqual([
    { file: file('plain.png'), width: 12, height: 8, transparent: false },
    { file: file('opaque.png'), width: 12, height: 8, transparent: false },
    { file: file('half.png'), width: 12, height: 8, transparent: true },
    { file: file('turned.jpg'), width: 8, height: 12, transparent: false },
  ]);
});

it('names the file that is no image', async () => {
  const path = join(dir, 'words.png');
  writeFileSync(path, 'not a picture');
  await expect(surveyImages([path])).rejects.toThrow(/words\.png: cannot be decoded as an image/);
});
