/** Generators in files as trainers leave them. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { savePth, saveSafetensors, type Tensor, tidy } from 'graft-torch';
import { expect, test } from 'vitest';
import { openGenerator } from '../open-generator.js';
import { ganConfigSchema } from './config.js';
import { makeGenerator } from './networks.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-generators-'));

test('a generator is found behind what trainers wrap it in, or the parts are listed', async () => {
  const config = ganConfigSchema.parse({
    data: 'x',
    class: 'y',
    architecture: 'dcgan',
    generatorWidth: 4,
    latentSize: 8,
  });
  const network = makeGenerator(config);
  const state = network.stateDict();
  const prefixed = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(state).map(([key, value]) => [prefix + key, value]));
  const opens = async (path: string, part?: string): Promise<number> => {
    const opened = await openGenerator(path, { device: 'cpu', part });
    opened.network.dispose();
    return opened.config.latentSize;
  };
  const compiled = join(folder, 'compiled.pth');
  savePth(compiled, prefixed('module._orig_mod.'));
  expect(await opens(compiled)).toBe(8);

  const lightning = join(folder, 'lightning.safetensors');
  saveSafetensors(lightning, { ...prefixed('generator.'), ...prefixed('ema_generator.') });
  await expect(opens(lightning)).rejects.toThrow(
    /lightning\.safetensors: it holds several networks .* --part: generator, ema_generator/,
  );
  expect(await opens(lightning, 'ema_generator')).toBe(8);
  await expect(opens(folder, 'generator')).rejects.toThrow(/is no file of weights: .*leave --part out/);

  const broken = join(folder, 'broken.pth');
  tidy(() => savePth(broken, { ...state, 'main.0.weight': state['main.0.weight']!.div(0) }));
  await expect(opens(broken)).rejects.toThrow(
    /broken\.pth: tensor 'main\.0\.weight' holds \d+ of \d+ values/,
  );
  network.dispose();
});
