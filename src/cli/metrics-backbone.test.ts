/** `--backbone NETWORK:FILE` and `auto` on the command line: what records carry, and what cannot be compared. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveSafetensors, withSeed } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import { encodePng } from '../image/grid.js';
import type { MetricRecord } from '../metrics/sets/record.js';
import { EfficientNet, encodeConventions } from '../models/index.js';
import { inProcess, inProcessAloud } from './in-process.test-data.js';
import { register } from './metrics.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-metrics-backbone-'));
const at = (name: string): string => join(dir, name);
const metrics = inProcess('metrics', register);
const aloud = inProcessAloud('metrics', register);

async function phantoms(name: string, n: number, seed: number): Promise<void> {
  mkdirSync(at(name));
  const random = new Random(seed);
  for (let k = 0; k < n; k++) {
    const pixels = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), 32);
    writeFileSync(join(at(name), `${k}.png`), await encodePng(pixels, { width: 32, height: 32 }));
  }
}

const spec = `efficientnet-lite0:${at('lite0.safetensors')}`;
const sets = ['--real', at('real'), '--synthetic', at('synthetic'), '--no-cache', '--json'];
const small = ['--input', 'sizePx=32'];

beforeAll(async () => {
  await phantoms('real', 24, 1);
  await phantoms('held-out', 24, 2);
  await phantoms('synthetic', 20, 3);
  const network = withSeed(1, () => new EfficientNet('lite0', { numClasses: 2 }));
  const conventions = { ...network.conventions, inputStatistics: 'half' } as const;
  saveSafetensors(at('lite0.safetensors'), network.stateDict(), encodeConventions(conventions));
  network.dispose();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Printed {
  about: string;
  records: MetricRecord[];
}

it('records of `distribution` carry the network and its hash; of another backbone they are not compared', async () => {
  const printed = async (backbone: string, more: string[] = small): Promise<string> =>
    metrics('distribution', ...sets, '--replicates', '0', '--backbone', backbone, ...more);
  const text = await printed(spec);
  const { about, records } = JSON.parse(text) as Printed;
  expect(about).toMatch(/^EfficientNet-Lite0, weights of .*lite0\.safetensors.*input 32 px/);
  expect(records.length).toBeGreaterThan(3);
  for (const { protocol } of records)
    expect(protocol).toMatchObject({
      backbone: 'EfficientNet-Lite0',
      backboneHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  writeFileSync(at('lite0.json'), text);
  writeFileSync(at('same.json'), await printed(spec));
  writeFileSync(at('side.json'), await printed(spec, ['--input', 'sizePx=48']));
  writeFileSync(at('random.json'), await printed('random', []));
  expect(await metrics('compare', at('lite0.json'), at('same.json'))).toContain('equal');
  await expect(metrics('compare', at('lite0.json'), at('random.json'))).rejects.toThrow(
    /differ in backbone \(EfficientNet-Lite0 against random EfficientNet-B0\), backboneHash/,
  );
  await expect(metrics('compare', at('lite0.json'), at('side.json'))).rejects.toThrow(/backboneHash/);
});

it('`auto` is said and recorded as what it was', async () => {
  const run = () => aloud('distribution', ...sets, '--replicates', '0', '--backbone', 'auto', ...small);
  vi.stubEnv('GRAFT_BACKBONE', spec);
  const named = await run();
  expect(named.error).toBeUndefined();
  expect(named.stderr).toContain(`backbone ${spec}: $GRAFT_BACKBONE names it`);
  expect((JSON.parse(named.stdout) as Printed).records[0]!.protocol.backbone).toBe('EfficientNet-Lite0');
  vi.stubEnv('GRAFT_BACKBONE', '');
  vi.stubEnv('GRAFT_CACHE', at('empty-cache'));
  const none = await run();
  expect(none.error).toBeUndefined();
  expect(none.stderr).toContain('backbone random: no weights are at hand');
  expect((JSON.parse(none.stdout) as Printed).records[0]!.protocol.backbone).toBe('random EfficientNet-B0');
});

it('`privacy` looks through it', async () => {
  const more = ['--held-out', at('held-out'), '--backbone', spec, ...small];
  const { stdout, error } = await aloud('privacy', ...sets, ...more);
  // Twenty-four images are too few to decide anything.
  expect(error?.message).toMatch(/^privacy: (UNDECIDED|FAIL)/);
  const { protocol } = JSON.parse(stdout) as { protocol: Record<string, unknown> };
  expect(protocol.backbone).toBe('EfficientNet-Lite0');
});

it.each([
  ['efficientnet-lite9:w.pth', /'efficientnet-lite9' is neither a kind of backbone nor a network/],
  ['efficientnet-lite0:gone.pth', /gone\.pth does not exist/],
])('%s is refused in one line', async (backbone, message) => {
  const { error } = await aloud('distribution', ...sets, '--backbone', backbone);
  expect(error?.message).toMatch(message);
  expect(error?.message).not.toContain('\n');
});
