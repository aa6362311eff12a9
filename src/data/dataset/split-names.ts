/** What people call the parts of a split, in tables and as folders. */
import { plainText } from '../table/cell.js';
import type { Split } from './dataset.js';

const names: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  trn: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  validate: 'val',
  test: 'test',
  testing: 'test',
  tst: 'test',
};

/** The plain ones, for messages. */
export const splitNames: readonly string[] = Object.keys(names);

/** Words beside the name that say nothing: `Train_Set`, `test images`, `X_val`. */
const filler = /^(sets?|data|datasets?|images?|imgs?|pictures?|folder|split|part|x|the)$/;

/**
 * The split that a word names, whatever its case: `train`, `Training`, `TRAIN_SET`, `valset`, `test_images`, `train2017`.
 * @returns undefined where it names none, or more than one
 */
export function splitNamed(text: string): Split | undefined {
  const words = plainText(text)
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .replace(/(?<=^(train|training|val|valid|validation|test|testing))(set|data|images)$/, '')
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '' && !filler.test(word));
  return words.length === 1 && Object.hasOwn(names, words[0]!) ? names[words[0]!] : undefined;
}
