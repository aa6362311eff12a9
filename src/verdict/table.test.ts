import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from 'graft-torch/base';
import { afterAll, describe, expect, test } from 'vitest';
import { readScoreTable, type ScoreTable, type VerdictPlan, verdictPlanSchema } from './table.js';

const root = mkdtempSync(join(tmpdir(), 'graft-table-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files = 0;
function written(text: string, name = `t${++files}.csv`): string {
  const path = join(root, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

type Row = Record<string, string | number>;

/** A sound table: two arms, two folds of twelve images in six patients, two seeds. */
function soundRows(
  options: { arms?: string[]; folds?: number; seeds?: number; images?: number } = {},
): Row[] {
  const { arms = ['real', 'real+synthetic'], folds = 2, seeds = 2, images = 12 } = options;
  const random = new Random(5);
  return arms.flatMap((arm) =>
    Array.from({ length: folds * seeds * images }, (_, at): Row => {
      const [i, seed, fold] = [
        at % images,
        Math.floor(at / images) % seeds,
        Math.floor(at / images / seeds) + 1,
      ];
      const label = Math.floor(i / 2) % 3 === 0 ? 1 : 0;
      return {
        arm,
        fold,
        seed,
        image: `f${fold}-i${i}`,
        group: `f${fold}-p${Math.floor(i / 2)}`,
        label,
        score: Number((0.35 * label + 0.6 * random.next()).toFixed(4)),
      };
    }),
  );
}

const csv = (rows: readonly Row[], separator = ','): string => {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return `${[columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))].map((cells) => cells.join(separator)).join('\n')}\n`;
};

const plan = (options: Partial<VerdictPlan> = {}): VerdictPlan => verdictPlanSchema.parse(options);

async function read(paths: string | string[], options: Partial<VerdictPlan> = {}): Promise<ScoreTable> {
  const table = await readScoreTable([paths].flat(), plan(options));
  if (table.kind !== 'scores') throw new Error('a table of AUCs');
  return table;
}

const shuffled = <T>(items: readonly T[], seed = 9): T[] => {
  const random = new Random(seed);
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
};

const rename = (row: Row, names: Record<string, string>): Row =>
  Object.fromEntries(Object.entries(row).map(([key, value]) => [names[key] ?? key, value]));

describe('a sound table', () => {
  test('becomes scores, image by image', async () => {
    const rows = soundRows();
    const { scores, isProbability } = await read(written(csv(rows)));
    expect(scores.arms).toEqual(['real', 'real+synthetic']);
    expect(scores.reference).toBe('real');
    expect(scores.comparisons).toHaveLength(1);
    expect(scores.comparisons[0]).toMatchObject({
      arm: 'real+synthetic',
      baseline: 'real',
      role: 'primary',
      question: 'adds',
    });
    expect(scores.folds.map(({ fold, test }) => [fold, test.ids.length, new Set(test.groups).size])).toEqual([
      [1, 12, 6],
      [2, 12, 6],
    ]);
    expect(scores.runs).toHaveLength(8);
    expect(scores.limits.map(({ id, only }) => [id, only])).toEqual([['balance', 'helps']]);
    expect(isProbability).toBe(true);
    for (const run of scores.runs) {
      const { test } = scores.folds.find(({ fold }) => fold === run.fold)!;
      test.ids.forEach((id, i) => {
        const row = rows.find(
          ({ arm, fold, seed, image }) =>
            arm === run.arm && fold === run.fold && seed === run.seed && image === id,
        )!;
        expect(run.testScores[i]).toBe(row.score);
        expect(test.labels[i]).toBe(row.label);
        expect(test.groups[i]).toBe(row.group);
      });
    }
  });

  test('whatever the order of its rows', async () => {
    const rows = soundRows();
    const plain = await read(written(csv(rows)));
    const mixed = await read(written(csv(shuffled(rows))));
    expect(mixed.scores).toEqual(plain.scores);
  });

  test('whatever its columns are called, in whatever order', async () => {
    const rows = soundRows();
    const plain = await read(written(csv(rows)));
    const usual = rows.map((row) =>
      rename(row, { arm: 'Model', image: 'Image ID', group: 'patient_id', label: 'y_true', score: 'prob' }),
    );
    const renamed = await read(
      written(csv(usual.map((row) => Object.fromEntries(Object.entries(row).reverse())))),
    );
    expect(renamed.scores).toEqual({ ...plain.scores, names: { ...plain.scores.names, group: 'patient' } });
    const odd = rows.map((row) =>
      rename(row, { arm: 'a', fold: 'b', seed: 'c', image: 'd', group: 'e', label: 'f', score: 'g' }),
    );
    const named = await read(written(csv(odd)), {
      columns: { arm: 'a', fold: 'b', seed: 'c', image: 'd', group: 'e', label: 'f', score: 'g' },
    });
    expect(named.scores).toEqual({ ...plain.scores, names: { ...plain.scores.names, group: 'e' } });
  });

  test('wide, or a file a run, is the same as long', async () => {
    const rows = soundRows();
    const plain = await read(written(csv(rows)));
    const images = [...new Set(rows.map(({ image }) => image))];
    const wide = images.map((image): Row => {
      const own = rows.filter((row) => row.image === image);
      const { group, label } = own[0]!;
      return Object.fromEntries([
        ...Object.entries({ image, group, label }),
        ...rows.map(({ arm, fold, seed }) => [`${arm}_f${fold}_s${seed}`, '']),
        ...own.map(({ arm, fold, seed, score }) => [`${arm}_f${fold}_s${seed}`, score]),
      ]) as Row;
    });
    expect((await read(written(csv(shuffled(wide))))).scores).toEqual(plain.scores);
    const foldColumn = wide.map((row) => {
      const fold = (row.image as string).charAt(1);
      const kept = Object.entries(row).filter(
        ([key, value]) => value !== '' && !/^(image|group|label)$/.test(key),
      );
      return {
        ...{ image: row.image!, group: row.group!, label: row.label!, fold },
        ...Object.fromEntries(
          kept.map(([key, value]) => [`${key.replace(/_f\d/, '').replace('_s', ' #')}`, value]),
        ),
      };
    });
    expect((await read(written(csv(foldColumn)), { wide: '{arm} #{seed}' })).scores).toEqual(plain.scores);

    const paths = plain.scores.runs.map(({ arm, fold, seed }) =>
      written(
        csv(
          rows
            .filter((row) => row.arm === arm && row.fold === fold && row.seed === seed)
            .map(({ image, group, label, score }) => ({
              image: image!,
              group: group!,
              label: label!,
              score: score!,
            })),
        ),
        `runs/${arm}/fold${fold}/seed${seed}.csv`,
      ),
    );
    expect((await read(shuffled(paths))).scores).toEqual(plain.scores);
    expect((await read(paths, { files: '{arm}/fold{fold}/seed{seed}' })).scores).toEqual(plain.scores);
  });

  test('with semicolons and decimal commas, tabs, as JSON lines', async () => {
    const rows = soundRows();
    const plain = await read(written(csv(rows)));
    const commas = rows.map((row) => ({ ...row, score: String(row.score).replace('.', ',') }));
    expect((await read(written(csv(commas, ';')))).scores).toEqual(plain.scores);
    const three = rows.map((row) => ({ ...row, score: (row.score as number).toFixed(3) }));
    const threeCommas = three.map((row) => ({ ...row, score: row.score.replace('.', ',') }));
    expect((await read(written(csv(threeCommas, ';')))).scores).toEqual(
      (await read(written(csv(three)))).scores,
    );
    expect((await read(written(csv(rows, '\t'), 'tabs.tsv'))).scores).toEqual(plain.scores);
    const lines = rows.map((row) => JSON.stringify(row)).join('\n');
    expect((await read(written(lines, 'lines.jsonl'))).scores).toEqual(plain.scores);
  });

  test('what is not there is assumed, and said', async () => {
    const rows = soundRows({ folds: 1, seeds: 1 }).map(({ arm, image, label, score }) => ({
      arm: arm!,
      image: image!,
      label: label!,
      score: score!,
    }));
    const { scores, notes } = await read(written(csv(rows)));
    expect(scores.folds[0]!.test.groups).toEqual(scores.folds[0]!.test.ids);
    expect(scores.names.group).toBe('image');
    expect(scores.runs.map(({ fold, seed, generator }) => [fold, seed, generator])).toEqual([
      [1, 0, null],
      [1, 0, 'fold 1'],
    ]);
    for (const word of [/folds/, /seeds/, /groups/, /generators/, /threshold/])
      expect(notes.join(' ')).toMatch(word);
  });

  test('names of folds and seeds, and folds from 0, are numbered and said', async () => {
    const rows = soundRows().map((row) => ({
      ...row,
      fold: (row.fold as number) - 1,
      seed: ['blue', 'red'][row.seed as number]!,
    }));
    const { scores, notes } = await read(written(csv(rows)));
    expect(scores.folds.map(({ fold }) => fold)).toEqual([1, 2]);
    expect(scores.runs.slice(0, 2).map(({ seed }) => seed)).toEqual([0, 1]);
    expect(notes.join(' ')).toMatch(/fold 0 is fold 1 here.*blue is 0 and red is 1/);
  });

  test('logits rank as probabilities do; what needs probabilities is left out, and said', async () => {
    const rows = soundRows().map((row) => ({
      ...row,
      score: Math.log((row.score as number) / (1 - (row.score as number))),
    }));
    const { isProbability, notes } = await read(written(csv(rows)));
    expect(isProbability).toBe(false);
    expect(notes.join(' ')).toMatch(/log loss/);
  });

  test('rows of validation images give the threshold, also of logits', async () => {
    const rows = soundRows({ seeds: 1, folds: 1 });
    const validation = [0.1, 0.2, 0.6, 0.7].map((score, i) => ({
      ...rows[0]!,
      image: `v${i}`,
      group: `v${i}`,
      label: i < 2 ? 0 : 1,
      score,
      split: 'val',
    }));
    const all: Row[] = [
      ...rows.map((row) => ({ ...row, split: 'test' })),
      ...validation,
      ...validation.map((row) => ({ ...row, arm: 'real+synthetic' })),
    ];
    const { scores } = await read(written(csv(all)));
    expect(scores.runs.map(({ threshold, validationAuc }) => [threshold, validationAuc])).toEqual([
      [0.6, 1],
      [0.6, 1],
    ]);
    expect(scores.folds[0]!.test.ids).toHaveLength(12);
    const logits = await read(
      written(csv(all.map((row) => ({ ...row, score: 10 * (row.score as number) - 3 })))),
    );
    expect(logits.scores.runs[0]!.threshold).toBe(3);
    const given = await read(written(csv(rows.map((row) => ({ ...row, threshold: 0.4 })))));
    expect(given.scores.runs[0]!.threshold).toBe(0.4);
  });

  test('external sets, generators, subgroups', async () => {
    const rows = soundRows().map(
      (row): Row => ({
        ...row,
        external: '',
        gan: row.arm === 'real' ? '' : `g${row.fold}`,
        sex: (row.image as string).endsWith('1') ? 'f' : 'm',
      }),
    );
    const outside = rows
      .filter((row) => row.fold === 1)
      .map((row) => ({ ...row, image: `x-${row.image}`, group: `x-${row.group}`, external: 'Derm' }));
    const { scores, subgroups } = await read(written(csv([...outside, ...rows])), { subgroups: ['Sex'] });
    expect(scores.external.map(({ name, ids }) => [name, ids.length])).toEqual([['Derm', 12]]);
    expect(scores.runs.map(({ externalScores }) => externalScores.Derm?.length)).toEqual([
      12,
      12,
      undefined,
      undefined,
      12,
      12,
      undefined,
      undefined,
    ]);
    expect(scores.runs.map(({ generator }) => generator)).toEqual([
      null,
      null,
      null,
      null,
      'g1',
      'g1',
      'g2',
      'g2',
    ]);
    expect(subgroups[0]!.folds[0]).toEqual(
      scores.folds[0]!.test.ids.map((id) => (id.endsWith('1') ? 'f' : 'm')),
    );
  });

  test('three arms: controls, the others as secondary comparisons', async () => {
    const rows = soundRows({ arms: ['a', 'b', 'c', 'd'] });
    const { scores } = await read(written(csv(rows)), { baseline: 'b', arm: 'd', balanceControls: ['a'] });
    expect(scores.limits).toEqual([]);
    expect(scores.arms).toEqual(['b', 'd', 'a', 'c']);
    expect(scores.comparisons.map(({ arm, baseline, role }) => [arm, baseline, role])).toEqual([
      ['d', 'b', 'primary'],
      ['d', 'a', 'required'],
      ['a', 'b', 'secondary'],
      ['c', 'b', 'secondary'],
    ]);
  });

  test('two recipes without a generator: nothing speaks of synthetic images', async () => {
    const rows = soundRows({ arms: ['plain', 'mixup'] });
    const { scores, notes } = await read(written(csv(rows)), { synthetic: false });
    const words = JSON.stringify([scores.names, scores.comparisons, notes]);
    expect(words).not.toMatch(/synthetic|generator|GAN/i);
    expect(scores.limits).toEqual([]);
    expect(scores.comparisons[0]!.phrase).toContain('plain');
  });

  test('seeds that have no partner are told and left to the analysis', async () => {
    const rows = soundRows({ seeds: 3 }).filter(
      ({ arm, seed, fold }) => !(arm === 'real' && seed === 2 && fold === 1),
    );
    const { notes } = await read(written(csv(rows)));
    expect(notes.join(' ')).toMatch(/‘real’ lacks fold 1, seed 2/);
  });

  test('looks stand where they were planned', async () => {
    const path = written(csv(soundRows()));
    expect((await read(path, { looks: [2, 4] })).scores.sequential).toEqual({
      looks: [2, 4],
      reached: 1,
      stopped: 'running',
    });
    await expect(read(path, { looks: [3, 5] })).rejects.toThrow(/2 seeds, but looks were planned at 3 and 5/);
  });
});

describe('a bad table is refused in one line that names the rows', () => {
  const rows = soundRows();
  const change = (at: number, part: Row): Row[] =>
    rows.map((row, i) => (i === at ? { ...row, ...part } : row));
  const cases: [string, string | Row[], RegExp, Partial<VerdictPlan>?][] = [
    [
      'an image in two folds',
      rows.map((row) => (row.image === 'f2-i0' ? { ...row, image: 'f1-i0', group: 'f1-p0' } : row)),
      /lines 26, 38.*'f1-i0' is tested in fold 1 \(line 2\) and in fold 2/,
    ],
    [
      'a test set that every fold scores',
      rows.map((row) => ({
        ...row,
        image: (row.image as string).slice(3),
        group: (row.group as string).slice(3),
      })),
      /every fold tests the same 12 images.*--column seed=fold/,
    ],
    [
      'a group across folds',
      rows.map((row) => (row.group === 'f2-p0' ? { ...row, group: 'f1-p0' } : row)),
      /1 group in two folds: 'f1-p0'/,
    ],
    [
      'a label that changes',
      change(20, { label: 1 }),
      /line 22: the label of an image changes: 'f1-i8' is negative in line 10 and positive/,
    ],
    [
      'a group that changes',
      change(13, { group: 'f1-p9' }),
      /line 15: the group of an image changes: 'f1-i1' is 'f1-p0' in line 3 and 'f1-p9'/,
    ],
    [
      'no paired seed',
      rows.map((row) => (row.arm === 'real' ? { ...row, seed: (row.seed as number) + 10 } : row)),
      /no seed is paired: 'real\+synthetic' has fold 1, seed 0.*'real' has fold 1, seed 10/,
    ],
    [
      'generators in the baseline alone',
      rows.map((row) => ({ ...row, generator: row.arm === 'real' ? `g${row.fold}` : '' })),
      /real has generators and real\+synthetic has none: are --arm and --baseline the wrong way round\?/,
    ],
    [
      'a generator that some runs lack',
      rows.map((row) => ({
        ...row,
        generator: row.arm === 'real' || row.seed === 1 ? '' : `g${row.fold}`,
      })),
      /arm real\+synthetic, fold 1, seed 1 has no generator, which other runs of the arm have/,
    ],
    [
      'a fold that some rows lack',
      rows.map((row) => (row.fold === 2 ? { ...row, fold: '' } : row)),
      /lines 26, 27.*: no fold, which other rows have/,
    ],
    ['a seed that some rows lack', change(4, { seed: '' }), /line 6: no seed, which other rows have/],
    [
      'training rows alone',
      rows.map((row) => ({ ...row, split: 'train' })),
      /no test rows; split has: train \(96\)/,
    ],
    [
      'validation on the test images',
      [...rows.map((row) => ({ ...row, split: 'test' })), ...rows.map((row) => ({ ...row, split: 'val' }))],
      /lines 98.*: 12 images both validate and test fold 1, such as 'f1-i0'/,
    ],
    [
      'ids that lost their zeros in one arm',
      rows.map((row, i) => ({ ...row, image: (row.arm === 'real' ? '00' : '') + (i % 12) + row.fold })),
      /It has '00\d+', perhaps the same as '\d+': ids were read as numbers/,
    ],
    [
      'ids that became decimals in one arm',
      rows.map((row, i) => ({
        ...row,
        image: `${(i % 12) + 1}${row.fold}${row.arm === 'real' ? '.0' : ''}`,
      })),
      /It has '\d+\.0', perhaps the same as '\d+': ids were read as numbers/,
    ],
    [
      'row names of R',
      csv(rows)
        .split('\n')
        .map((line, i) => (i === 0 || line === '' ? line : `"${i}",${line}`))
        .join('\n'),
      /line 2: 8 cells, but the header has 7; if R wrote its row names .*row\.names = FALSE/,
    ],
    ['a comment above', `# by me\n${csv(rows)}`, /the first line, '# by me', is a comment: delete it/],
    ['a comment below', `${csv(rows)}# the end\n`, /line 98: .* it is a comment: delete it/],
    ['NaN', change(4, { score: 'nan' }), /line 6: the score \('score'\) is missing or NaN/],
    ['an empty score', change(4, { score: '' }), /line 6: the score/],
    ['infinity', change(4, { score: 'inf' }), /line 6: the score \('score'\) is 'inf', not a number/],
    ['a word', change(4, { score: 'high' }), /line 6: .*'high', not a number/],
    [
      'an image twice',
      [...rows, rows[3]!],
      /line 98: an image stands twice in one run: 'f1-i3'.*the same score \(first in line 5\)/,
    ],
    ['two scores', [...rows, { ...rows[3]!, score: 0.5 }], /line 98: .*the scores .* and 0.5/],
    [
      'an image that a run lacks',
      rows.filter((_, i) => i !== 3),
      /arm real, fold 1, seed 0 scored 11 of the 12 images of fold 1; it lacks 'f1-i3'/,
    ],
    ['one class', rows.map((row) => ({ ...row, label: 0 })), /fold 1: all 12 test images are not positive/],
    [
      'one class in a fold',
      rows.map((row) => (row.fold === 2 ? { ...row, label: 0 } : row)),
      /fold 2: .*stratify/,
    ],
    [
      'no arm of that name',
      rows,
      /no arm 'reel' \(--baseline\); did you mean 'real'\?/,
      { baseline: 'reel' },
    ],
    [
      'no baseline',
      rows.map((row) => ({ ...row, arm: row.arm === 'real' ? 'a' : 'b' })),
      /arms 'a' and 'b'; say which is the baseline, as in --baseline 'a'/,
    ],
    [
      'three arms, two candidates',
      soundRows({ arms: ['real', 'x', 'y'] }),
      /'x' and 'y' stand beside the baseline 'real'; say which the verdict is about/,
      { baseline: 'real' },
    ],
    ['one arm', soundRows({ arms: ['real'] }), /one arm, 'real'/],
    ['no header', csv(rows).split('\n').slice(1).join('\n'), /no header, it seems: .*first line, 'real,1,0/],
    [
      'no header, no column twice',
      ['1,x,0.25,real', '2,y,0.75,real'].join('\n'),
      /no header, it seems: the first line is '1,x,0.25,real'/,
    ],
    ['another separator', csv(rows, ' '), /a single column, 'arm fold seed/],
    ['no score', rows.map(({ score, ...row }) => row), /no column for score; there are 'arm', 'fold'/],
    [
      'two columns for one role',
      rows.map((row) => ({ ...rename(row, { score: 'prob' }), logit: 1 })),
      /'prob' and 'logit' may both be the score; say which: --column score=prob/,
    ],
    [
      'a column that is not there',
      rows,
      /no column 'grup' for group; did you mean 'group'\?/,
      { columns: { group: 'grup' } },
    ],
    [
      'names of classes',
      rows.map((row) => ({ ...row, label: row.label === 1 ? 'malignant' : 'benign' })),
      /labels 'benign' and 'malignant'; say which is the positive class, as in --positive 'malignant'/,
    ],
    ['a class that is not there', rows, /no label 'malignent'/, { positive: 'malignent' }],
    ['an image without a name', change(2, { image: '' }), /line 4: no image/],
    [
      'a threshold that changes',
      rows.map((row, i) => ({ ...row, threshold: i === 3 ? 0.7 : 0.5 })),
      /thresholds 0.5 and 0.7/,
    ],
    [
      'two generators',
      rows.map((row, i) => ({ ...row, generator: row.arm === 'real' ? '' : i % 2 ? 'g' : 'h' })),
      /has the generators/,
    ],
    [
      'a split that is none',
      rows.map((row) => ({ ...row, split: 'holdout' })),
      /split 'holdout'; expected val or test/,
    ],
    [
      'commas and points',
      rows.map((row, i) => ({
        ...row,
        score: i % 2 ? `"${String(row.score).replace('.', ',')}"` : row.score!,
      })),
      /decimal commas in some rows/,
    ],
  ];
  test.each(cases)('%s', async (_, table, message, options) => {
    const path = written(typeof table === 'string' ? table : csv(table));
    const error: Error = await read(path, options).then(
      () => new Error('was read'),
      (refused) => refused,
    );
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
    expect(error.name).toMatch(/DataError|ConfigError/);
  });
});

test('blank rows below a table, as spreadsheets leave them, are left out', async () => {
  const { scores, notes } = await read(written(`${csv(soundRows())},,,,,,\n\n,,,,,,\n`));
  expect(scores.folds.map(({ test }) => test.ids.length)).toEqual([12, 12]);
  expect(notes).toContain('2 rows without a single value are left out.');
});

test('a table without groups says in its limits that patients are unknown', async () => {
  const rows = soundRows();
  const ids = (path: string) => read(path).then(({ scores }) => scores.limits.map(({ id }) => id));
  expect(await ids(written(csv(rows)))).toEqual(['balance']);
  expect(await ids(written(csv(rows.map(({ group: _, ...row }) => row))))).toEqual(['groups', 'balance']);
});

test('validation rows of one arm alone: a note names the arm without', async () => {
  const rows = soundRows().flatMap((row) => [
    { ...row, split: 'test' },
    ...(row.arm === 'real' ? [{ ...row, split: 'val', image: `v${row.image}`, group: `v${row.group}` }] : []),
  ]);
  const { notes } = await read(written(csv(rows)));
  expect(notes.join(' ')).toMatch(
    /No validation rows and no threshold of ‘real\+synthetic’ \(4 runs\), which/,
  );
});

test('a plan has a level and a margin that somebody could mean', () => {
  expect(() => plan({ level: 0.8 })).toThrow(/at least 0\.9/);
  expect(() => plan({ margin: 0.2 })).toThrow(/at most 0\.1/);
});

test('subgroups of a table of AUCs: a note says that there are none', async () => {
  const path = written('arm,fold,auc,site\nreal,1,.8,a\nreal,2,.7,a\ngan,1,.81,a\ngan,2,.75,a\n');
  const { notes } = await readScoreTable([path], plan({ subgroups: ['site'] }));
  expect(notes.join(' ')).toMatch(/Subgroups need a row an image: nothing is told by ‘site’/);
});
