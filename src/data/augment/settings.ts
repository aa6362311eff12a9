/**
 * The original's list as changes of a batch: contrast, holes, geometry (composed into one interpolation), brightness and
 * contrast, hue–saturation–value.
 */

import type { Tensor } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { gainAndBias, shiftHsv } from './colour.js';
import { cutHoles } from './cutout.js';
import { applyGeometry, interpolates, requireSquare, sourceOfOutput } from './geometry.js';
import { type AugmentationSettings, drawParameters, type SampleParameters } from './parameters.js';
import {
  holeInstructions,
  hsvInstruction,
  type Instructions,
  levelsInstruction,
  type Size,
  turnInstruction,
  warpInstruction,
} from './program.js';
import { type Change, runShares, type Share } from './run.js';

function change(
  apply: (images: Tensor, parameters: readonly SampleParameters[]) => Tensor,
  encode: (parameters: SampleParameters, size: Size) => Instructions,
): Change {
  return {
    apply: (images, parameters) => apply(images, parameters as readonly SampleParameters[]),
    encode: (parameters, size) => encode(parameters as SampleParameters, size),
  };
}

const contrast = change(
  (images, all) =>
    gainAndBias(
      images,
      all.map((p) => p.contrast),
    ),
  (p) => levelsInstruction(p.contrast, 0),
);

const holes = (side: number): Change =>
  change(
    (images, all) =>
      cutHoles(
        images,
        all.map((p) => p.holes),
        { side },
      ),
    (p, size) => holeInstructions(p.holes, { side }, size),
  );

const geometry = change(applyGeometry, (p, size) => {
  if (interpolates(p)) return warpInstruction(sourceOfOutput(p, requireSquare(size)), 'reflection', size);
  const { transpose, horizontalFlip: horizontal, verticalFlip: vertical } = p;
  if (horizontal || vertical) requireSquare(size);
  return turnInstruction({ transpose, horizontal, vertical }, size);
});

const brightnessContrast = change(
  (images, all) =>
    gainAndBias(
      images,
      all.map((p) => p.gain),
      all.map((p) => p.bias),
    ),
  (p) => levelsInstruction(p.gain, p.bias),
);

const hueSaturationValue = change(shiftHsv, hsvInstruction);

/** What the settings do to each sample of a batch; its streams are advanced. */
export function drawSettings(settings: AugmentationSettings, randoms: readonly Random[]): Share[] {
  const parameters = randoms.map((random) => drawParameters(settings, random));
  const changes = [contrast, holes(settings.cutout.side), geometry, brightnessContrast, hueSaturationValue];
  return changes.map((one) => ({ change: one, rows: parameters.map((_, row) => row), parameters }));
}

/** Parameters and result as of `augment`. */
export const runSettings = (
  images: Tensor,
  settings: AugmentationSettings,
  randoms: readonly Random[],
): Tensor => runShares(images, drawSettings(settings, randoms));
