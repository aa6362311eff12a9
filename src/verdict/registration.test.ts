import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  canonicalJson,
  hashOfPlan,
  makeRegistration,
  planDifferences,
  type RegistrationRecord,
  readRegistration,
  registrationText,
  whenFixed,
  writeRegistration,
} from './registration.js';

const root = mkdtempSync(join(tmpdir(), 'graft-registration-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const plan = {
  margin: 0.02,
  arms: { real: { share: 1 }, 'real+b': { share: 0.5 } },
  seeds: [0, 1],
  looks: null,
};
const made = makeRegistration({
  by: 'register',
  name: 'study',
  version: '1',
  plan,
  time: new Date('2026-12-01'),
});

describe('the hash of a plan', () => {
  test('is that of its canonical JSON: keys in order, no white space', () => {
    const text =
      '{"arms":{"real":{"share":1},"real+b":{"share":0.5}},"looks":null,"margin":0.02,"seeds":[0,1]}';
    expect(canonicalJson(plan)).toBe(text);
    expect(hashOfPlan(plan)).toBe(createHash('sha256').update(text).digest('hex'));
  });

  test('is the same for the same plan at another time, and another for another plan', () => {
    const { seeds, ...rest } = plan;
    const later = makeRegistration({ by: 'run', name: 'other', version: '2', plan: { seeds, ...rest } });
    expect(later.registration.planHash).toBe(made.registration.planHash);
    expect(later.fileHash).not.toBe(made.fileHash);
    expect(hashOfPlan({ ...plan, seeds: [1, 0] })).not.toBe(made.registration.planHash);
  });

  test('there is none where JSON has no such number', () => {
    expect(() => hashOfPlan({ margin: Number.NaN })).toThrow('JSON has no such number');
  });
});

describe('the file', () => {
  test('is read back, and its SHA-256 is that of its bytes', () => {
    const path = join(root, 'registration.json');
    writeRegistration(path, made);
    expect(readRegistration(path)).toEqual(made);
    expect(made.fileHash).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
  });

  test.each([
    ['an edited plan', made.text.replace('0.02', '0.05'), 'was edited after it was registered'],
    ['no plan', made.text.replace('"plan"', '"plans"'), 'is no registration'],
    ['something else', '[]', 'is no registration'],
    ['a key twice', made.text.replace('"looks"', '"margin": 1, "looks"'), 'stands there twice'],
  ])('%s is refused in one line that names it', (_, text, message) => {
    const path = join(root, 'bad.json');
    writeFileSync(path, text);
    expect(() => readRegistration(path)).toThrow(message);
    expect(() => readRegistration(path)).toThrow(path);
  });
});

test('two plans are told apart by key, a list as one value', () => {
  const now = { ...plan, margin: 0.05, arms: { real: { share: 0.25 } }, seeds: [0] };
  expect(planDifferences(plan, plan)).toEqual([]);
  expect(planDifferences(plan, now)).toEqual([
    'margin: was 0.02, is 0.05',
    'arms.real.share: was 1, is 0.25',
    'arms.real+b.share: was 0.5, is missing',
    'seeds: was [0,1], is [0]',
  ]);
  expect(planDifferences(plan, { ...plan, more: 1 })).toEqual(['more: was missing, is 1']);
  expect(planDifferences(plan, { ...plan, more: 1 }, { ignoreNew: true })).toEqual([]);
});

describe('what a report says', () => {
  const record = (changes: Partial<RegistrationRecord> = {}): RegistrationRecord => ({
    planHash: made.registration.planHash,
    fileHash: made.fileHash,
    registeredAt: '2026-12-01T10:00:00.000Z',
    by: 'register',
    marginReason: null,
    deviations: [],
    ...changes,
  });
  const { planHash: hash } = made.registration;
  const deviation = {
    time: '2026-12-03T10:00:00.000Z',
    why: 'a reviewer asked',
    was: hash,
    now: hash,
    differences: ['margin: was 0.02, is 0.05'],
  };

  test.each([
    [null, /^Not registered: /, 'set in the trial file'],
    [
      record(),
      new RegExp(
        `^Registered on 1 December 2026, before the trial began: SHA-256 ${made.fileHash}; no deviations\\.$`,
      ),
      'set beforehand',
    ],
    [
      record({ by: 'run' }),
      /^Not registered before it was run: .* when the trial began/,
      'set when the trial began',
    ],
    [
      record({ deviations: [deviation] }),
      /1 deviation from the plan \(2026-12-03: margin: was 0\.02, is 0\.05: “a reviewer asked”\)\.$/,
      'set (see the deviations from the plan)',
    ],
  ])('%#: no more than is known', (given, text, fixed) => {
    expect(registrationText(given)).toMatch(text);
    expect(whenFixed(given)).toBe(fixed);
  });
});
