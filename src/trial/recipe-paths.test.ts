import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { TRUST_VARIABLE } from '../base/index.js';
import { trialConfigSchema } from './config.js';
import { withModules, withRecipePaths } from './recipe-paths.js';

const root = mkdtempSync(join(tmpdir(), 'graft-recipe-paths-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('paths in a recipe of one’s own are whole in the trial; those of its settings, and other recipes, stay', () => {
  const weights = join(root, 'w.pth');
  writeFileSync(weights, '');
  const here = relative(process.cwd(), weights);
  writeFileSync(join(root, 'clf.yaml'), `kind: classifier\nweights: ${here}\n`);
  writeFileSync(join(root, 'gan.yaml'), `kind: gan\ninitFrom: ${here}\n`);
  const config = trialConfigSchema.parse({
    data: 'd',
    gans: { own: { recipe: join(root, 'gan.yaml') }, built: {} },
    classifier: { recipe: join(root, 'clf.yaml') },
  });
  const settled = withRecipePaths(config);
  expect(settled.classifier.set).toEqual({ weights });
  expect([settled.gans.own!.set, settled.gans.built!.set]).toEqual([{ initFrom: weights }, {}]);
  const set = { ...config, classifier: { ...config.classifier, set: { weights: null } } };
  expect(withRecipePaths(set).classifier.set).toEqual({ weights: null });
});

test('so is a backbone’s file behind its network, and `auto` is what it is where the trial is begun', () => {
  const weights = join(root, 'lite0.pth');
  writeFileSync(weights, '');
  const here = relative(process.cwd(), weights);
  writeFileSync(join(root, 'looks.yaml'), `kind: gan\nbackbone: efficientnet-lite0:${here}\n`);
  writeFileSync(join(root, 'auto.yaml'), 'kind: gan\nbackbone: auto\n');
  vi.stubEnv('GRAFT_BACKBONE', `efficientnet-lite0:${weights}`);
  const settled = withRecipePaths(
    trialConfigSchema.parse({
      data: 'd',
      gans: {
        looks: { recipe: join(root, 'looks.yaml') },
        auto: { recipe: join(root, 'auto.yaml') },
        set: { set: { backbone: 'auto' } },
        random: { set: { backbone: 'random' } },
      },
    }),
  );
  vi.unstubAllEnvs();
  const backbone = `efficientnet-lite0:${weights}`;
  const { looks, auto, set, random } = settled.gans;
  for (const gan of [looks, auto, set]) expect(gan!.set).toEqual({ backbone });
  expect(random!.set).toEqual({ backbone: 'random' });
});

test('the modules of GANs and of classifiers are those that were there when the trial was begun', async () => {
  const written = (name: string, text: string) => {
    writeFileSync(join(root, name), text);
    return { path: join(root, name), hash: createHash('sha256').update(text).digest('hex') };
  };
  const gan = written('gan.mjs', 'export default { regulariser: null };');
  const classifier = written('net.mjs', 'export default { augmentation: (images) => images };');
  const config = trialConfigSchema.parse({
    data: 'd',
    gans: { own: { recipe: 'dcgan-64', set: { module: gan.path } }, plain: {} },
    classifier: { set: { module: classifier.path } },
  });
  await expect(withModules(config)).rejects.toThrow(/--trust-code/);
  vi.stubEnv(TRUST_VARIABLE, '1');
  const settled = await withModules(config);
  vi.unstubAllEnvs();
  expect(settled.gans.own!.set).toEqual({ module: gan.path, moduleSha256: gan.hash });
  expect(settled.gans.plain!.set).toEqual({});
  expect(settled.classifier.set).toMatchObject({ module: classifier.path, moduleHash: classifier.hash });
});
