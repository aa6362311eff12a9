/** An explanation as files: a sheet with all images and methods, single overlays, and the figures. */
import { join } from 'node:path';
import { noGrad, stack, type Tensor, tidy } from 'graft-torch';
import { writeFileAtomic, writeJson } from 'graft-torch/base';
import { gridPng, type PlanarImages, toRgb } from '../../image/index.js';
import { gaussianBlur } from './deletion-insertion.js';
import type { Explanation, Method } from './explain.js';
import { toHeat } from './maps.js';
import { overlay } from './overlay.js';

/** What is known of an image that is shown. */
export interface Shown {
  /** For file names. */
  id: string;
  /** Printed beside its row. */
  label: string;
}

/** Side in px to which small images are enlarged. */
const SIDE_PX = 160;

const methodTitles: Record<Method, string> = {
  'grad-cam': 'Grad-CAM',
  'grad-cam++': 'Grad-CAM++',
  'integrated-gradients': 'integrated gradients',
};

const planar = (images: Tensor): PlanarImages => {
  const [n, , height, width] = images.shape as [number, number, number, number];
  const bytes = tidy(() =>
    images.mul(255).round().clamp({ min: 0, max: 255 }).to({ dtype: 'uint8' }).toArray(),
  );
  return { data: bytes as Uint8Array, n, height, width };
};

/** Single pixels of integrated gradients are no sight for the eye: σ of the blur, as a share of the side. */
const POINTS_BLUR = 1 / 48;

/** Heat as it is shown. What is measured is the heat itself. */
const shownHeat = (method: Method, heat: Tensor): Tensor =>
  tidy(() => {
    if (method !== 'integrated-gradients') return heat.clone();
    const [, height, width] = heat.shape as [number, number, number];
    return toHeat(gaussianBlur(heat.unsqueeze(1), POINTS_BLUR * width).squeeze(1), [height, width]);
  });

/** A name that every file system takes. */
const fileName = (id: string): string => id.replace(/[^A-Za-z0-9._-]+/g, '_');

/**
 * Writes `sheet.png`, `<id>-<method>.png` and `explain.json`.
 * @param images float32 `[M, C, H, W]` in [0, 1], at least as many as are shown
 * @param heat by method `[M, H, W]`
 * @param shown the first images
 * @returns the paths written
 */
export async function writeExplanation(
  dir: string,
  {
    images,
    heat,
    explanation,
    shown,
  }: {
    images: Tensor;
    heat: ReadonlyMap<Method, Tensor>;
    explanation: Explanation;
    shown: readonly Shown[];
  },
): Promise<{ sheet: string; overlays: string[]; json: string }> {
  const methods = [...heat.keys()];
  const count = shown.length;
  const width = images.shape.at(-1)!;
  const scale = Math.max(1, Math.round(SIDE_PX / width));
  const columns = tidy(() =>
    noGrad(() => {
      const plain = toRgb(images.narrow(0, 0, count));
      const laid = methods.map((method) =>
        overlay(plain, shownHeat(method, heat.get(method)!.narrow(0, 0, count))),
      );
      // A row an image: the image itself, then each method.
      return {
        sheet: planar(stack([plain, ...laid], 1).reshape([-1, ...plain.shape.slice(1)])),
        single: laid.map(planar),
      };
    }),
  );
  const overlays: string[] = [];
  for (const [m, method] of methods.entries()) {
    const { data, height } = columns.single[m]!;
    const size = 3 * height * width;
    for (const [i, { id }] of shown.entries()) {
      const one = { data: data.subarray(i * size, (i + 1) * size), n: 1, height, width };
      const path = join(dir, `${fileName(id)}-${method}.png`);
      writeFileAtomic(path, await gridPng(one, { scale, gapPx: 0 }));
      overlays.push(path);
    }
  }
  const sheet = join(dir, 'sheet.png');
  writeFileAtomic(
    sheet,
    await gridPng(columns.sheet, {
      columns: methods.length + 1,
      scale,
      rowLabels: shown.map(({ label }) => label),
      columnTitles: ['image', ...methods.map((method) => methodTitles[method])],
      breakAfter: [0],
    }),
  );
  const json = join(dir, 'explain.json');
  writeJson(json, explanation);
  return { sheet, overlays, json };
}
