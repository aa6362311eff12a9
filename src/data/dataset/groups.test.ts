import { describe, expect, test } from 'vitest';
import { assignGroups } from './groups.js';

const item = (id: string, patient = '', lesion = '') => ({
  id,
  patients: patient ? [patient] : [],
  lesions: lesion ? [lesion] : [],
});

describe('assignGroups', () => {
  test('patient, else lesion, else image', () => {
    expect(assignGroups([item('a', 'P', 'L'), item('b', '', 'M'), item('c')], [])).toEqual([
      'patient:P',
      'lesion:M',
      'image:c',
    ]);
  });

  test('joined over lesions, patients and duplicates, however long the chain', () => {
    const items = [item('a', '', 'L'), item('b', 'P', 'L'), item('c', 'P'), item('d'), item('e')];
    expect(assignGroups(items, [{ a: 2, b: 3 }])).toEqual([...Array(4).fill('patient:P'), 'image:e']);
  });

  test('a lesion and a patient of the same name are two', () => {
    const groups = assignGroups([item('a', 'X'), item('b', '', 'X')], []);
    expect(new Set(groups).size).toBe(2);
  });

  test('several patients of one image join', () => {
    const both = { id: 'c', patients: ['P', 'Q'], lesions: [] };
    expect(assignGroups([item('a', 'P'), item('b', 'Q'), both], [])).toEqual(Array(3).fill('patient:P'));
  });
});
