/** Calibration slope and intercept of every arm. */
import type { TableBlock } from '../../report/index.js';
import { fixed, levelText, plural, whole } from '../../report/index.js';
import { armRecalibration, type GroupedScores, type Measured } from '../run-measures.js';
import { armLabel } from './palette.js';

const right = (title: string) => ({ title, align: 'right' as const });

/** '0.84 (0.71 to 0.97)', '–' where there is none. */
const told = (value: Measured | null): string =>
  value === null ? '–' : `${fixed(value.mean, 2)} (${fixed(value.low, 2)} to ${fixed(value.high, 2)})`;

/** @param scores probabilities */
export function recalibrationTable(
  scores: GroupedScores,
  names: readonly string[],
  level: number,
): TableBlock {
  let without = 0;
  const rows = names.flatMap((name) => {
    if (!scores.runs.some((run) => run.arm === name)) return [];
    const own = armRecalibration(scores, name, level);
    without += own.without;
    return [[armLabel(name), told(own.slope), told(own.intercept), whole(own.runs)]];
  });
  return {
    kind: 'table',
    title: 'Calibration slope and intercept of every arm',
    columns: [{ title: 'Arm', align: 'left' }, right('Slope'), right('Intercept'), right('Runs')],
    rows,
    sortable: true,
    note: `Logistic regression of the labels on the logits of the probabilities (Cox 1958; Van Calster et al. 2019), run by run; mean over runs, in brackets ${levelText(level)} intervals (other seeds and other test images). True probabilities have slope 1 and intercept 0. A slope below 1: too extreme; an intercept below 0, taken with the slope at 1: too high. Nothing was recalibrated.${without > 0 ? ` Left out: ${plural(without, 'run')} that ${without === 1 ? 'has' : 'have'} no slope, as ${without === 1 ? 'it tells' : 'they tell'} the classes apart without error or ${without === 1 ? 'scores' : 'score'} all images alike.` : ''}`,
  };
}
