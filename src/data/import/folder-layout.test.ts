import { ConfigError } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { splitNamed } from '../dataset/split-names.js';
import { readLayout } from './folder-layout.js';

/** `class split` of each file, or the class alone. */
const layout = (
  files: readonly string[],
  options: { ignoreSplits?: boolean; named?: string[] } = {},
): string[] =>
  readLayout(files, { named: ['malignant'], ...options }).map(({ folder, split }) =>
    split === undefined ? folder : `${folder} ${split}`,
  );

describe('splits by name', () => {
  test.each([
    ['train', 'train'],
    ['TRAIN', 'train'],
    ['Training', 'train'],
    ['Train_Set', 'train'],
    ['trainset', 'train'],
    ['TrainingSet', 'train'],
    ['train2017', 'train'],
    ['images_train', 'train'],
    ['valid', 'val'],
    ['Validation Set', 'val'],
    ['valset', 'val'],
    ['test ', 'test'],
    ['X_test', 'test'],
    ['testing-images', 'test'],
  ])('%j is %s', (text, split) => expect(splitNamed(text)).toBe(split));

  test.each([
    'trainer',
    'benign',
    'train_test',
    'contest',
    'set',
    '',
    'constructor',
    'a',
    'strain',
    'validity',
  ])('%j is none', (text) => expect(splitNamed(text)).toBeUndefined());
});

describe('layouts', () => {
  test('class folders, with anything below them', () => {
    expect(layout(['malignant/1.jpg', 'benign/2017/2.jpg', '3.jpg'])).toEqual(['malignant', 'benign', '']);
  });

  test('splits above the classes, in any spelling, also with folders below', () => {
    expect(
      layout([
        'train/malignant/1.jpg',
        'Train_Set/benign/2.jpg',
        'VALID/benign/a/3.jpg',
        'test/malignant/4.jpg',
      ]),
    ).toEqual(['malignant train', 'benign train', 'benign val', 'malignant test']);
  });

  test('splits below the classes', () => {
    expect(layout(['malignant/train/1.jpg', 'malignant/test/2.jpg', 'benign/train/x/3.jpg'])).toEqual([
      'malignant train',
      'malignant test',
      'benign train',
    ]);
  });

  test('one folder around all of it', () => {
    expect(layout(['set/images/train/malignant/1.jpg', 'set/images/test/benign/2.jpg'])).toEqual([
      'malignant train',
      'benign test',
    ]);
    expect(layout(['set/malignant/1.jpg', 'set/benign/2.jpg'])).toEqual(['malignant', 'benign']);
    expect(layout(['malignant/2017/1.jpg'])).toEqual(['malignant']);
  });

  test('a single split is no split', () => {
    expect(layout(['train/malignant/1.jpg', 'train/benign/2.jpg'])).toEqual(['malignant', 'benign']);
    expect(layout(['training/malignant/1.jpg', 'train/benign/2.jpg'])).toEqual(['malignant', 'benign']);
  });

  test('an image of a split without a class has none', () => {
    expect(
      layout(['train/malignant/1.jpg', 'train/benign/2.jpg', 'test/benign/3.jpg', 'test/4.jpg']),
    ).toEqual(['malignant train', 'benign train', 'benign test', ' test']);
  });

  test('classes may be called like splits where others are not', () => {
    expect(layout(['train/1.jpg', 'bus/2.jpg'], { named: ['bus'] })).toEqual(['train', 'bus']);
    expect(layout(['dev/1.jpg', 'malignant/2.jpg'])).toEqual(['dev', 'malignant']);
  });

  test('the classes are listed where the positive is none of them', () => {
    expect(layout(['train/a/1.jpg', 'test/b/2.jpg'])).toEqual(['a train', 'b test']);
  });

  test('splits are passed over where that is asked for', () => {
    expect(layout(['train/malignant/1.jpg', 'test/benign/2.jpg'], { ignoreSplits: true })).toEqual([
      'malignant',
      'benign',
    ]);
  });

  test.each([
    [
      ['train/malignant/1.jpg', 'test/benign/2.jpg', 'chest_xray/train/3.jpg'],
      /test, train are splits, chest_xray is none; expected DIR\/<class>\/…, .*--metadata/,
    ],
    [
      ['vienna/malignant/1.jpg', 'graz/benign/2.jpg'],
      /graz, vienna stand above the class folders and are no splits/,
    ],
    [['train/1.jpg', 'test/2.jpg'], /test, train are splits without class folders in them; expected/],
    [
      ['train/a/malignant/1.jpg', 'test/b/malignant/2.jpg'],
      /a, b stand between split folders and class folders/,
    ],
    [
      ['malignant/train/1.jpg', 'malignant/test/2.jpg', 'benign/3.jpg'],
      /parted into train and test, but 1 images lie in benign and in none of these; .*--split-column none/,
    ],
  ])('another layout is refused by name: %j', (files, message) => {
    expect(() => layout(files)).toThrow(ConfigError);
    expect(() => layout(files)).toThrow(message);
  });
});
