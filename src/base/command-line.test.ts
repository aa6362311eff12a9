import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { commandLine } from './command-line.js';

/** Names that folders have, and some that only somebody who means harm gives them. */
const names = [
  'runs/plain',
  'my runs/a b',
  "it's",
  '"quoted"',
  '$HOME/x',
  '`touch pwned`',
  '$(touch pwned)',
  'a;b|c&d>e<f',
  '-rf',
  '--out',
  '~',
  '*',
  '{a,b}',
  'a\\b',
  'naïve/größe/日本語/\u00a0\u200b',
  'a\nb',
  'tab\there',
  '100%',
  '#hash',
  '!!',
  '',
];

/** The words that a shell makes of a line. */
const words = (shell: string, line: string): string[] =>
  execFileSync(shell, ['-c', `graft() { printf '%s\\0' "$@"; }\n${line}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'], // a shell may complain of its user's settings
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
  })
    .split('\0')
    .slice(0, -1);

const shells = ['/bin/sh', '/bin/bash', '/bin/dash', '/bin/zsh'].filter(existsSync);

test.each(shells)('%s reads back what was put in, as one word on one line', (shell) => {
  for (const name of names) {
    const line = commandLine`graft generator sample ${name} --out ${name}`;
    expect(line.split('\n'), name).toHaveLength(1);
    const file = name.startsWith('-') ? `./${name}` : name;
    expect(words(shell, line), line).toEqual(['generator', 'sample', file, '--out', name]);
  }
});

test('plain names stay as they are', () => {
  expect(commandLine`graft generator resume ${'runs/sngan-64_malignant.2'} --count ${500}`).toBe(
    'graft generator resume runs/sngan-64_malignant.2 --count 500',
  );
});
