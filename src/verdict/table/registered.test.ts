import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makeRegistration, registrationText, whenFixed } from '../registration.js';
import { type VerdictPlan, verdictPlanSchema } from './plan.js';
import { askedOf, heldTo, requireWhole, toldBefore } from './registered.js';
import type { TableShape } from './shape.js';

const root = mkdtempSync(join(tmpdir(), 'graft-registered-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const day = (date: string): Date => new Date(`2026-03-${date}T12:00:00Z`);
const asked = {
  baseline: 'real',
  arm: 'gan',
  marginReason: 'readers differ by more',
  design: { folds: 5, seeds: ['0', '1'], groups: true, generators: false },
};
const plan = (changes: object = {}): VerdictPlan => verdictPlanSchema.parse({ ...asked, ...changes });
const shape: TableShape = {
  kind: 'scores',
  folds: ['1', '2', '3', '4', '5'],
  seeds: ['0', '1'],
  groups: true,
  generators: false,
  external: [],
};
const registered = (of: VerdictPlan, time = day('02')) =>
  makeRegistration({ by: 'register', name: 'x', version: '1', plan: askedOf(of), time });
const held = (changes: Partial<TableShape> = {}, more: object = {}) =>
  heldTo(plan(), registered(plan()), { shape: { ...shape, ...changes }, written: [day('05')], ...more });

describe('a table is held to what was registered', () => {
  test('as it was planned it is no deviation', () => {
    expect(held().deviations).toEqual([]);
  });

  test.each([
    [{ folds: ['1', '2', '3', '5'] }, 'design.folds: was 5, is 4'],
    [{ seeds: ['0', '2'] }, 'design.seeds: was ["0","1"], is ["0","2"]'],
    [{ groups: false }, 'design.groups: was true, is false'],
    [{ generators: true }, 'design.generators: was false, is true'],
    [{ external: ['other'] }, 'design.external: was [], is ["other"]'],
    [{ kind: 'aucs' as const }, 'design.kind: was "scores", is "aucs"'],
  ])('%j is one', (changes, difference) => {
    expect(() => held(changes)).toThrow(`not what was registered (${difference})`);
    expect(held(changes, { why: 'a disk broke' }).deviations).toMatchObject([
      { why: 'a disk broke', differences: [difference] },
    ]);
  });

  test('so is another column of scores, or other files', () => {
    for (const [changes, key] of [
      [{ columns: { score: 'prob2' } }, 'columns.score'],
      [{ wide: '{arm}_{seed}' }, 'wide'],
      [{ files: '{arm}_{seed}' }, 'files'],
      [{ subgroups: ['sex'] }, 'subgroups'],
    ] as const)
      expect(() => heldTo(plan(changes), registered(plan()), { shape, written: [] })).toThrow(`(${key}: was`);
  });

  test('a registration of before designs were asked for is held to what it says', () => {
    const { columns: _, subgroups: __, design: ___, ...old } = askedOf(plan()) as Record<string, unknown>;
    const file = makeRegistration({
      by: 'register',
      name: 'x',
      version: '1',
      plan: { ...old, subgroups: undefined },
    });
    expect(heldTo(plan(), file, { shape, written: [] }).deviations).toEqual([]);
    expect(() => heldTo(plan({ looks: [2, 4] }), file, { shape, written: [] })).toThrow('looks: was missing');
  });
});

describe('a plan is whole', () => {
  test.each([
    [{ design: {} }, '--folds, --seeds, --groups, --generators are missing'],
    [{ design: { folds: 5, seeds: 3, groups: true }, synthetic: true }, '--generators is missing'],
    [{ arm: 'real' }, "'real' is both --arm and --baseline"],
    [{ balanceControls: ['gan'] }, "--balance-control names 'gan', which is the arm of the verdict already"],
    [{ design: { folds: 5, seeds: 1, kind: 'aucs', groups: true } }, 'a table of AUCs'],
  ])('%j is not', (changes, message) => {
    expect(() => requireWhole(plan(changes))).toThrow(message);
  });

  test('with its design it is; AUCs have no patients to know of', () => {
    requireWhole(plan());
    requireWhole(plan({ design: { folds: 5, seeds: 3, kind: 'aucs' } }));
    requireWhole(plan({ synthetic: false, design: { folds: 5, seeds: 3, groups: false } }));
  });
});

describe('when it was registered', () => {
  test('is before the analysis only where every file of scores is younger', () => {
    const record = held({}, { written: [day('09'), day('05')] });
    expect(record.scoresWrittenAt).toBe(day('05').toISOString());
    expect(registrationText(record, 'analysis')).toMatch(
      /^Registered on 2 March 2026, before the analysis began: /,
    );
    expect(whenFixed(record, 'analysis')).toBe('set beforehand');
    const late = held({}, { written: [day('09'), day('01')] });
    expect(registrationText(late, 'analysis')).toMatch(
      /^Registered on 2 March 2026, dated after the scores were written: /,
    );
    expect(whenFixed(late, 'analysis')).toBe('registered after the scores were written');
  });

  test('a date to come is refused', () => {
    expect(() => held({}, { now: day('01') })).toThrow('is yet to come');
  });
});

describe('a deviation that was told', () => {
  const first = held({ groups: false }, { why: 'no patients in the export', now: day('06') });
  const summary = join(root, 'summary.json');

  test('stays when the same folder is written again, once', () => {
    writeFileSync(summary, JSON.stringify({ registration: first }));
    const earlier = toldBefore(summary, registered(plan()));
    expect(earlier).toEqual(first.deviations);
    expect(held({}, { earlier }).deviations).toEqual(first.deviations);
    const again = held({ groups: false }, { earlier, why: 'no patients in the export', now: day('07') });
    expect(again.deviations).toEqual(first.deviations);
    expect(held({ seeds: ['0'] }, { earlier, why: 'one more' }).deviations).toHaveLength(2);
  });

  test('is of that plan alone', () => {
    const other = registered(plan({ margin: 0.01 }));
    expect(toldBefore(summary, other)).toEqual([]);
    writeFileSync(summary, 'mine');
    expect(toldBefore(summary, other)).toEqual([]);
    expect(toldBefore(join(root, 'none.json'), other)).toEqual([]);
  });
});
