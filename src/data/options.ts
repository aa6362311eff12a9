/**
 * Options as schemas: each with its default, its meaning and its check in one place, from which the flags of the command
 * line, `--config` files and the messages follow.
 */
import { ConfigError } from 'graft-torch/base';
import { z } from 'zod';

/** How an option stands on the command line. */
export interface FlagMeta {
  /** As commander takes it: `--group-column <name>`. */
  flags: string;
  /** Several values: the flag is repeated, or holds them with commas between. */
  list?: 'repeat' | 'commas';
  /** The value that a flag without one stands for; default true. */
  means?: unknown;
  /** What the flag calls the values: word → value. */
  words?: Readonly<Record<string, unknown>>;
  /** How the help shows the default; default as it is. */
  shownDefault?: string;
}

/** An option with its meaning, and the flag that sets it. To be called last: wrapping a schema hides what it says. */
export const option = <Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  flag: FlagMeta | string,
): Schema => schema.meta({ description, ...(typeof flag === 'string' ? { flags: flag } : flag) });

const share = z.number().min(0).max(1);

/** Shares of train, val and test. */
export const fractionsSchema = z
  .strictObject({ train: share, val: share, test: share })
  .refine(
    ({ train, val, test }) => train > 0 && Math.abs(train + val + test - 1) < 1e-6,
    'expected shares of train, val and test that sum to 1, with some for train',
  );

/**
 * Options as they count, defaults included.
 * @throws ConfigError naming the option and what was expected
 */
export function checked<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new ConfigError(path.length > 0 ? `${path.join('.')}: ${message}` : message);
}
