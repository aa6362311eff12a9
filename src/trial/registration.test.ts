import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { trialConfigSchema } from './config.js';
import { trialPlan } from './registration.js';

const root = mkdtempSync(join(tmpdir(), 'graft-registration-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a backbone is registered by what its file holds, wherever it lies, with the network that it stands behind', async () => {
  await createPhantomDataset(join(root, 'data'), { count: 40, sizePx: 16, prevalence: 0.4, seed: 1 });
  const dataset = openDataset(join(root, 'data'));
  const written = (name: string, text: string): string => {
    writeFileSync(join(root, name), text);
    return join(root, name);
  };
  const [one, same, other] = [written('1.pth', 'a'), written('2.pth', 'a'), written('3.pth', 'b')];
  const planOf = async (backbone: string): Promise<string> => {
    const config = trialConfigSchema.parse({
      data: dataset.dir,
      arms: ['real', 'real+synthetic'],
      gans: { sngan: { set: { bestBy: 'fd', backbone } } },
    });
    return JSON.stringify(await trialPlan(config, dataset));
  };
  const plan = await planOf(`efficientnet-lite0:${one}`);
  expect(plan).not.toContain(root);
  expect(plan).toMatch(/"backbone":"efficientnet-lite0:[0-9a-f]{64}"/);
  expect(await planOf(`efficientnet-lite0:${same}`)).toBe(plan);
  expect(await planOf(`efficientnet-lite0:${other}`)).not.toBe(plan);
  expect(await planOf(`efficientnet-lite1:${one}`)).not.toBe(plan);
  expect(await planOf('efficientnet-lite0:hf:a/b/c.pth')).toContain('"efficientnet-lite0:hf:a/b/c.pth"');
});
