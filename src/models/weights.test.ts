/** Weights of classifiers and metrics in files as trainers leave them. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dispose, savePth, saveSafetensors, type Tensor, tensor, tidy } from 'graft-torch';
import { expect, test } from 'vitest';
import { EfficientNet, inspectNetworkWeights, loadNetworkWeights } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-weights-'));

test('an EfficientNet is found behind what trainers wrap it in, or the parts are listed', () => {
  const network = new EfficientNet('b0', { numClasses: 1 });
  const state = network.stateDict();
  const prefixed = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(state).map(([key, value]) => [prefix + key, value]));
  tidy(() => {
    const path = join(folder, 'lightning.pth');
    savePth(path, { ...prefixed('model._orig_mod.module.'), 'criterion.pos_weight': tensor([3], [1]) });
    expect(inspectNetworkWeights(path, 'efficientnet-b0').naming).toBe('lukemelas');
    expect(loadNetworkWeights(network, path)).toMatchObject({ loaded: 360, skipped: [] });

    const both = join(folder, 'both.safetensors');
    saveSafetensors(both, { ...prefixed('student.'), ...prefixed('teacher.') });
    expect(() => loadNetworkWeights(network, both)).toThrow(
      /both\.safetensors: it holds several networks of this kind; choose one with --part \(key weightsPart\): student, teacher/,
    );
    expect(loadNetworkWeights(network, both, { part: 'teacher' }).loaded).toBe(360);
    expect(() => loadNetworkWeights(network, both, { part: 'x' })).toThrow(/choose one of: student, teacher/);

    const broken = join(folder, 'broken.safetensors');
    saveSafetensors(broken, {
      ...state,
      '_blocks.3._bn1.weight': state['_blocks.3._bn1.weight']!.mul(Number.NaN),
    });
    expect(() => loadNetworkWeights(network, broken)).toThrow(
      /broken\.safetensors: tensor '_blocks\.3\._bn1\.weight' holds 144 of 144 values/,
    );
  });
  dispose(Object.values(state));
  network.dispose();
});
