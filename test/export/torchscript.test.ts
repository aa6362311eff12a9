import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, manualSeed, noGrad, randn, savePth, type Tensor, tidy } from 'graft-torch';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WriteError } from '../../packages/torch/src/base/errors.js';
import { checkTorchScript, exportTorchScript } from '../../packages/torch/src/export/index.js';
import { mountSmallDisk, noSmallDisk } from '../small-disk.js';
import { disposeShared, forwardOf, inputsOf, makeNetwork, NETWORKS, OPERATORS, scaleOf } from './cases.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-script-'));
const pathOf = (name: string): string => join(folder, `${name.replace(/\W+/g, '-')}.pt`);
const python = '/usr/bin/python3';
const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0;

let before: number;
beforeAll(() => {
  before = liveTensors();
});
// Each case draws what it would draw alone.
beforeEach(() => {
  manualSeed(5);
});
afterAll(() => {
  disposeShared();
  expect(liveTensors()).toBe(before);
});

test.each(Object.entries(OPERATORS))('%s, run by libtorch at another batch size', (name, body) => {
  tidy(() => {
    const summary = exportTorchScript(body, { x: randn([1, 6, 4, 4]) }, { path: pathOf(name) });
    expect(summary.dynamicBatch).toBe(true);
    expect(checkTorchScript(pathOf(name), body, { x: randn([3, 6, 4, 4]) })).toBeLessThan(1e-5);
  });
});

test.each(Object.entries(NETWORKS))('%s, run by libtorch at another batch size', (name, network) => {
  tidy(() => {
    const made = makeNetwork(network);
    const parameters = made.stateDict();
    const summary = exportTorchScript(forwardOf(made), inputsOf(network, 1), {
      path: pathOf(name),
      parameters,
      metadata: { network: name },
    });
    expect(summary.dynamicBatch).toBe(true);
    const inputs = inputsOf(network, 3);
    const difference = checkTorchScript(pathOf(name), forwardOf(made), inputs);
    expect(difference / scaleOf(made, inputs)).toBeLessThan(5e-5);
    // For Python: inputs, what came out of them, and the state dict.
    const output = noGrad(() => forwardOf(made)(...Object.values(inputs)));
    savePth(`${pathOf(name)}h`, { ...inputs, output });
    savePth(`${pathOf(name)}.state`, parameters);
    made.dispose();
  });
});

test.skipIf(!hasTorch)('Python’s torch.jit.load runs them all the same (skipped without it)', () => {
  const script = `
import glob, json, sys, torch
for path in sorted(glob.glob(sys.argv[1] + "/*.pth")):
    extra = {"metadata.json": ""}
    module = torch.jit.load(path[:-1], _extra_files=extra)
    values = torch.load(path)
    output = values.pop("output")
    difference = ((module(*values.values()) - output).abs().max() / output.abs().max()).item()
    state = torch.load(path[:-1] + ".state")
    own = module.state_dict()
    same = all(torch.equal(own[k].flatten(), state[k].flatten()) for k in own if k in state)
    missing = [k for k in state if k not in own and not k.endswith("num_batches_tracked")]
    running = [k for k, _ in module.named_parameters() if "running" in k]
    print(json.dumps([json.loads(extra["metadata.json"])["network"], difference, same, missing, running]))
`;
  const run = spawnSync(python, ['-c', script, folder], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  const lines = run.stdout.trim().split('\n');
  const results = lines.map((line) => JSON.parse(line) as [string, number, boolean, string[], string[]]);
  expect(results.map(([name]) => name).sort()).toEqual(Object.keys(NETWORKS).sort());
  for (const [name, difference, same, missing, running] of results) {
    expect(difference, name).toBeLessThan(5e-5);
    expect(same, name).toBe(true); // a state-dict key stands for the parameter's numbers
    expect(running, name).toEqual([]); // buffers, no parameters
    if (/^DCGAN|^Eff/.test(name)) expect(missing, name).toEqual([]);
  }
});

test('refuses what the language cannot say', () => {
  tidy(() => {
    const identity = (x: Tensor): Tensor => x.neg();
    const attempt = (name: string) => () =>
      exportTorchScript(identity, { [name]: randn([1]) }, { path: pathOf('refused') });
    expect(attempt('1x')).toThrow(/no input '1x'/);
    expect(attempt('self')).toThrow(/no input 'self'/);
  });
});

test('two exports are the same, byte for byte, whatever their names, folders and times', async () => {
  const [, network] = Object.entries(NETWORKS)[0]!;
  const made = makeNetwork(network);
  mkdirSync(join(folder, 'elsewhere'));
  const write = (path: string): Buffer => {
    tidy(() =>
      exportTorchScript(forwardOf(made), inputsOf(network, 1), {
        path,
        parameters: made.stateDict(),
        metadata: { about: 'x' },
      }),
    );
    return readFileSync(path);
  };
  const first = write(join(folder, 'first.pt'));
  await new Promise((resolve) => setTimeout(resolve, 2100)); // the seconds of a zip's clock come in twos
  expect(write(join(folder, 'elsewhere', 'another name.pt')).equals(first)).toBe(true);
  expect(first.includes('archive/extra/metadata.json')).toBe(true);
  expect(first.includes('.tmp')).toBe(false);
  made.dispose();
});

test('a disk that is full, or fills up on the way, is one line, and nothing is left', (context) => {
  const disk = mountSmallDisk(join(folder, 'disk'), 400);
  if (!disk) return context.skip(noSmallDisk);
  try {
    const weight = randn([40_000]); // 160 kB
    for (const leaveBytes of [0, 4096, 65_536, 131_072]) {
      disk.fill(leaveBytes);
      const before = readdirSync(disk.dir);
      const write = (): unknown =>
        tidy(() =>
          exportTorchScript(
            (x) => x.add(weight),
            { x: randn([1, 40_000]) },
            { path: join(disk.dir, 'network.pt'), parameters: { weight } },
          ),
        );
      expect(write, `${leaveBytes} bytes left`).toThrow(WriteError);
      expect(write).toThrow(
        /^[^\n]*network\.pt: not written: the disk is full \([^\n]*free\); make room there[^\n]*$/,
      );
      expect(readdirSync(disk.dir)).toEqual(before);
      disk.clear();
    }
    weight.dispose();
  } finally {
    disk.unmount();
  }
});
