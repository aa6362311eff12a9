/** `graft doctor`: what Graft found on this machine, what slows it down, what is missing and how to get it. */
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { arch, availableParallelism, cpus, freemem, release, totalmem } from 'node:os';
import type { Command } from 'commander';
import type { EngineInfo } from 'graft-torch';
import { engineInfo } from 'graft-torch';
import { GraftError } from 'graft-torch/base';
import { findEngine, isClone, setUpCommand } from 'graft-torch/setup';
import { graftVersion } from '../base/index.js';
import { colorsFor, examples, output, startEngine } from './common.js';
import { libtorchSources } from './setup.js';

export interface Finding {
  name: string;
  /** `warn`: works, but slower or with less than it could; `missing`: something does not work. */
  status: 'ok' | 'warn' | 'missing';
  value: string;
  remedy?: string;
}

const GIB = 2 ** 30;
/** Where Graft was cloned it is another command than where it was installed. */
const again = `\`${setUpCommand()}\``;
/** A set-up keeps the libtorch that it took. */
const withAnother = `\`${setUpCommand()}${isClone() ? ' -- --fresh' : ' --fresh'}\``;
/** What the demo and a 64-pixel GAN need with room to spare. */
const COMFORTABLE_MEMORY_BYTES = 4 * GIB;
const COMFORTABLE_DISK_BYTES = 5 * GIB;

export function register(program: Command): void {
  const doctor = program
    .command('doctor')
    .description(
      'what is installed, which libtorch, devices, threads; what is missing and how to get it (exit code 1)',
    )
    .action(async (_flags: object, command: Command) => {
      const findings = await diagnose(command);
      output(command, { json: { findings }, text: () => layOut(findings) });
      const missing = findings.filter((finding) => finding.status === 'missing').map(({ name }) => name);
      if (missing.length > 0)
        throw new GraftError(`missing: ${missing.join(', ')}; each with its remedy above`);
    });
  examples(doctor, [
    ['everything, one line each', 'graft doctor'],
    ['for a bug report', 'graft doctor --json > doctor.json'],
  ]);
}

async function diagnose(command: Command): Promise<Finding[]> {
  const machine = [describeCpu(), describeMemory(), describeDisk(process.cwd())];
  const software: Finding[] = [
    { name: 'Graft', status: 'ok', value: graftVersion() },
    { name: 'Node.js', status: 'ok', value: process.versions.node },
    { name: 'platform', status: 'ok', value: `${process.platform} ${arch()}, ${release()}` },
    await describeSharp(),
  ];
  return [...software, ...(await describeEngine(command)), ...machine];
}

/** The engine is loaded as every command loads it: what is reported is what a run would use. */
async function describeEngine(command: Command): Promise<Finding[]> {
  let info: EngineInfo;
  try {
    await startEngine(command);
    info = engineInfo();
  } catch (error) {
    return [
      {
        name: 'libtorch',
        status: 'missing',
        value: error instanceof Error ? error.message : String(error),
        remedy: `\`${setUpCommand()}\` finds or installs libtorch and builds the addon`,
      },
    ];
  }
  const libraries = loadedLibraries();
  return [
    describeLibtorch(info, libraries),
    ...describeDevices(info),
    describeThreads(info.threads, availableParallelism()),
    describeWaitPolicy(process.env.OMP_WAIT_POLICY),
    describeBlas(libraries, info),
    describeOneDnn(info),
    describeJpeg((await import('../image/index.js')).jpegLibrary()),
    describeBackbone((await import('../metrics/backbone/index.js')).autoBackbone),
  ];
}

/** What `--backbone auto` would take. @param find throws where a variable names what is not there */
export function describeBackbone(find: () => { spec: string; why: string }): Finding {
  const name = 'backbone auto';
  try {
    const { spec, why } = find();
    return { name, status: 'ok', value: `${spec} (${why})` };
  } catch (error) {
    const [value = '', ...remedy] = (error as Error).message.split('; ');
    return { name, status: 'warn', value, remedy: remedy.join('; ') || value };
  }
}

function describeLibtorch(info: EngineInfo, libraries: readonly string[]): Finding {
  const file = libraries.find((path) => /libtorch_cpu\./.test(path));
  const { engine } = findEngine();
  const where = [file, engine && `from ${libtorchSources[engine.libtorch.source]}`]
    .filter(Boolean)
    .join(', ');
  return { name: 'libtorch', status: 'ok', value: `${info.libtorch}${where ? ` (${where})` : ''}` };
}

function describeDevices(info: EngineInfo): Finding[] {
  const other = `a libtorch with CUDA (\`pip install torch\`, or LIBTORCH=<its folder>), then ${withAnother}`;
  const findings: Finding[] = [];
  if (info.cudaDevices > 0)
    findings.push({ name: 'CUDA', status: 'ok', value: `${info.cudaDevices} device(s)` });
  else if (!existsSync('/proc/driver/nvidia/version'))
    findings.push({ name: 'CUDA', status: 'ok', value: 'no NVIDIA driver here: computing on the CPU' });
  else if (info.cuda)
    findings.push({
      name: 'CUDA',
      status: 'warn',
      value: 'this libtorch has CUDA, but sees no device',
      remedy: 'check `nvidia-smi` and CUDA_VISIBLE_DEVICES',
    });
  else
    findings.push({
      name: 'CUDA',
      status: 'warn',
      value: 'an NVIDIA driver is here, but this libtorch has no CUDA',
      remedy: other,
    });
  if (process.platform === 'darwin')
    findings.push(
      info.mps
        ? { name: 'MPS', status: 'ok', value: 'available' }
        : {
            name: 'MPS',
            status: 'warn',
            value: 'not available',
            remedy: `\`brew install pytorch\`, then ${withAnother}`,
          },
    );
  return findings;
}

export function describeThreads(threads: number, cores: number): Finding {
  const value = `${threads} for an operator, ${cores} cores`;
  if (threads === cores) return { name: 'threads', status: 'ok', value };
  const remedy =
    threads < cores
      ? 'without --threads and with OMP_NUM_THREADS unset every core is used'
      : 'more threads than cores hinder each other: leave --threads and OMP_NUM_THREADS unset';
  return { name: 'threads', status: 'warn', value, remedy };
}

export function describeWaitPolicy(policy: string | undefined): Finding {
  const name = 'OMP_WAIT_POLICY';
  if (policy?.toUpperCase() === 'PASSIVE') return { name, status: 'ok', value: policy };
  return {
    name,
    status: 'warn',
    value: policy ?? 'unset',
    remedy: 'unset it (Graft then takes PASSIVE): spinning OpenMP threads can double the time of a step',
  };
}

/** Files of the shared libraries in this process; empty where the system does not tell (all but Linux). */
function loadedLibraries(): string[] {
  const maps = '/proc/self/maps';
  if (!existsSync(maps)) return [];
  const paths = readFileSync(maps, 'utf8')
    .split('\n')
    .map((line) => line.slice(line.indexOf('/')));
  return [...new Set(paths.filter((path) => /\.so(\.|$)/.test(path)))];
}

/**
 * Which library multiplies matrices. Debian's libtorch calls `libblas.so.3`, an alternative that may be the
 * reference implementation even where an OpenBLAS is loaded for something else.
 */
export function describeBlas(
  libraries: readonly string[],
  { mkl, blasKernels }: Pick<EngineInfo, 'mkl' | 'blasKernels'>,
): Finding {
  const name = 'BLAS';
  const find = (pattern: RegExp) => libraries.find((path) => pattern.test(path));
  const alternative = find(/\/libblas\.so/);
  if (alternative && /\/blas\/libblas\.so/.test(alternative)) {
    return {
      name,
      status: 'warn',
      value: `the reference BLAS, many times slower than OpenBLAS (${alternative})`,
      remedy:
        '`sudo apt-get install libopenblas0-pthread`; if it is installed, `sudo update-alternatives --auto libblas.so.3-$(gcc -print-multiarch)`',
    };
  }
  if (mkl) return { name, status: 'ok', value: 'MKL' };
  const openblas = find(/openblas/);
  if (openblas) return { name, status: 'ok', value: `OpenBLAS (${openblas}), kernels for ${blasKernels}` };
  const other = alternative ?? find(/\/lib(blis|flexiblas|atlas|Accelerate)/);
  return { name, status: 'ok', value: other ?? 'built into libtorch' };
}

function describeOneDnn(info: EngineInfo): Finding {
  const name = 'oneDNN';
  if (!info.mkldnn)
    return {
      name,
      status: 'warn',
      value: 'this libtorch has none: convolutions are several times slower',
      remedy: `another libtorch (\`pip install torch\`), then ${withAnother}`,
    };
  const version = /v([\d.]+)/.exec(info.mkldnnVersion)?.[1] ?? info.mkldnnVersion;
  return { name, status: 'ok', value: `${version}, kernels for ${info.capability}` };
}

/** @param library name and version of what decodes JPEGs at a fraction of their size */
export function describeJpeg(library: string | undefined): Finding {
  const name = 'JPEG';
  if (library) return { name, status: 'ok', value: library };
  return {
    name,
    status: 'warn',
    value: 'built without libjpeg-turbo: pixel caches of large JPEGs fill two to four times slower',
    remedy:
      process.platform === 'darwin'
        ? `\`brew install jpeg-turbo\`, then ${again}`
        : `\`sudo apt-get install libjpeg-dev\` (elsewhere libjpeg-turbo-devel), then ${again}`,
  };
}

async function describeSharp(): Promise<Finding> {
  try {
    const { default: sharp } = await import('sharp');
    const { sharp: version, vips } = sharp.versions;
    return { name: 'sharp', status: 'ok', value: `${version} (libvips ${vips})` };
  } catch (error) {
    const value = (error instanceof Error ? error.message : String(error)).trim().split('\n')[0] ?? '';
    return {
      name: 'sharp',
      status: 'missing',
      value,
      remedy: isClone() ? '`npm ci --include=optional`' : '`npm install --include=optional sharp`',
    };
  }
}

function describeCpu(): Finding {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  const flags = readCpuFlags();
  const vector = ['avx', 'avx2', 'fma', 'avx512f'].filter((flag) => flags.includes(flag));
  const value = [`${model}, ${availableParallelism()} cores`, ...vector].join(', ');
  if (arch() !== 'x64' || flags.length === 0 || flags.includes('avx2'))
    return { name: 'CPU', status: 'ok', value };
  return {
    name: 'CPU',
    status: 'warn',
    value,
    remedy: 'no AVX2: training is several times slower on this CPU',
  };
}

function readCpuFlags(): string[] {
  if (!existsSync('/proc/cpuinfo')) return [];
  return (
    /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? []
  );
}

function describeMemory(): Finding {
  const value = `${gibibytes(freemem())} of ${gibibytes(totalmem())} available`;
  if (freemem() >= COMFORTABLE_MEMORY_BYTES) return { name: 'memory', status: 'ok', value };
  return {
    name: 'memory',
    status: 'warn',
    value,
    remedy: 'close other programs, or train with a smaller batch',
  };
}

function describeDisk(folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const value = `${gibibytes(bavail * bsize)} free here`;
  if (bavail * bsize >= COMFORTABLE_DISK_BYTES) return { name: 'disk', status: 'ok', value };
  return {
    name: 'disk',
    status: 'warn',
    value,
    remedy: 'make room: checkpoints and samples of a run are kept',
  };
}

const gibibytes = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`;

function layOut(findings: readonly Finding[]): string {
  const { green, yellow, red, dim } = colorsFor(process.stdout);
  const paint = { ok: green, warn: yellow, missing: red };
  const width = Math.max(...findings.map((finding) => finding.name.length));
  const lines = findings.flatMap(({ name, status, value, remedy }) => [
    `${paint[status](status.padEnd(7))} ${name.padEnd(width)}  ${value}`,
    ...(remedy ? [`${' '.repeat(8 + width)}  ${dim(`→ ${remedy}`)}`] : []),
  ]);
  return lines.join('\n');
}
