import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mountSmallDisk, noSmallDisk } from '../../test/small-disk.js';
import { inWorkplace, makeFolder, publishFolder, requireOwn } from './output-folder.js';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'graft-output-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));
const at = (...parts: string[]): string => join(base, ...parts);

const fill = async (dir: string): Promise<string> => {
  writeFileSync(join(dir, 'a.txt'), 'ours');
  return 'done';
};
/** A lock as a killed process leaves it. */
const deadLock = JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), started: '', since: '' });

describe('a folder is made', () => {
  it('as a whole, with its parents, and leaves nothing beside it', async () => {
    expect(await makeFolder(at('x', 'y'), fill)).toBe('done');
    expect(readdirSync(at('x'))).toEqual(['y']);
    expect(readdirSync(at('x', 'y'))).toEqual(['a.txt']);
  });

  it('or not at all: a failure leaves nothing, also no parent', async () => {
    const failing = makeFolder(at('x', 'y'), async (dir) => {
      await fill(dir);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(readdirSync(base)).toEqual([]);
  });

  it('in place of an empty folder, whose rights it keeps', async () => {
    mkdirSync(at('private'));
    chmodSync(at('private'), 0o700);
    await makeFolder(at('private'), fill);
    expect(statSync(at('private')).mode & 0o777).toBe(0o700);
    expect(readdirSync(base)).toEqual(['private']);
  });

  it('behind a link, which stays a link', async () => {
    mkdirSync(at('disk', 'real'), { recursive: true });
    symlinkSync('disk/real', at('link'));
    symlinkSync('disk/new', at('dangling'));
    await makeFolder(at('link'), fill);
    await makeFolder(at('dangling'), fill);
    for (const [link, target] of [
      ['link', 'real'],
      ['dangling', 'new'],
    ]) {
      expect(lstatSync(at(link!)).isSymbolicLink()).toBe(true);
      expect(readdirSync(at('disk', target!))).toEqual(['a.txt']);
    }
    expect(readdirSync(base).sort()).toEqual(['dangling', 'disk', 'link']);
    expect(readdirSync(at('disk')).sort()).toEqual(['new', 'real']);
  });

  it('with a name as long as names may be', async () => {
    const name = 'ü'.repeat(127);
    await makeFolder(at(name), fill);
    expect(readdirSync(base)).toEqual([name]);
  });

  it('not where a folder is filled, a file lies, or a link goes round in a circle', async () => {
    mkdirSync(at('filled'));
    writeFileSync(at('filled', '.hidden'), '');
    writeFileSync(at('file'), 'x');
    symlinkSync('round', at('round'));
    for (const [name, message] of [
      ['filled', /filled is not empty \(it holds \.hidden\)/],
      ['file', /file is a file/],
      ['round', /circle/],
    ] as const)
      await expect(makeFolder(at(name), fill)).rejects.toThrow(message);
    expect(readdirSync(base).sort()).toEqual(['file', 'filled', 'round']);
  });
});

describe('what is laid there meanwhile', () => {
  /** Puts something at the place while the folder is being made. */
  async function meanwhile(put: (path: string) => void): Promise<string> {
    const error = await makeFolder(at('out'), async (dir) => {
      await fill(dir);
      put(at('out'));
    }).catch((caught: Error) => caught);
    const [, kept] = /kept in (.*?): move it/.exec((error as Error).message)!;
    expect((error as Error).message).not.toContain('\n');
    expect(readFileSync(join(kept!, 'a.txt'), 'utf8')).toBe('ours');
    return kept!;
  }

  it.each<[string, (path: string) => void, (path: string) => void]>([
    [
      'a file in the empty folder',
      (path) => {
        mkdirSync(path);
        writeFileSync(join(path, 'notes.txt'), 'theirs');
      },
      (path) => expect(readFileSync(join(path, 'notes.txt'), 'utf8')).toBe('theirs'),
    ],
    [
      'a file of that name',
      (path) => writeFileSync(path, 'theirs'),
      (path) => expect(readFileSync(path, 'utf8')).toBe('theirs'),
    ],
    [
      'a link to a filled folder',
      (path) => {
        mkdirSync(at('elsewhere'));
        writeFileSync(at('elsewhere', 'x'), 'theirs');
        symlinkSync('elsewhere', path);
      },
      (path) => {
        expect(lstatSync(path).isSymbolicLink()).toBe(true);
        expect(readdirSync(at('elsewhere'))).toEqual(['x']);
      },
    ],
  ])('%s stays, and the result is kept beside it', async (_, put, check) => {
    expect(await meanwhile(put)).toBe(at('out.result'));
    check(at('out'));
    expect(readdirSync(base).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('an earlier result that was kept is not replaced either', async () => {
    mkdirSync(at('out.result'));
    expect(await meanwhile((path) => writeFileSync(path, ''))).toBe(at('out.result-2'));
    expect(readdirSync(at('out.result'))).toEqual([]);
  });
});

describe('the workplace', () => {
  it('is held by one call: the second is refused, and what the first makes stays', async () => {
    const first = makeFolder(at('out'), async (dir) => {
      await expect(makeFolder(at('out'), fill)).rejects.toThrow(/out: another process is making this folder/);
      writeFileSync(join(dir, 'first'), '');
    });
    await first;
    expect(readdirSync(at('out'))).toEqual(['first']);
    expect(readdirSync(base)).toEqual(['out']);
  });

  it('of a killed call is emptied by the next one, also by one that is refused', async () => {
    const leave = (): void => {
      mkdirSync(at('.out.making', 'folder'), { recursive: true });
      writeFileSync(at('.out.making', 'folder', 'half.png'), 'x');
      writeFileSync(at('.out.making', 'lock'), deadLock);
    };
    leave();
    await makeFolder(at('out'), fill);
    expect(readdirSync(at('out'))).toEqual(['a.txt']);
    leave();
    await expect(makeFolder(at('out'), fill)).rejects.toThrow('not empty');
    expect(readdirSync(base)).toEqual(['out']);
  });

  it('of somebody else, who happens to use the name, is left alone', async () => {
    mkdirSync(at('.out.making'));
    writeFileSync(at('.out.making', 'thesis.tex'), 'theirs');
    await expect(makeFolder(at('out'), fill)).rejects.toThrow(/\.out\.making is in the way/);
    expect(readFileSync(at('.out.making', 'thesis.tex'), 'utf8')).toBe('theirs');
  });

  it('keeps its content for the next call where that is wished', async () => {
    const options = { ending: 'preparing', keepAfter: () => true };
    await expect(
      inWorkplace(
        at('out'),
        async ({ dir }) => {
          writeFileSync(join(dir, 'part'), '1');
          throw new Error('stopped');
        },
        options,
      ),
    ).rejects.toThrow('stopped');
    await inWorkplace(
      at('out'),
      async ({ dir }) => expect(readFileSync(join(dir, 'part'), 'utf8')).toBe('1'),
      options,
    );
    expect(readdirSync(base)).toEqual([]);
  });

  it('says what and where when the disk is full, and leaves nothing', async ({ skip }) => {
    const disk = mountSmallDisk(at('disk'), 100);
    if (!disk) return skip(noSmallDisk);
    try {
      const full = makeFolder(join(disk.dir, 'out'), async (dir) =>
        writeFileSync(join(dir, 'big'), Buffer.alloc(200_000)),
      );
      await expect(full).rejects.toThrow(
        /^[^\n]*disk\/out: not written: the disk is full \(.* free\); make room/,
      );
      expect(readdirSync(disk.dir)).toEqual([]);
      await expect(makeFolder(disk.dir, fill)).rejects.toThrow(/where a disk is mounted.*such as/);
      disk.remount('ro');
      await expect(makeFolder(join(disk.dir, 'out'), fill)).rejects.toThrow(
        /out: not written: the disk is read-only/,
      );
    } finally {
      disk.unmount();
    }
  });
});

it('a folder that is written anew holds an earlier one, or nothing of anyone else’s', () => {
  const rule = { marks: ['report.html', 'report.md'], own: /^(figures|report\.(html|md))$/ };
  const ask = (...names: string[]) => {
    rmSync(at('report'), { recursive: true, force: true });
    mkdirSync(at('report'));
    for (const name of names) writeFileSync(at('report', name), '');
    return () => requireOwn(at('report'), rule);
  };
  expect(() => requireOwn(at('nowhere'), rule)).not.toThrow();
  for (const names of [
    [],
    ['figures'],
    ['report.html', 'report.md', 'figures'],
    ['report.html', 'report.md', 'notes.txt'],
    ['figures', '.report.html.0123456789ab.tmp'],
  ])
    expect(ask(...names), names.join()).not.toThrow();
  for (const names of [
    ['report.html', 'thesis.tex'],
    ['notes.txt'],
    ['config.yaml', 'summary.json'],
    ['report.html', 'report.md', 'config.yaml'], // a run, which keeps a summary.json of its own
  ])
    expect(ask(...names), names.join()).toThrow(
      /report holds other files \(.*\), which might be replaced; give a new/,
    );
  writeFileSync(at('file'), '');
  expect(() => requireOwn(at('file'), rule)).toThrow(/is a file/);
});

it('publishing replaces nothing, whoever asks', () => {
  mkdirSync(at('content'));
  mkdirSync(at('target', 'theirs'), { recursive: true });
  expect(() => publishFolder(at('content'), at('target'))).toThrow(/left as it is/);
  expect(existsSync(at('target', 'theirs'))).toBe(true);
});

it('of several processes that start after a kill at the same moment exactly one makes the folder', async () => {
  // The compiled module, in processes of their own: locks hold between processes.
  const { compileProgram } = await import('../../test/program.js');
  const { packageRoot } = await import('./package.js');
  await compileProgram();
  const module = join(packageRoot(), 'dist', 'src', 'base', 'output-folder.js');
  mkdirSync(at('.out.making'));
  writeFileSync(at('.out.making', 'lock'), deadLock);
  const script = `
    import { makeFolder } from ${JSON.stringify(module)};
    import { writeFileSync } from 'node:fs';
    while (Date.now() < ${Date.now() + 900});
    try {
      await makeFolder(${JSON.stringify(at('out'))}, async (dir) => {
        writeFileSync(dir + '/' + process.pid, '');
        await new Promise((resolve) => setTimeout(resolve, 300));
      });
      process.stdout.write('made ' + process.pid);
    } catch (error) { process.stdout.write(error.message); }`;
  const said = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
      });
      await new Promise((resolve) => child.once('exit', resolve));
      return text;
    }),
  );
  const made = said.filter((text) => text.startsWith('made '));
  expect(made, said.join('\n')).toHaveLength(1);
  expect(readdirSync(at('out'))).toEqual([made[0]!.slice(5)]);
  expect(said.filter((text) => /another process is making this folder|is not empty/.test(text))).toHaveLength(
    4,
  );
  expect(readdirSync(base)).toEqual(['out']);
}, 60_000);
