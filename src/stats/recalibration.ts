/**
 * Calibration intercept and slope: what a logistic regression of the labels on the logits of the probabilities finds,
 *
 *   logit P(positive) = a + b · logit(probability)
 *
 * Slope b: 1 where probabilities are spread as they should be, below 1 where they are too extreme, above 1 where too timid.
 * Intercept a₀ (b held at 1, “in the large”): 0 where probabilities are right on average, below 0 where they are too high.
 * Cox, Biometrika 1958; Van Calster et al., BMC Medicine 2019. Their variance over the choice of images is the sandwich's.
 *
 * Probabilities of 0 and 1 have no logit: they are taken as 10⁻⁶ from there.
 */
import { checkBinary, type Numbers } from './roc.js';

const CLIP = 1e-6;
const STEPS = 60;
/** Slopes beyond this are those of classes that the probabilities tell apart without error. */
const STEEPEST = 1e4;

export interface Recalibration {
  intercept: number;
  slope: number;
  /** What each image adds to the deviation, in the order of the labels. */
  influences: { intercept: Float64Array; slope: Float64Array };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const logitsOf = (probabilities: Numbers): Float64Array =>
  Float64Array.from(probabilities as ArrayLike<number>, (p) => {
    const clipped = Math.min(1 - CLIP, Math.max(CLIP, p));
    return Math.log(clipped / (1 - clipped));
  });

/**
 * @param probabilities in [0, 1]
 * @returns null where there is no slope: all probabilities are alike, or they tell the classes apart without error
 * @throws DataError where a class is missing
 */
export function recalibrate(labels: Numbers, probabilities: Numbers): Recalibration | null {
  checkBinary(labels, probabilities);
  const logits = logitsOf(probabilities);
  const intercept = inTheLarge(labels, logits);
  const line = fitLine(labels, logits);
  if (!line) return null;
  const { a, b, inverse } = line;
  const slopeInfluences = new Float64Array(logits.length);
  const interceptInfluences = new Float64Array(logits.length);
  let weight = 0;
  for (const x of logits) weight += sigmoid(intercept + x) * (1 - sigmoid(intercept + x));
  logits.forEach((x, i) => {
    const residual = labels[i]! - sigmoid(a + b * x);
    slopeInfluences[i] = residual * (inverse.ab + inverse.bb * x);
    interceptInfluences[i] = (labels[i]! - sigmoid(intercept + x)) / weight;
  });
  return { intercept, slope: b, influences: { intercept: interceptInfluences, slope: slopeInfluences } };
}

/** The intercept with the slope held at 1, by Newton's method guarded by halving. */
function inTheLarge(labels: Numbers, logits: Float64Array): number {
  const positives = Array.from(labels as ArrayLike<number>).reduce((sum, label) => sum + label, 0);
  let [low, high] = [-60, 60];
  let a = 0;
  for (let step = 0; step < 2 * STEPS; step++) {
    let [expected, weight] = [0, 0];
    for (const x of logits) {
      const p = sigmoid(a + x);
      expected += p;
      weight += p * (1 - p);
    }
    const excess = expected - positives;
    if (excess > 0) high = a;
    else low = a;
    const next = a - excess / weight;
    const inside = next > low && next < high;
    const value = inside ? next : (low + high) / 2;
    if (Math.abs(value - a) < 1e-12) return value;
    a = value;
  }
  return a;
}

/** Both at once, by Newton's method with steps halved while the likelihood falls. */
function fitLine(
  labels: Numbers,
  logits: Float64Array,
): { a: number; b: number; inverse: { ab: number; bb: number } } | null {
  const likelihood = (a: number, b: number): number => {
    let sum = 0;
    logits.forEach((x, i) => {
      const z = a + b * x;
      sum += labels[i]! * z - (z > 0 ? z + Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)));
    });
    return sum;
  };
  let [a, b] = [0, 1];
  let reached = likelihood(a, b);
  for (let step = 0; step < STEPS; step++) {
    let [ga, gb, aa, ab, bb] = [0, 0, 0, 0, 0];
    logits.forEach((x, i) => {
      const p = sigmoid(a + b * x);
      const w = p * (1 - p);
      ga += labels[i]! - p;
      gb += (labels[i]! - p) * x;
      aa += w;
      ab += w * x;
      bb += w * x * x;
    });
    const determinant = aa * bb - ab * ab;
    // All alike, or the likelihood has no maximum.
    if (!(determinant > 1e-12 * aa * bb) || aa < 1e-9) return null;
    const inverse = { ab: -ab / determinant, bb: aa / determinant };
    const [da, db] = [(bb * ga - ab * gb) / determinant, (aa * gb - ab * ga) / determinant];
    if (Math.abs(da) + Math.abs(db) < 1e-10) return { a, b, inverse };
    let share = 1;
    let next = likelihood(a + da, b + db);
    while (!(next >= reached - 1e-12) && share > 1e-6) {
      share /= 2;
      next = likelihood(a + share * da, b + share * db);
    }
    [a, b, reached] = [a + share * da, b + share * db, next];
    if (Math.abs(b) > STEEPEST) return null;
  }
  return null;
}
