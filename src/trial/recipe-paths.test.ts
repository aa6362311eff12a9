import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { trialConfigSchema } from './config.js';
import { withRecipePaths } from './recipe-paths.js';

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
