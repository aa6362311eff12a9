import { describe, expect, it, vi } from 'vitest';
import { autoBackbone } from '../metrics/backbone/index.js';
import type { CommandEntry } from './command-table.js';
import {
  describeBackbone,
  describeBlas,
  describeJpeg,
  describeThreads,
  describeWaitPolicy,
  type Finding,
  register,
} from './doctor.js';
import { main } from './main.js';

const table: CommandEntry[] = [{ name: 'doctor', summary: '', group: '', load: async () => register }];

async function runDoctor(...args: string[]): Promise<{ code: number; stdout: string }> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const code = await main(['doctor', ...args], table);
    return { code, stdout: write.mock.calls.map(([chunk]) => String(chunk)).join('') };
  } finally {
    write.mockRestore();
  }
}

describe('graft doctor', () => {
  it('finds the engine, the libraries and the machine', async () => {
    const { code, stdout } = await runDoctor('--json');
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(code).toBe(0);
    const values = new Map(findings.map((finding) => [finding.name, finding.value]));
    for (const name of [
      'Graft',
      'Node.js',
      'platform',
      'sharp',
      'libtorch',
      'CUDA',
      'threads',
      'OMP_WAIT_POLICY',
      'backbone auto',
    ])
      expect(values.get(name), name).toBeTruthy();
    for (const name of ['BLAS', 'oneDNN', 'JPEG', 'CPU', 'memory', 'disk'])
      expect(values.get(name), name).toBeTruthy();
    expect(values.get('libtorch')).toMatch(/^[12]\.\d+/);
    expect(values.get('Node.js')).toBe(process.versions.node);
  });

  it('gives a remedy with everything that is not well', async () => {
    const { stdout } = await runDoctor('--json', '--threads', '1');
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    for (const finding of findings.filter(({ status }) => status !== 'ok'))
      expect(finding.remedy, finding.name).toBeTruthy();
  });

  it('prints one line a finding for people', async () => {
    const { stdout } = await runDoctor('--no-color');
    expect(stdout).toMatch(/^ok +Graft +\d/m);
    expect(stdout).toMatch(/^(ok|warn) +BLAS +\S/m);
  });
});

describe('the judgements', () => {
  const systemDir = '/usr/lib/x86_64-linux-gnu';

  it('warns of the reference BLAS, also where an OpenBLAS is loaded beside it', () => {
    const libraries = [
      `${systemDir}/blas/libblas.so.3.11.0`,
      `${systemDir}/openblas-pthread/libopenblas.so.0`,
    ];
    const engine = { mkl: false, blasKernels: 'Haswell' };
    expect(describeBlas(libraries, engine)).toMatchObject({ status: 'warn' });
    expect(describeBlas(libraries, engine).remedy).toContain('libopenblas0-pthread');
  });

  it('names the BLAS that multiplies', () => {
    const openblas = [
      `${systemDir}/openblas-pthread/libblas.so.3`,
      `${systemDir}/openblas-pthread/libopenblasp.so`,
    ];
    expect(describeBlas(openblas, { mkl: false, blasKernels: 'Haswell' })).toMatchObject({
      status: 'ok',
      value: expect.stringMatching(/^OpenBLAS .*, kernels for Haswell$/),
    });
    expect(describeBlas([], { mkl: true, blasKernels: '' })).toMatchObject({ status: 'ok', value: 'MKL' });
  });

  it('tells what decodes JPEGs, and what to install where nothing fast does', () => {
    expect(describeJpeg('libjpeg-turbo 2.1.5')).toMatchObject({ status: 'ok', value: 'libjpeg-turbo 2.1.5' });
    expect(describeJpeg(undefined)).toMatchObject({
      status: 'warn',
      remedy: expect.stringMatching(/jpeg.*npm run setup/),
    });
  });

  it('says what the backbone auto would take, and what is wrong with the variable', () => {
    expect(describeBackbone(() => ({ spec: 'random', why: 'no weights are at hand' }))).toEqual({
      ...{ name: 'backbone auto', status: 'ok', value: 'random (no weights are at hand)' },
    });
    const wrong = describeBackbone(() => autoBackbone({ GRAFT_BACKBONE: 'efficientnet-lite0:gone.pth' }));
    expect(wrong).toMatchObject({
      status: 'warn',
      value: expect.stringMatching(
        /^GRAFT_BACKBONE=efficientnet-lite0:gone\.pth: the weights are not there$/,
      ),
      remedy: 'correct the path or unset the variable',
    });
  });

  it('warns of idle cores, of too many threads and of spinning ones', () => {
    expect(describeThreads(4, 4).status).toBe('ok');
    expect(describeThreads(1, 4).status).toBe('warn');
    expect(describeThreads(8, 4).status).toBe('warn');
    expect(describeWaitPolicy('passive').status).toBe('ok');
    expect(describeWaitPolicy('ACTIVE').status).toBe('warn');
    expect(describeWaitPolicy(undefined).status).toBe('warn');
  });
});
