/** What a file holds, held against a schema. */
import { DataError } from 'graft-torch/base';
import type { z } from 'zod';

/**
 * @param told.where what the message begins with: the file
 * @param told.remedy what it ends with: what to do
 * @throws DataError naming the first key that does not fit, and what was expected there
 */
export function checkedBy<Schema extends z.ZodType>(
  schema: Schema,
  content: unknown,
  { where, remedy = '' }: { where: string; remedy?: string },
): z.output<Schema> {
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new DataError(`${where}: ${path.join('.') || 'content'}: ${message}${remedy}`);
}
