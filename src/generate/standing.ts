/**
 * What can be said of a run as a whole. That the doctor found nothing means something only where it could look: its rules
 * wait for the networks to settle and then for several measurements, so that a generator that collapsed in its first steps
 * gives no finding at all.
 */
import { SETTLING_STEPS, WINDOW } from './doctor.js';

export type Standing =
  /** The doctor has findings. */
  | 'findings'
  /** Nothing was measured, or not enough of what tells a good run from a bad one. */
  | 'little-measured'
  /** Too few measurements after the networks have settled. */
  | 'too-short'
  /** No finding, but the images lie far from real ones. */
  | 'far-from-real'
  | 'nothing-found';

/** Of a `monitor` event; what was not measured is null or not there. */
export interface Measured {
  step: number;
  diversity?: number | null;
  realDiversity?: number | null;
  fd?: number | null;
  fdFloor?: number | null;
  recall?: number | null;
  heldOutScore?: number | null;
}

export interface RunStanding {
  standing: Standing;
  /** What the last measurement saw, a phrase each. */
  seen: string[];
  /** What was never measured, and why it matters. */
  missing: string[];
}

/**
 * Times the Fréchet distance between halves of the real images. A DCGAN after 2,600 steps, and its average, lay at 2.2 to
 * 5.6 (docs/metrics.md), ten images repeated at 4.1 to 5.8: what lies beyond is not near.
 */
const FAR = 10;
/** Share of real images that lie among the generated ones: below it nearly all of them are out of reach. */
const LEAST_RECALL = 0.02;

const figure = (value: number): string => String(Number(value.toPrecision(2)));
const isFigure = (value: number | null | undefined): value is number =>
  typeof value === 'number' && Number.isFinite(value);

/** @param measured in the order of their steps, those of the way that was kept */
export function standingOfRun(measured: readonly Measured[], findings: number): RunStanding {
  const last = measured.at(-1);
  const seen = last ? seenIn(last) : [];
  const missing = missingIn(measured);
  const of = (standing: Standing): RunStanding => ({ standing, seen, missing });
  if (findings > 0) return of('findings');
  if (!last) return of('little-measured');
  if (measured.filter(({ step }) => step > SETTLING_STEPS).length < WINDOW.needed) return of('too-short');
  if (isFar(last)) return of('far-from-real');
  return of(isFigure(last.fd) ? 'nothing-found' : 'little-measured');
}

const timesFloor = ({ fd, fdFloor }: Measured): number =>
  isFigure(fd) && isFigure(fdFloor) && fdFloor > 0 ? fd / fdFloor : Number.NaN;

const isFar = (last: Measured): boolean =>
  timesFloor(last) >= FAR || (isFigure(last.recall) && last.recall < LEAST_RECALL);

function seenIn(last: Measured): string[] {
  const { diversity, realDiversity, fd, recall } = last;
  const times = timesFloor(last);
  return [
    ...(isFigure(diversity) && isFigure(realDiversity)
      ? [`samples are alike to ${figure(diversity)} (MS-SSIM), real images to ${figure(realDiversity)}`]
      : []),
    ...(isFigure(fd)
      ? [
          `the Fréchet distance is ${figure(fd)}${isFigure(times) ? `, ${figure(times)} × that of real images` : ''}`,
        ]
      : []),
    ...(isFigure(recall) ? [`recall is ${recall.toFixed(2)}`] : []),
  ];
}

function missingIn(measured: readonly Measured[]): string[] {
  const never = (key: keyof Measured): boolean => !measured.some((one) => isFigure(one[key]));
  return [
    ...(never('fd') ? ['how far the images lie from real ones (no backbone)'] : []),
    ...(never('heldOutScore')
      ? ['whether the discriminator knows its training images by heart (no validation images)']
      : []),
  ];
}

/** The standing as a sentence. */
export function standingSentence({ standing, seen, missing }: RunStanding): string | null {
  const saw = seen.length > 0 ? ` At the end ${seen.join('; ')}.` : '';
  const lacking = missing.length > 0 ? ` Not measured: ${missing.join('; ')}.` : '';
  switch (standing) {
    case 'findings':
      return null;
    case 'too-short':
      return `Too short to judge: the doctor waits ${SETTLING_STEPS} steps, until the networks have settled, and then for ${WINDOW.needed} measurements.${saw}`;
    case 'little-measured':
      return seen.length > 0
        ? `The doctor found nothing, but too little was measured to judge.${saw}${lacking}`
        : 'Too little was measured to judge: nothing but the losses.';
    case 'far-from-real':
      return `The doctor found nothing that went wrong, but the images are far from real ones.${saw}${lacking}`;
    case 'nothing-found':
      return `The doctor, who looked on while it trained, found nothing.${saw}${lacking}`;
  }
}
