/** The curves of a GAN run, each with what it shows and what it does not. What was not measured has no figure. */

import {
  BLUE,
  type Captioned,
  type Curve,
  type CurvePoint,
  curvesPanel,
  type FigureBlock,
  fixed,
  GREEN,
  GREY,
  legendOf,
  list,
  ORANGE,
  PURPLE,
  plural,
  whole,
} from '../../report/index.js';
import type { History } from './history.js';

interface RunPanel extends Omit<Parameters<typeof curvesPanel>[1], 'half'> {
  curves: readonly Curve[];
}

/** Panels side by side under one legend, of curves with two points or more; null where there is none. */
function figure(words: Captioned, ...panels: readonly RunPanel[]): FigureBlock | null {
  const drawn = panels
    .map((panel) => ({ ...panel, curves: panel.curves.filter(({ points }) => points.length > 1) }))
    .filter(({ curves }) => curves.length > 0);
  if (drawn.length === 0) return null;
  const all = drawn.flatMap(({ curves }) => curves);
  return {
    kind: 'figure',
    ...words,
    legend: legendOf(all.filter(({ label }, i) => all.findIndex((one) => one.label === label) === i)),
    panels: drawn.map(({ curves, ...options }) =>
      curvesPanel(curves, { ...options, half: panels.length > 1 }),
    ),
  };
}

/** What is logged at every step, and what the monitor measures now and then. */
const logged = (label: string, color: string, points: readonly CurvePoint[]): Curve => ({
  ...{ label, color, points },
  as: 'trend',
});
const measured = (label: string, color: string, points: readonly CurvePoint[]): Curve => ({
  ...{ label, color, points },
  as: 'dots',
});

/** Losses of both networks over their steps. */
export const lossFigure = (
  losses: { discriminatorLoss: readonly CurvePoint[]; generatorLoss: readonly CurvePoint[] },
  { name, title, events }: { name: string; title: string; events?: readonly number[] },
): FigureBlock | null =>
  figure(
    {
      name,
      title,
      shows:
        'How the contest between generator and discriminator went; losses that stay level mean that neither has won.',
      doesNotShow:
        'Picture quality: a GAN’s loss does not fall as its images improve. Look at the images and at the metrics.',
    },
    {
      title,
      curves: [
        logged('discriminator', BLUE, losses.discriminatorLoss),
        logged('generator', ORANGE, losses.generatorLoss),
      ],
      y: { label: 'loss' },
      events,
    },
  );

/** Every curve that the run has numbers for. */
export function trainingFigures(history: History): FigureBlock[] {
  const { losses, monitor, rollBacks } = history;
  const events = rollBacks.map(({ to }) => to);
  const back =
    events.length > 0 ? ` Dotted: where the run went back (${plural(events.length, 'time')}).` : '';
  const figures = [
    lossFigure(losses, { name: 'losses', title: 'Losses', events }),
    scoresFigure(history, events),
    heldOutFigure(history, events),
    figure(
      {
        name: 'norms',
        title: 'Gradients and weights',
        shows: `Left, the norm of each network’s gradient over all its parameters; a generator’s that goes to zero learns nothing any more, one that grows by orders of magnitude foretells divergence. Right, the largest singular value of the discriminator’s weights, over its layers: the highest and the mean.${back}`,
        doesNotShow:
          'What is right: there is no proper size for either. Look for changes, and at what the pictures did then.',
      },
      {
        title: 'Norm of the gradient',
        curves: [
          measured('generator', ORANGE, monitor.generatorGradientNorm),
          measured('discriminator', BLUE, monitor.discriminatorGradientNorm),
        ],
        y: { label: 'norm, logarithmic', log: true },
        events,
      },
      {
        title: 'Spectral norms of the discriminator',
        curves: [
          measured('highest layer', PURPLE, monitor.spectralNormMax),
          measured('mean of layers', GREY, monitor.spectralNormMean),
        ],
        y: { label: 'largest singular value' },
        events,
      },
    ),
    diversityFigure(history, events),
    ...distanceFigures(history, events),
    figure(
      {
        name: 'augmentation',
        title: 'Probability of augmentation',
        shows:
          'How often adaptive augmentation changes an image before the discriminator sees it. It rises where the discriminator grows too sure of its training images.',
        doesNotShow:
          'That augmentation stays out of the generated images: near 1 it can leak into them. Look for turned or recoloured pictures.',
      },
      {
        title: 'Probability of augmentation',
        curves: [measured('p', GREEN, monitor.augmentProbability)],
        y: { label: 'p', include: [0, 1] },
        events,
      },
    ),
  ];
  return figures.filter((block) => block !== null);
}

/** Mean D(x) and D(G(z)); a critic's scores have no scale. */
function scoresFigure({ losses }: History, events: readonly number[]): FigureBlock | null {
  const curves: Curve[] = [
    logged('real images', BLUE, losses.realScore),
    logged('generated images', ORANGE, losses.fakeScore),
  ];
  if (areProbabilities([...losses.realScore, ...losses.fakeScore]))
    return figure(
      {
        name: 'scores',
        title: 'What the discriminator says',
        shows:
          'Mean probability of being real, D(x) of real images and D(G(z)) of generated ones, on the batches it is trained on. Both at 0.5: it cannot tell them apart; 1 and 0: it wins every time, and the generator learns little.',
        doesNotShow:
          'Whether it judges or remembers: it has seen these real images before. Held-out images tell that.',
      },
      {
        title: 'What the discriminator says',
        curves,
        y: { label: 'probability', include: [0, 1] },
        levels: [0.5],
        events,
      },
    );
  return figure(
    {
      name: 'scores',
      title: 'What the critic says',
      shows:
        'Mean score of real and of generated images on the batches it is trained on. The gap between the two is what the critic can still tell apart (for a Wasserstein critic, an estimate of the distance).',
      doesNotShow:
        'Anything by its height: a critic’s score has no unit and no zero, and cannot be compared between runs.',
    },
    { title: 'What the critic says', curves, y: { label: 'score' }, events },
  );
}

/** Scores of probabilities lie in [0, 1]; a critic's leave it sooner or later. */
const areProbabilities = (points: readonly CurvePoint[]): boolean =>
  points.every(({ y }) => y >= 0 && y <= 1);

/** All three as the monitor has them, in evaluation mode and without augmentation: those of training batches are not like it. */
function heldOutFigure({ monitor }: History, events: readonly number[]): FigureBlock | null {
  if (monitor.heldOutScore.length < 2) return null;
  return figure(
    {
      name: 'held-out',
      title: 'Does the discriminator know its images by heart?',
      shows:
        'Its mean verdict on real training images and on real images of the validation split, which it never saw, measured alike. Where the two part, it has begun to learn the training images by heart, and the generator follows it.',
      doesNotShow:
        'How much of it the pictures bear: look at the nearest neighbours. With few validation images the line is rough.',
    },
    {
      title: 'Does the discriminator know its images by heart?',
      curves: [
        measured('real, trained on', BLUE, monitor.realScore),
        measured('real, held out', GREEN, monitor.heldOutScore),
        measured('generated', ORANGE, monitor.fakeScore),
      ],
      y: { label: 'mean verdict' },
      events,
    },
  );
}

function diversityFigure({ monitor }: History, events: readonly number[]): FigureBlock | null {
  return figure(
    {
      name: 'diversity',
      title: 'Do the images differ?',
      shows:
        'Left, how alike two images are on average (MS-SSIM, 1: the same; Odena et al. 2017), generated ones among themselves and real ones: well above the real line, the generator repeats itself (mode collapse). Right, the standard deviation of a pixel over generated images, 0 to 1; it falls with a collapse.',
      doesNotShow:
        'Whether the differences are those of real lesions: noise is diverse, too. A generator can also leave out rare kinds and keep the average.',
    },
    {
      title: 'Likeness of two images',
      curves: [measured('generated', ORANGE, monitor.diversity), logged('real', BLUE, monitor.realDiversity)],
      y: { label: 'mean MS-SSIM', include: [0] },
      events,
    },
    {
      title: 'Spread of pixels',
      curves: [measured('generated', ORANGE, monitor.fakeStd)],
      y: { label: 'standard deviation', include: [0] },
      events,
    },
  );
}

/** The lowest of a series. */
export const bestOf = (points: readonly CurvePoint[]): CurvePoint | null =>
  points.reduce<CurvePoint | null>((best, point) => (best === null || point.y < best.y ? point : best), null);

function distanceFigures({ monitor }: History, events: readonly number[]): FigureBlock[] {
  const { fd, fdFloor, kid } = monitor;
  const [bestFd, bestKid] = [bestOf(fd), bestOf(kid)];
  const names = [...(fd.length > 1 ? ['Fréchet distance (FD)'] : []), ...(kid.length > 1 ? ['KID'] : [])];
  const bests = [
    ...(bestFd && fd.length > 1 ? [`FD ${bestFd.y.toPrecision(3)} at step ${whole(bestFd.x)}`] : []),
    ...(bestKid && kid.length > 1 ? [`KID ${fixed(bestKid.y, 4)} at step ${whole(bestKid.x)}`] : []),
  ];
  const marked = (best: CurvePoint | null) => (best ? { mark: { ...best, label: 'best' } } : {});
  const block = figure(
    {
      name: 'distance',
      title: `${list(names)} to the real images`,
      shows: `How far the generated images as a set lie from the real ones; lower is better. Best: ${list(bests)}.${fdFloor.length > 0 ? ' The floor is the same distance between real images and other real ones: nothing better can be expected.' : ''}`,
      doesNotShow:
        'A figure to compare with papers: it hangs on the number of images, the features and the resizer. The best step was chosen by these same numbers, so its value is a little too good.',
    },
    {
      title: 'FD',
      curves: [measured('generated', ORANGE, fd), logged('floor: real against real', BLUE, fdFloor)],
      y: { label: 'Fréchet distance', include: [0] },
      events,
      ...marked(bestFd),
    },
    {
      title: 'KID',
      curves: [measured('generated', ORANGE, kid)],
      y: { label: 'kernel distance', include: [0] },
      events,
      ...marked(bestKid),
    },
  );
  return block ? [block] : [];
}
