/** Values that test/goldens/gan-pictures/gan-pictures.py made. */
import { readFileSync } from 'node:fs';

export const golden = JSON.parse(
  readFileSync(new URL('../../../test/goldens/gan-pictures/gan-pictures.json', import.meta.url), 'utf8'),
) as {
  slerp: { a: number[]; b: number[]; t: number; value: number[] }[];
  nearest: Record<'euclidean' | 'cosine', { indices: number[][]; distances: number[][] }>;
  truncated: { truncation: number; variance: number }[];
  standing: { weight: number[]; batches: number[][]; state: Record<string, number[]> };
};
