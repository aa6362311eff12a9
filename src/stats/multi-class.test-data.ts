/** The golden values of test/goldens/classify/classes.json (made by classes.py beside it), typed for the tests. */
import { readFileSync } from 'node:fs';
import type { Interval } from './delong.js';
import type { OneClassScores, OverallScores } from './multi-class.js';

interface Scored {
  overall: OverallScores;
  byClass: OneClassScores[];
  confusion: number[][];
}

interface MultiClassGolden {
  classes: string[];
  truths: number[];
  groups: string[];
  probabilities: number[][];
  weights: number[];
  plain: Scored;
  weighted: Scored;
  /** Bins as images, mean confidence, share that is right. */
  calibration: { error: number; bins: [number, number, number][] };
  validation: {
    truths: number[];
    groups: string[];
    probabilities: number[][];
    temperature: number;
    lossBefore: number;
    lossAfter: number;
  };
  tempered: number[][];
  bootstrap: Record<'balancedAccuracy' | 'macroF1' | 'logLoss', Interval>;
  subgroup: { inside: boolean[]; judged: number[]; own: number; rest: number };
}

export const multiClassGolden = JSON.parse(
  readFileSync(new URL('../../test/goldens/classify/classes.json', import.meta.url), 'utf8'),
) as MultiClassGolden;
