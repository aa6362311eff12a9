/**
 * How far positives' scores must lie above negatives' for a true AUC. Within a class a score is standard normal, hence
 * AUC = Φ(shift / √2); where scores are rounded, AUC = Σ_b P(negative in b)·(P(positive above b) + ½ P(positive in b)).
 *
 * Simulation shares no code with what it judges. Therefore Φ stands here once more, by Marsaglia's series (J. Stat. Softw.
 * 2004), and inverses are tables.
 */

/** Φ(x), to about 1e-15 for |x| < 8. */
export function phi(x: number): number {
  if (x < -8) return 0;
  if (x > 8) return 1;
  let [term, sum] = [x, x];
  for (let i = 3; sum + term !== sum; i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
}

/** A score as a probability; rounded where classifiers' scores are written with few digits. */
export function written(score: number, digits: number | null): number {
  const probability = 1 / (1 + Math.exp(-score));
  return digits === null ? probability : Number(probability.toFixed(digits));
}

/** AUC of scores with this shift. @param digits of the written probabilities; null: all of them */
export function aucOfShift(shift: number, digits: number | null): number {
  if (digits === null) return phi(shift / Math.SQRT2);
  const step = 10 ** -digits;
  let [auc, belowNegative, belowPositive] = [0, 0, 0];
  for (let edge = step / 2; ; edge += step) {
    const logit = edge < 1 ? Math.log(edge / (1 - edge)) : Number.POSITIVE_INFINITY;
    const [toNegative, toPositive] = [phi(logit), phi(logit - shift)];
    auc += (toNegative - belowNegative) * (1 - toPositive + 0.5 * (toPositive - belowPositive));
    if (edge >= 1) return auc;
    [belowNegative, belowPositive] = [toNegative, toPositive];
  }
}

const LOWEST = -1;
const HIGHEST = 7;
const STEP = 1 / 128;
const tables = new Map<number | null, Float64Array>();

function tableOf(digits: number | null): Float64Array {
  const known = tables.get(digits);
  if (known) return known;
  const table = Float64Array.from({ length: (HIGHEST - LOWEST) / STEP + 1 }, (_, i) =>
    aucOfShift(LOWEST + i * STEP, digits),
  );
  tables.set(digits, table);
  return table;
}

/** The shift whose AUC is this; about 1e-5 off in AUC at most. @param auc in .25 to .9999 */
export function shiftOfAuc(auc: number, digits: number | null): number {
  const table = tableOf(digits);
  let [low, high] = [0, table.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (table[middle]! <= auc) low = middle;
    else high = middle;
  }
  const share = (auc - table[low]!) / (table[high]! - table[low]!);
  return LOWEST + STEP * (low + share);
}
