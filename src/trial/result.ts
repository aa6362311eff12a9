/** Reading a finished trial back. */

import { DataError } from 'graft-torch/base';
import { checkedBy, commandLine } from '../base/index.js';
import { readRun } from '../run/index.js';
import { summarySchema, type TrialSummary } from './summary.js';

/** @throws DataError when the folder holds no finished trial */
export function readTrialSummary(dir: string): TrialSummary {
  const { kind, summary } = readRun(dir);
  if (kind !== 'trial') throw new DataError(`${dir}: is a ${kind} run, expected a trial`);
  if (!summary)
    throw new DataError(`${dir}: has not finished; go on with \`${commandLine`graft trial resume ${dir}`}\``);
  const { kind: _, graft: __, finished: ___, ...content } = summary;
  const where = `${dir}/summary.json`;
  return checkedBy(summarySchema, content, {
    where,
    remedy: '; was it written by another version of Graft?',
  });
}
