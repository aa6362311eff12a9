/**
 * The original's table of 22,922 images (AIDL21), held against the public tables it can be rebuilt from: what is in
 * it, what was filled in, what was cut, and how much of it comes out exactly. The account is in docs/metadata.md.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Metadata, readMetadata } from './index.js';

const shared = join(process.cwd(), '../shared/data');
type Cells = Readonly<Record<string, string>>;
type Table = Map<string, Cells>;

/** What the original wrote where the archive had nothing. */
const fill = { age: '50', sex: 'male', site: 'torso' };

/** The columns to compare, under one name in all tables; '' where they are missing. */
function facts(cells: Cells) {
  return {
    age: cells.age_approx!,
    sex: cells.sex!,
    site: cells.anatom_site_general!,
    diagnosis: cells.diagnosis!,
    label: cells.benign_malignant!,
  };
}

const isComplete = (cells: Cells): boolean => {
  const { age, sex, site } = facts(cells);
  return age !== '' && sex !== '' && site !== '';
};

const isFilledFrom = (row: Cells, source: Cells): boolean => {
  const [ours, theirs] = [facts(row), facts(source)];
  return (
    Number(ours.age) === Number(theirs.age || fill.age) &&
    ours.sex === (theirs.sex || fill.sex) &&
    ours.site === (theirs.site || fill.site)
  );
};

function byId(metadata: Metadata, column = metadata.roles.id!): Table {
  return new Map(metadata.rows.map(({ cells }) => [cells[column]!, cells]));
}

/** How often each value of `key` occurs. */
function count<T>(items: Iterable<T>, key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}

describe.skipIf(!existsSync(join(shared, 'metadata')))(
  'the original’s table (where the shared data is)',
  () => {
    let original: Table;
    let splits: Metadata;
    let isic2017: Table;
    let isic2019: Table;
    let isic2020: Table;
    let ham: Table;
    let duplicates: Metadata;

    beforeAll(async () => {
      const read = (...names: string[]) => readMetadata(names.map((name) => join(shared, name)));
      original = byId(await read('metadata/aidl21-metadata.csv'));
      splits = await read('metadata/aidl21-train.csv', 'metadata/aidl21-test.csv');
      isic2017 = byId(await read('isic2017/metadata.csv'));
      isic2019 = byId(
        await read('metadata/isic2019-ground-truth.csv', 'metadata/isic2019-metadata.csv'),
        'isic_id',
      );
      isic2020 = byId(await read('metadata/isic2020-ground-truth-v2.csv'));
      ham = byId(await read('metadata/ham10000-metadata.csv'));
      duplicates = await read('metadata/isic2020-duplicates.csv');
    });

    /** Rows of the original that are in another table, each with its row there. */
    const pairs = (table: Table): { id: string; row: Cells; source: Cells }[] =>
      [...original].flatMap(([id, row]) => {
        const source = table.get(id);
        return source ? [{ id, row, source }] : [];
      });

    test('where its 22,922 images are found', () => {
      expect(original.size).toBe(22922);
      expect([isic2019.size, isic2020.size, ham.size, isic2017.size]).toEqual([25331, 33126, 10015, 2150]);
      expect(pairs(isic2019).length).toBe(15313);
      expect(pairs(isic2020).length).toBe(6001);
      // HAM10000 and ISIC 2017 lie within ISIC 2019.
      expect(pairs(ham).length).toBe(6331);
      expect(pairs(isic2017).length).toBe(1568);
      for (const table of [ham, isic2017]) for (const id of table.keys()) expect(isic2019.has(id)).toBe(true);
      expect([...isic2020.keys()].filter((id) => isic2019.has(id))).toEqual([]);
      const nowhere = [...original].filter(([id]) => !isic2019.has(id) && !isic2020.has(id));
      expect(nowhere.length).toBe(1608);
      expect(count(nowhere, ([, row]) => row.diagnosis!)).toMatchObject({
        nevus: 801,
        melanoma: 531,
        'lentigo NOS': 71,
        'basal cell carcinoma': 68,
      });
    });

    test('without the ids of ISIC 2019’s smaller copies, 1,287 of its images would be missed', () => {
      const suffixed = [...isic2019].filter(([id, row]) => row.image !== id);
      expect(suffixed.length).toBe(2074);
      expect(suffixed.every(([id, row]) => row.image === `${id}_downsampled`)).toBe(true);
      expect(suffixed.filter(([id]) => original.has(id)).length).toBe(1287);
    });

    test('labels and diagnoses agree, but for one seborrheic keratosis that is called malignant', () => {
      const key = ({ row, source }: { row: Cells; source: Cells }) =>
        [row.diagnosis, row.benign_malignant, source.diagnosis, source.benign_malignant].join(' | ');
      expect(count(pairs(isic2019), key)).toEqual({
        'nevus | benign | nevus | benign': 10569,
        'melanoma | malignant | melanoma | malignant': 4522,
        'seborrheic keratosis | benign | benign keratosis | benign': 221,
        'seborrheic keratosis | malignant | benign keratosis | benign': 1,
      });
      expect(count(pairs(ham), key)).toEqual({
        'nevus | benign | nevus | benign': 5218,
        'melanoma | malignant | melanoma | malignant': 1113,
      });
      for (const { row, source } of pairs(isic2020)) {
        expect(row.diagnosis).toBe(source.diagnosis);
        expect(row.benign_malignant).toBe(source.benign_malignant);
      }
      for (const { id, row, source } of pairs(isic2017)) {
        expect(row.diagnosis).toBe(source.diagnosis);
        expect(row.benign_malignant === source.benign_malignant).toBe(id !== 'ISIC_0013316');
      }
      // In the whole table two more rows are unusual: benign actinic keratoses are usual there, a benign basal cell carcinoma is not.
      expect(count(original.values(), (row) => `${row.diagnosis} ${row.benign_malignant}`)).toMatchObject({
        'actinic keratosis benign': 2,
        'basal cell carcinoma benign': 1,
        'basal cell carcinoma malignant': 67,
        'squamous cell carcinoma malignant': 21,
      });
    });

    test('ISIC 2019: age, sex and site agree everywhere; what was missing is 50, male, torso', () => {
      expect(pairs(isic2019).filter(({ row, source }) => !isFilledFrom(row, source))).toEqual([]);
      const filled = pairs(isic2019).filter(({ source }) => !isComplete(source));
      expect(count(filled, ({ row }) => row.benign_malignant!)).toEqual({ malignant: 176 });
      expect(filled.filter(({ source }) => source.age_approx === '').length).toBe(85);
      expect(filled.filter(({ source }) => source.sex === '').length).toBe(81);
      expect(filled.filter(({ source }) => source.anatom_site_general === '').length).toBe(127);
    });

    test('ISIC 2020: 779 of 6,001 rows differ, in two ways', () => {
      const differing = pairs(isic2020).filter(({ row, source }) => !isFilledFrom(row, source));
      expect(differing.length).toBe(779);
      const ages = differing.filter(({ row, source }) => Number(row.age) !== Number(source.age_approx));
      expect(count(ages, ({ row, source }) => String(Number(row.age) - Number(source.age_approx)))).toEqual({
        '-5': 105,
      });
      const sites = differing.filter(({ row, source }) => row.anatomy !== source.anatom_site_general);
      expect(count(sites, ({ row, source }) => `${source.anatom_site_general} → ${row.anatomy}`)).toEqual({
        'torso → posterior torso': 449,
        'torso → anterior torso': 263,
        'torso → lateral torso': 14,
      });
      expect(differing.every(({ row }) => row.patient_id === '')).toBe(true);
      expect(differing.every(({ row, source }) => row.sex === source.sex)).toBe(true);
      // Rows whose ID is the patient are ISIC 2020's to the letter, with gaps filled.
      const withPatient = pairs(isic2020).filter(({ row }) => row.patient_id !== '');
      expect(withPatient.length).toBe(2703);
      expect(withPatient.every(({ row, source }) => row.patient_id === source.patient_id)).toBe(true);
      expect([...original.values()].filter((row) => row.patient_id !== '').length).toBe(2703);
    });

    test('what explains the benign images that were cut: a missing age, sex or site', () => {
      const nevi = [...isic2019].filter(([, row]) => row.diagnosis === 'nevus');
      const key = ([id, row]: [string, Cells]) =>
        `${isComplete(row) ? 'complete' : 'with a gap'}, ${original.has(id) ? 'kept' : 'cut'}`;
      expect(count(nevi, key)).toEqual({
        'complete, kept': 10569,
        'complete, cut': 63,
        'with a gap, cut': 2243,
      });
      const keratoses = [...isic2017].filter(([, row]) => row.diagnosis === 'seborrheic keratosis');
      expect(count(keratoses, ([id]) => key([id, isic2019.get(id)!]))).toEqual({
        'complete, kept': 181,
        'complete, cut': 1,
        'with a gap, cut': 114,
      });
      // No melanoma was cut.
      const melanomas = [...isic2019].filter(([, row]) => row.diagnosis === 'melanoma');
      expect(count(melanomas, key)).toEqual({ 'complete, kept': 4346, 'with a gap, kept': 176 });
    });

    test('so the filled-in site gives the label away: outside the rows with a patient, every torso is malignant', () => {
      const torso = [...original.values()].filter((row) => row.anatomy === 'torso');
      expect(
        count(torso, (row) => `${row.patient_id === '' ? 'image' : 'patient'} ${row.benign_malignant}`),
      ).toEqual({
        'image malignant': 280,
        'patient benign': 2632,
        'patient malignant': 4,
      });
    });

    test('what it leaves out of ISIC 2020 is the unknown diagnosis and one nevus', () => {
      const absent = [...isic2020].filter(([id]) => !original.has(id));
      expect(count(absent, ([, row]) => row.diagnosis!)).toEqual({ unknown: 27124, nevus: 1 });
      expect(absent.find(([, row]) => row.diagnosis === 'nevus')![0]).toBe('ISIC_0459035');
    });

    test('what it leaves out of ISIC 2019 without an explanation in these files: every class but three', () => {
      const absent = [...isic2019].filter(([id, row]) => !original.has(id) && row.diagnosis !== 'nevus');
      expect(count(absent, ([, row]) => row.diagnosis!)).toEqual({
        'actinic keratosis': 867,
        'basal cell carcinoma': 3323,
        'benign keratosis': 2402,
        dermatofibroma: 239,
        'squamous cell carcinoma': 628,
        'vascular lesion': 253,
      });
    });

    test('rebuilt with the rules: 21,338 rows, 21,273 of them its own, 20,493 exactly', () => {
      const rebuilt = new Map<string, ReturnType<typeof facts>>();
      const add = (id: string, row: Cells, diagnosis = row.diagnosis!) => {
        const { age, sex, site, label } = facts(row);
        if (label === 'benign' && !isComplete(row) && !isic2020.has(id)) return;
        rebuilt.set(id, {
          age: age || fill.age,
          sex: sex || fill.sex,
          site: site || fill.site,
          diagnosis,
          label,
        });
      };
      for (const [id, row] of isic2019) {
        // ISIC 2019 puts seborrheic keratoses and other benign keratoses together; ISIC 2017 tells them apart.
        const keratosis = isic2017.get(id)?.diagnosis === 'seborrheic keratosis';
        if (row.diagnosis === 'melanoma' || row.diagnosis === 'nevus') add(id, row);
        else if (keratosis) add(id, row, 'seborrheic keratosis');
      }
      for (const [id, row] of isic2020) if (row.diagnosis !== 'unknown') add(id, row);
      expect(rebuilt.size).toBe(21338);
      const common = [...rebuilt].filter(([id]) => original.has(id));
      expect(common.length).toBe(21273);
      const exact = common.filter(([id, row]) => {
        const theirs = facts(original.get(id)!);
        return Object.entries(row).every(([key, value]) =>
          key === 'age' ? Number(value) === Number(theirs.age) : value === theirs[key as keyof typeof theirs],
        );
      });
      expect(exact.length).toBe(20493);
      // Of the rest 1,608 are in no table here, and of 41 only 'benign keratosis' is known.
      const beyond = [...original.keys()].filter((id) => !rebuilt.has(id));
      expect(count(beyond, (id) => isic2019.get(id)?.diagnosis ?? 'in no table')).toEqual({
        'in no table': 1608,
        'benign keratosis': 41,
      });
    });

    test('train and test are a partition of the table, 70 to 30 in each class', () => {
      expect(splits.rows.length).toBe(22922);
      for (const { cells } of splits.rows) {
        const { split, ...rest } = cells;
        expect(rest).toEqual(original.get(cells.dcm_name!));
      }
      expect(new Set(splits.rows.map(({ cells }) => cells.dcm_name)).size).toBe(22922);
      expect(count(splits.rows, ({ cells }) => `${cells.split} ${cells.benign_malignant}`)).toEqual({
        'train benign': 12037,
        'train malignant': 4008,
        'test benign': Math.round(0.3 * 17196),
        'test malignant': Math.round(0.3 * 5726),
      });
    });

    test('the leak: 790 of 839 by its own column, 1,647 of 1,815 by ISIC 2020’s patients, lesions besides', () => {
      const leaking = (groupOf: (cells: Cells) => string | undefined): [number, number] => {
        const rows = splits.rows
          .map(({ cells }) => ({ split: cells.split, group: groupOf(cells) }))
          .filter(({ group }) => group);
        const train = new Set(rows.filter(({ split }) => split === 'train').map(({ group }) => group));
        const tested = rows.filter(({ split }) => split === 'test');
        return [tested.filter(({ group }) => train.has(group)).length, tested.length];
      };
      expect(leaking((cells) => cells.patient_id)).toEqual([790, 839]);
      expect(leaking((cells) => isic2020.get(cells.dcm_name!)?.patient_id)).toEqual([1647, 1815]);
      expect(leaking((cells) => isic2020.get(cells.dcm_name!)?.lesion_id)).toEqual([2, 1815]);
      expect(leaking((cells) => isic2019.get(cells.dcm_name!)?.lesion_id)).toEqual([2607, 4191]);
      // Of ISIC 2020's 425 pairs of duplicates seven are in the table, two with a leg in each split.
      const splitOf = new Map(splits.rows.map(({ cells }) => [cells.dcm_name, cells.split]));
      const both = duplicates.rows
        .map(({ cells }) => [splitOf.get(cells.image_name_1), splitOf.get(cells.image_name_2)])
        .filter(([a, b]) => a && b);
      expect([duplicates.rows.length, both.length, both.filter(([a, b]) => a !== b).length]).toEqual([
        425, 7, 2,
      ]);
    });

    test('the archive’s own descriptions: 81 of 120 are in the table, with their ids, ages and sexes', async () => {
      const descriptions = byId(await readMetadata([join(shared, 'isic-archive-v1/descriptions')]));
      expect(descriptions.size).toBe(120);
      const own = pairs(descriptions);
      expect(own.length).toBe(81);
      for (const { row, source } of own) {
        expect(row.ID).toBe(source._id);
        expect(row.diagnosis).toBe(source.diagnosis);
        expect(row.benign_malignant).toBe(source.benign_malignant);
        expect(Number(row.age)).toBe(Number(source.age_approx || fill.age));
        expect(row.sex).toBe(source.sex || fill.sex);
      }
      expect(
        own.filter(({ source }) => source.age_approx === '').every(({ row }) => row.target === '1'),
      ).toBe(true);
    });
  },
);
