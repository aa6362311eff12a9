/**
 * A score one can defend: its value with interval and N, the same score of real against real images, and the protocol,
 * which is everything that moves the figure without the images having changed. Two records are compared only where their
 * protocols agree: an FID taken with another resizer differs by more than one GAN does from the next (Parmar et al.,
 * "On Aliased Resizing and Surprising Subtleties in GAN Evaluation", CVPR 2022), and one taken over fewer images is larger
 * for no other reason (Chong & Forsyth, "Effectively Unbiased FID and Inception Score", CVPR 2020).
 */

import { DataError, readJson } from 'graft-torch/base';
import { z } from 'zod';

/** Which way is better; `real`: as between real images, neither more nor less. */
const betterSchema = z.enum(['lower', 'higher', 'real']);
const intervalSchema = z.tuple([z.number(), z.number()]);

const figureSchema = z.strictObject({ value: z.number(), interval: intervalSchema.nullable() });

export const metricRecordSchema = z.strictObject({
  /** 'frechet', 'ssim'. */
  metric: z.string(),
  /** As a table says it: 'Fréchet distance'. */
  name: z.string(),
  /** 'dB', or nothing. */
  unit: z.string(),
  better: betterSchema,
  /** The label whose images are compared; null: all there are. */
  class: z.string().nullable(),
  value: z.number(),
  /** Spread over pairs, subsets or splits, whichever the protocol names; null where there is none. */
  sd: z.number().nullable(),
  /** 95 %; null where none can be given. */
  interval: intervalSchema.nullable(),
  /** The same metric of real against other real images; null where there are too few. */
  floor: figureSchema
    .extend({
      /** Synthetic images at the floor's N, where the metric moves with N: what the floor is compared with. */
      matched: figureSchema.nullable(),
    })
    .nullable(),
  /** Images of each set. */
  n: z.strictObject({ real: z.int(), synthetic: z.int() }),
  /** What must agree for two figures to be comparable, a value a key. */
  protocol: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

export type MetricRecord = z.infer<typeof metricRecordSchema>;
export type Protocol = MetricRecord['protocol'];

/** What two records say about each other. */
export interface Comparison {
  /** Second − first. */
  difference: number;
  /** Which is better by its value; null where they are equal. */
  better: 'first' | 'second' | null;
  /** Whether the 95 % intervals leave no room in common; null without intervals. Overlap is no proof of equality. */
  apart: boolean | null;
}

const shown = (value: unknown): string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? `${value.slice(0, 12)}…` : String(value);

/** Says who decided what other fields say; decides nothing itself. */
const REASONS: readonly string[] = ['framing'];

/** The fields in which two records differ so that they cannot be compared, with both values. */
export function differingFields(first: MetricRecord, second: MetricRecord): string[] {
  const fields = (record: MetricRecord): Protocol => ({
    metric: record.metric,
    class: record.class,
    ...record.protocol,
  });
  const [a, b] = [fields(first), fields(second)];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((key) => a[key] !== b[key] && !REASONS.includes(key))
    .map((key) => `${key} (${shown(a[key])} against ${shown(b[key])})`);
}

/**
 * @throws DataError naming every field in which the protocols differ
 */
export function compareRecords(first: MetricRecord, second: MetricRecord): Comparison {
  const differing = differingFields(first, second);
  if (differing.length > 0) {
    throw new DataError(
      `${first.name}: these two figures cannot be compared, they differ in ${differing.join(', ')}; measure both alike`,
    );
  }
  const difference = second.value - first.value;
  /** How far from what is best: 0 is nearest. */
  const badness = ({ value, better, floor }: MetricRecord): number =>
    better === 'lower'
      ? value
      : better === 'higher'
        ? -value
        : Math.abs(value - (floor?.value ?? Number.NaN));
  const gain = badness(first) - badness(second);
  const [a, b] = [first.interval, second.interval];
  return {
    difference,
    better: gain > 0 ? 'second' : gain < 0 ? 'first' : null,
    apart: a && b ? a[0] > b[1] || b[0] > a[1] : null,
  };
}

/** What `graft metrics … --json` prints, as far as comparing needs it. */
const recordFileSchema = z.object({ records: z.array(metricRecordSchema).min(1) });

/** @throws DataError where the file holds no records, naming what is wrong */
export function readRecords(path: string): MetricRecord[] {
  const parsed = recordFileSchema.safeParse(readJson(path));
  if (parsed.success) return parsed.data.records;
  const issue = parsed.error.issues[0]!;
  throw new DataError(
    `${path}: ${issue.path.join('.') || 'content'}: ${issue.message}; expected what \`graft metrics image --json\` or \`graft metrics distribution --json\` prints`,
  );
}

export interface ComparedRecord {
  /** File that the other one is from. */
  path: string;
  record: MetricRecord;
  other: MetricRecord;
  comparison: Comparison;
}

/**
 * Every record of a file against the same one of the others.
 * @throws DataError where one lacks it, or was measured otherwise, naming the files
 */
export function compareFiles(first: string, others: readonly string[]): ComparedRecord[] {
  const base = readRecords(first);
  return others.flatMap((path) => {
    const records = readRecords(path);
    return base.map((record) => {
      const other = records.find((one) => one.metric === record.metric && one.class === record.class);
      if (!other)
        throw new DataError(
          `${path}: has no ${record.name}${record.class ? ` of ${record.class}` : ''}, which ${first} has; measure both alike`,
        );
      try {
        return { path, record, other, comparison: compareRecords(record, other) };
      } catch (error) {
        if (error instanceof DataError) throw new DataError(`${first}, ${path}: ${error.message}`);
        throw error;
      }
    });
  });
}
