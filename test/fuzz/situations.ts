/**
 * What happens around a command: files damaged and laid under its feet, kills, races, full disks, passwords in addresses,
 * names that are programs. Each try gives an outcome; what must not be is a fault, whatever else went well.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from 'graft-torch/base';
import { listCheckpoints } from '../../src/run/checkpoint-file.js';
import { mountSmallDisk } from '../small-disk.js';
import { pick } from './mutate.js';
import { fault, judgeCommand, type Outcome, read } from './outcome.js';
import { graft, startGraft } from './program.js';
import { tryReports } from './reports.js';
import { trainGan, type Workshop } from './workshop.js';

export interface Situation {
  name: string;
  /** @returns null where this machine does not allow it */
  attempt(workshop: Workshop, dir: string, random: Random): Promise<Outcome | null>;
}

const sample = (run: string, out: string, count: number, seed = 0): string[] => [
  ...['gan', 'sample', run, '--count', String(count), '--seed', String(seed), '--out', out],
  ...['--device', 'cpu', '--threads', '1'],
];

/** A bit of the last checkpoint is another one: its images must not come from an older one without a word. */
const damagedCheckpoint: Situation = {
  name: 'damaged checkpoint',
  async attempt(workshop, dir, random) {
    const run = join(dir, 'run');
    cpSync(await workshop.gan(), run, { recursive: true });
    const { path } = listCheckpoints(run).at(-1)!;
    const bytes = readFileSync(path);
    bytes[random.int(bytes.length)]! ^= 1 << random.int(8);
    writeFileSync(path, bytes);
    const command = pick(
      [sample(run, join(dir, 's'), 2), ['gan', 'export', run, '--out', join(dir, 'w.pth')]],
      random,
    );
    const ended = await graft(command, { cwd: dir });
    const outcome = judgeCommand(ended);
    if (outcome.kind !== 'read') return outcome;
    return /damaged/.test(ended.stderr) ? outcome : fault('another checkpoint was used without a word');
  },
};

const specialFiles: Situation = {
  name: 'special files',
  async attempt(workshop, dir, random) {
    const images = join(dir, 'images');
    const phantoms = await workshop.phantoms();
    const [some] = readdirSync(join(phantoms, 'images'));
    for (const label of ['a', 'b']) {
      mkdirSync(join(images, label), { recursive: true });
      for (let i = 0; i < 4; i++)
        cpSync(
          join(phantoms, 'images', readdirSync(join(phantoms, 'images'))[4 * Number(label === 'b') + i]!),
          join(images, label, `${label}${i}.png`),
        );
    }
    const lay = (path: string): void => {
      const make = [
        () => void spawnSync('mkfifo', [path]),
        () => symlinkSync('/dev/zero', path),
        () => symlinkSync('/dev/random', path),
        () => symlinkSync(path, path),
        () => mkdirSync(path),
      ];
      pick(make, random)();
    };
    const limits = { cwd: dir, limitMs: 60_000 };
    if (random.chance(0.3)) {
      const set = join(dir, 'set');
      cpSync(phantoms, set, { recursive: true });
      rmSync(join(set, 'images', some!));
      lay(join(set, 'images', some!));
      return judgeCommand(
        await graft(['data', 'prepare', set, '--sizes', '32', '--out', join(dir, 'p')], limits),
      );
    }
    lay(join(images, 'a', pick(['f.png', 'f.jpg', 'f.dcm', 'f'], random)));
    const args = [
      'data',
      'import',
      images,
      '--label-from-folders',
      '--positive',
      'a',
      '--out',
      join(dir, 'd'),
    ];
    return judgeCommand(await graft(args, limits));
  },
};

const secrets: Situation = {
  name: 'secrets',
  async attempt(workshop, dir, random) {
    const secret = `s3cr${random.int(1e9)}t`;
    const word = pick(['', '@', ':', '%40', ' ', '#', '/', '?', "'"], random);
    const password = `${secret}${word}${secret}`;
    const address = pick(
      [
        `postgresql://graft:${password}@127.0.0.1:1/graft`,
        `postgres://graft:${encodeURIComponent(password)}@127.0.0.1:1/graft`,
        `postgresql://graft@127.0.0.1:1/graft?password=${password}`,
        `host=127.0.0.1 port=1 user=graft password=${password} dbname=graft`,
        `host=127.0.0.1 port=1 user=graft password='${password}'`,
        `graft:${password}@127.0.0.1:1/graft`,
        `//graft:${password}@127.0.0.1:1/graft`,
      ],
      random,
    );
    const trial = join(dir, 'trial');
    mkdirSync(trial);
    writeFileSync(
      join(trial, 'config.yaml'),
      `kind: trial\ngraft: 0.1.0\ndata: ${await workshop.phantoms()}\n`,
    );
    const endpoint = `https://graft:${password}@127.0.0.1:1`;
    const [args, env] = pick<[string[], Record<string, string>]>(
      [
        [['trial', 'work', trial, '--queue', address], {}],
        [
          ['trial', 'work', 's3://b/t', '--queue', 'postgresql://g@127.0.0.1:1/g'],
          {
            AWS_ACCESS_KEY_ID: 'x',
            AWS_SECRET_ACCESS_KEY: password.trim(),
            AWS_ENDPOINT_URL: endpoint,
            AWS_REGION: 'x',
          },
        ],
        [['trial', 'export', trial, '--mlflow', endpoint], {}],
      ],
      random,
    );
    const debug = random.chance(0.5) ? ['--debug'] : [];
    const ended = await graft([...args, ...debug], { cwd: dir, env, limitMs: 20_000 });
    const printed = ended.stdout + ended.stderr;
    if (printed.includes(secret)) return fault(`a password was printed: ${printed.slice(0, 300)}`);
    // A service that is not there may be waited for; a stack has many lines.
    return ended.timedOut || debug.length > 0 ? read : judgeCommand(ended);
  },
};

/** Files that a killed command left, and that the next one should have removed. */
const leftOvers = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(\.tmp|\.importing|\.preparing|\.link)(\/|$)|\.\d+\.tmp/.test(name),
  );

const kills: Situation = {
  name: 'kills',
  async attempt(workshop, dir, random) {
    const phantoms = await workshop.phantoms();
    const out = join(dir, 'out');
    const commands: [string[], string[]][] = [
      [sample(await workshop.gan(), out, 150), sample(await workshop.gan(), out, 150)],
      [
        ['data', 'prepare', phantoms, '--sizes', '32', '--out', out],
        ['data', 'prepare', phantoms, '--sizes', '32', '--out', out],
      ],
      [trainGan(phantoms, out, 8), ['gan', 'resume', out, '--quiet']],
    ];
    const [first, again] = pick(commands, random);
    const { child, ended } = startGraft(first, { cwd: dir });
    // Mostly once it writes: what a kill before that leaves is nothing.
    let hasEnded = false;
    void ended.then(() => (hasEnded = true));
    if (random.chance(0.8)) while (!hasEnded && readdirSync(dir).length === 0) await sleep(5);
    await Promise.race([ended, sleep(random.uniform(0, random.chance(0.5) ? 300 : 3000))]);
    child.kill('SIGKILL');
    if ((await ended).status === 0) return read;
    const isRun = existsSync(join(out, 'config.yaml'));
    const next = isRun ? again : first;
    const outcome = judgeCommand(await graft(next, { cwd: dir }));
    if (outcome.kind !== 'read') return fault(`after a kill, the same command: ${JSON.stringify(outcome)}`);
    const left = leftOvers(dir);
    return left.length > 0
      ? fault(`left behind after a kill and the next command: ${left.slice(0, 3).join(', ')}`)
      : read;
  },
};

const removedRun: Situation = {
  name: 'run folder removed',
  async attempt(workshop, dir, random) {
    // Few, so that it ends before its lock is looked after; more, so that it does not.
    const steps = pick([8, 16, 400], random);
    const out = join(dir, 'out');
    const { ended } = startGraft(trainGan(await workshop.phantoms(), out, steps), { cwd: dir });
    const until = Date.now() + 60_000;
    while (!existsSync(join(out, 'samples', 'step-000000.png')) && Date.now() < until) await sleep(20);
    // Its name goes first: it is being written to.
    renameSync(out, join(dir, 'gone'));
    rmSync(join(dir, 'gone'), { recursive: true, force: true, maxRetries: 20 });
    const { status, ...rest } = await ended;
    return status === 0
      ? fault('the run folder was deleted, and it ended with exit code 0')
      : judgeCommand({ status, ...rest });
  },
};

const races: Situation = {
  name: 'races',
  async attempt(workshop, dir, random) {
    const run = await workshop.gan();
    const out = join(dir, 'out');
    const own = join(out, 'notes.txt');
    const what = random.int(3);
    if (what === 0) {
      // A file of somebody's, laid there while images are drawn.
      mkdirSync(out);
      const { ended } = startGraft(sample(run, out, 300), { cwd: dir });
      await sleep(random.uniform(100, 2500));
      if (existsSync(out)) writeFileSync(own, 'mine');
      else return judgeCommand(await ended);
      const outcome = judgeCommand(await ended);
      return existsSync(own) ? outcome : fault('a file of somebody else is gone');
    }
    if (what === 1) {
      const real = join(dir, 'real');
      mkdirSync(real);
      symlinkSync(real, out);
      const outcome = judgeCommand(await graft(sample(run, out, 2), { cwd: dir }));
      if (outcome.kind !== 'read') return outcome;
      return readdirSync(real).length > 0 ? outcome : fault('a link was replaced, its folder stayed empty');
    }
    const ended = await Promise.all([1, 2].map((seed) => graft(sample(run, out, 60, seed), { cwd: dir })));
    const outcomes = ended.map(judgeCommand);
    const bad = outcomes.find(({ kind }) => kind === 'fault');
    if (bad) return bad;
    const done = outcomes.filter(({ kind }) => kind === 'read').length;
    return done === 1 ? read : fault(`${done} of two that wrote to one folder said that they had done so`);
  },
};

const fullDisk: Situation = {
  name: 'full disk',
  async attempt(workshop, dir, random) {
    const small = mountSmallDisk(join(dir, 'small'), 4096);
    if (!small) return null;
    try {
      const [phantoms, run] = [await workshop.phantoms(), await workshop.gan()];
      const at = (name: string): string => join(small.dir, name);
      const commands = [
        sample(run, at('s'), 100),
        ['gan', 'export', run, '--out', at(pick(['w.pt', 'w.onnx', 'w.pth', 'w.safetensors'], random))],
        ['data', 'phantoms', '--count', '200', '--size', '64', '--out', at('p')],
        ['data', 'prepare', phantoms, '--sizes', '32', '--out', at('q')],
        trainGan(phantoms, at('g'), 4),
        ['data', 'describe', phantoms, '--report', at('r.html')],
      ];
      small.fill(4096 * random.int(60));
      const before = readdirSync(small.dir);
      const ended = await graft(pick(commands, random), { cwd: dir });
      const outcome = judgeCommand(ended);
      if (
        outcome.kind === 'refused' &&
        !/full|quota|room|cannot be written|not written/.test(outcome.message)
      )
        return fault(`a full disk is not named: ${outcome.message}`);
      const left = readdirSync(small.dir).filter(
        (name) => !before.includes(name) && /^\..*\.tmp$/.test(name),
      );
      if (outcome.kind === 'refused' && left.length > 0)
        return fault(`left on the full disk: ${left.join(', ')}`);
      return outcome;
    } finally {
      small.unmount();
    }
  },
};

const readOnly: Situation = {
  name: 'read-only folder',
  async attempt(workshop, dir, random) {
    const small = mountSmallDisk(join(dir, 'small'), 4096);
    if (!small) return null;
    try {
      small.remount('ro');
      const [phantoms, run] = [await workshop.phantoms(), await workshop.gan()];
      const at = (name: string): string => join(small.dir, name);
      const commands = [
        sample(run, at('s'), 2),
        ['gan', 'export', run, '--out', at(pick(['w.pt', 'w.onnx', 'w.pth'], random))],
        ['data', 'prepare', phantoms, '--sizes', '32', '--out', at('q')],
        trainGan(phantoms, at('g'), 2),
      ];
      const outcome = judgeCommand(await graft(pick(commands, random), { cwd: dir }));
      return outcome.kind === 'read' ? fault('wrote to a read-only disk') : outcome;
    } finally {
      small.unmount();
    }
  },
};

const exports: Situation = {
  name: 'exports repeat',
  async attempt(workshop, dir, random) {
    const run = await workshop.gan();
    for (const ending of ['pt', pick(['onnx', 'safetensors', 'pth'], random)]) {
      const paths = ['first', 'second'].map((name) => join(dir, `${name}.${ending}`));
      for (const path of paths) {
        const outcome = judgeCommand(await graft(['gan', 'export', run, '--out', path], { cwd: dir }));
        if (outcome.kind !== 'read') return outcome;
      }
      const [first, second] = paths.map((path) => readFileSync(path));
      if (!first!.equals(second!)) return fault(`two exports as .${ending} differ`);
    }
    return read;
  },
};

const scripts: Situation = {
  name: 'scripts of strangers',
  async attempt(workshop, dir) {
    const [pwned, script] = [join(dir, 'PWNED'), join(dir, 'evil.pt')];
    const { saveScript } = await import('graft-torch');
    const { randn } = await import('graft-torch');
    const source = `def forward(self, x):\n    torch.save(x, ${JSON.stringify(pwned)})\n    return torch.mean(torch.conv2d(x, self.w), [2, 3])\n`;
    saveScript(script, source, { tensors: new Map([['w', randn([4, 3, 3, 3])]]) });
    const synthetic = join(dir, 's');
    await graft(sample(await workshop.gan(), synthetic, 40), { cwd: dir });
    const args = ['metrics', 'distribution', '--real', await workshop.phantoms(), '--synthetic', synthetic];
    const how = ['--backbone', script, '--input', 'sizePx=32', '--no-cache', '--replicates', '0'];
    const outcome = judgeCommand(await graft([...args, ...how], { cwd: dir }));
    return existsSync(pwned) && statSync(pwned).isFile() ? fault('a file ran its author’s code') : outcome;
  },
};

export const situations: readonly Situation[] = [
  ...[
    damagedCheckpoint,
    specialFiles,
    secrets,
    kills,
    removedRun,
    races,
    fullDisk,
    readOnly,
    exports,
    scripts,
  ],
  { name: 'hostile names', attempt: tryReports },
];
