/** Checkpoints as trainers save them: a state dict in company, several of them, and names behind wrappers. */
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DataError } from '../base/errors.js';
import { liveTensors, loadWeights, saveSafetensors, tensor, tidy } from './index.js';

const folder = fileURLToPath(new URL('../../../../test/goldens/pth/company/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'graft-company-'));
const names = readdirSync(folder);
/** The network that the files hold. */
const network = { weight: [0, 1, 2, 3, 4, 5], bias: [1, 1] };
const knows = (keys: readonly string[]): boolean => keys.includes('weight') && keys.includes('bias');

function read(path: string, options: Parameters<typeof loadWeights>[1] = {}): Record<string, number[]> {
  return tidy(() => {
    const { tensors } = loadWeights(path, options);
    return Object.fromEntries(
      Object.entries(tensors).map(([key, value]) => [key, [...value.float().toArray()].map(Number)]),
    );
  });
}
const fileOf = (name: string): string => join(folder, name);
const refusal = (path: string, options: Parameters<typeof loadWeights>[1] = {}): string => {
  try {
    read(path, options);
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message.startsWith(`${path}: `)).toBe(true);
    return (error as Error).message.slice(path.length + 2);
  }
  return 'read';
};

test('whatever stands beside a state dict is passed over, and nothing is run', () => {
  const before = liveTensors();
  for (const name of names.filter((one) => /^(all-|beside|tuple|lightning)/.test(one)))
    expect(read(fileOf(name), { knows }), name).toEqual(network);
  expect(names.filter((one) => one.startsWith('all-'))).toHaveLength(4);
  expect(liveTensors()).toBe(before);
});

test('wrappers of PyTorch go whatever the network is called', () => {
  for (const name of names.filter((one) => /^(compiled|parallel|averaged)/.test(one)))
    expect(read(fileOf(name)), name).toEqual(network);
});

test('the attribute of a trainer goes where the network’s names lie behind it, and its loss stays out', () => {
  for (const name of names.filter((one) => one.startsWith('attribute')))
    expect(read(fileOf(name), { knows }), name).toEqual(network);
  // Without somebody who knows the names they stay: they may be the network's own.
  expect(Object.keys(read(fileOf('attribute-net.pth')))).toEqual(['net.weight', 'net.bias']);
});

describe('of several state dicts one is chosen', () => {
  test.each([
    ['several.pth', /^it holds several state dicts; choose one with --part: netG, netD, ema\.module$/],
    [
      'networks.ckpt',
      /^it holds several networks of this kind; choose one with --part: generator, discriminator$/,
    ],
  ])('%s lists them', (name, message) => {
    expect(refusal(fileOf(name), { knows })).toMatch(message);
  });

  test('by path, or by what the names begin with', () => {
    for (const part of ['netG', 'ema.module']) expect(read(fileOf('several.pth'), { part })).toEqual(network);
    expect(read(fileOf('several.pth'), { part: 'netD' }).bias).toEqual([0, 0]);
    for (const part of ['generator', 'state_dict.generator'])
      expect(read(fileOf('networks.ckpt'), { part, knows })).toEqual(network);
    expect(refusal(fileOf('several.pth'), { part: 'netX' })).toBe(
      "it has no part 'netX'; choose one of: netG, netD, ema.module",
    );
    expect(refusal(fileOf('networks.ckpt'), { part: 'x' })).toBe(
      "it has no part 'x'; choose one of: state_dict, state_dict.generator, state_dict.discriminator",
    );
  });

  test('also of a safetensors file', () => {
    const path = join(scratch, 'parts.safetensors');
    tidy(() => {
      const [weight, bias] = [tensor(network.weight, [2, 3]), tensor(network.bias, [2])];
      saveSafetensors(path, { 'netG.weight': weight, 'netG.bias': bias, 'netD.weight': bias });
    });
    expect(read(path, { part: 'netG' })).toEqual(network);
    expect(read(path, { knows })).toEqual(network);
    expect(refusal(path, { part: 'netX' })).toBe("it has no part 'netX'; choose one of: netG, netD");
  });
});

describe('refused by the tensor’s name', () => {
  test.each([
    ['nan.pth', /^tensor 'bias' holds 1 of 2 values that are no finite numbers/],
    ['infinite.pth', /^tensor 'bias' holds 2 of 2 values that are no finite numbers/],
    [
      'complex.pth',
      /^tensor 'bias' is of a kind that is not read: the file names torch\.ComplexFloatStorage/,
    ],
    [
      'sparse.pth',
      /^tensor 'bias' is of a kind that is not read: the file names torch\._utils\._rebuild_sparse_tensor/,
    ],
  ])('%s', (name, message) => {
    expect(refusal(fileOf(name))).toMatch(message);
  });
});

test.each(['evil-beside.pth', 'evil-nested.pth'])('%s: a call that runs programs is no company', (name) => {
  expect(refusal(fileOf(name))).toMatch(
    /^names (posix\.system|__builtin__\.eval), which is not read: opened in Python/,
  );
  expect(existsSync('/tmp/graft-pickle-was-run')).toBe(false);
});

describe('what stands in the place of weights is named', () => {
  test.each([
    ['', /it is empty/],
    [
      'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab\nsize 12345\n',
      /it is a pointer of Git LFS, not the file itself: fetch it with `git lfs pull`/,
    ],
    ['<!DOCTYPE html>\n<html><head><title>404</title>', /it is a web page/],
    ['\n  <html lang="en">', /it is a web page/],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /it is a web page/],
    ['{"error":"Repository not found"}', /it is JSON text/],
    ['\x1f\x8b\x08\0\0\0\0\0\0\0\0\0', /it is packed with gzip/],
    ['\x89HDF\r\n\x1a\n\0\0\0', /it is an HDF5 file/],
    ['\0'.repeat(600), /it is nothing but zeros/],
  ])('%j', (content, message) => {
    for (const ending of ['pth', 'safetensors']) {
      const path = join(scratch, `stand-in.${ending}`);
      writeFileSync(path, content, 'latin1');
      expect(refusal(path)).toMatch(message);
    }
  });
});
