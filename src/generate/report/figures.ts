/** The curves of a GAN run, each with what it shows and what it does not. What was not measured has no figure. */

import type { FigureBlock } from '../../report/index.js';
import {
  type Curve,
  type CurveOptions,
  curveLegend,
  curvePlot,
  fixed,
  fullPanel,
  halfPanel,
  list,
  type Point,
  plural,
  WIDTHS,
  whole,
} from '../../report/index.js';
import type { History } from './history.js';

const BLUE = 'var(--blue)';
const ORANGE = 'var(--orange)';
const GREEN = 'var(--green)';
const GREY = 'var(--grey)';
const PURPLE = 'var(--purple)';

interface Words {
  name: string;
  title: string;
  shows: string;
  doesNotShow: string;
}

/** Curves with two points or more; null where there is none. */
function figure(words: Words, curves: readonly Curve[], options: CurveOptions): FigureBlock | null {
  const drawn = curves.filter(({ points }) => points.length > 1);
  if (drawn.length === 0) return null;
  return {
    kind: 'figure',
    ...words,
    legend: curveLegend(drawn),
    panels: [fullPanel((width) => curvePlot(drawn, options, width), words.title)],
  };
}

interface HalfPanel {
  title: string;
  curves: readonly Curve[];
  options: CurveOptions;
}

/** Panels side by side, under one legend. */
function panelFigure(words: Words, panels: readonly HalfPanel[]): FigureBlock | null {
  const drawn = panels
    .map((panel) => ({ ...panel, curves: panel.curves.filter(({ points }) => points.length > 1) }))
    .filter(({ curves }) => curves.length > 0);
  if (drawn.length === 0) return null;
  const all = drawn.flatMap(({ curves }) => curves);
  const legend = curveLegend(all.filter(({ label }, i) => all.findIndex((one) => one.label === label) === i));
  return {
    kind: 'figure',
    ...words,
    legend,
    panels: drawn.map(({ title, curves, options }) =>
      halfPanel(title, curvePlot(curves, { heightPx: 240, ...options }, WIDTHS.half)),
    ),
  };
}

/** Losses of both networks over their steps. */
export const lossFigure = (
  losses: { discriminatorLoss: readonly Point[]; generatorLoss: readonly Point[] },
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
    [
      { label: 'discriminator', color: BLUE, points: losses.discriminatorLoss },
      { label: 'generator', color: ORANGE, points: losses.generatorLoss },
    ],
    { y: 'loss', events },
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
    panelFigure(
      {
        name: 'norms',
        title: 'Gradients and weights',
        shows: `Left, the norm of each network’s gradient over all its parameters; a generator’s that goes to zero learns nothing any more, one that grows by orders of magnitude foretells divergence. Right, the largest singular value of the discriminator’s weights, over its layers: the highest and the mean.${back}`,
        doesNotShow:
          'What is right: there is no proper size for either. Look for changes, and at what the pictures did then.',
      },
      [
        {
          title: 'Norm of the gradient',
          curves: [
            { label: 'generator', color: ORANGE, points: monitor.generatorGradientNorm, dots: true },
            { label: 'discriminator', color: BLUE, points: monitor.discriminatorGradientNorm, dots: true },
          ],
          options: { y: 'norm, logarithmic', log: true, events },
        },
        {
          title: 'Spectral norms of the discriminator',
          curves: [
            { label: 'highest layer', color: PURPLE, points: monitor.spectralNormMax, dots: true },
            { label: 'mean of layers', color: GREY, points: monitor.spectralNormMean, dots: true },
          ],
          options: { y: 'largest singular value', events },
        },
      ],
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
      [{ label: 'p', color: GREEN, points: monitor.augmentProbability, dots: true }],
      { y: 'p', include: [0, 1], events },
    ),
  ];
  return figures.filter((block) => block !== null);
}

/** Mean D(x) and D(G(z)); a critic's scores have no scale. */
function scoresFigure({ losses }: History, events: readonly number[]): FigureBlock | null {
  const curves: Curve[] = [
    { label: 'real images', color: BLUE, points: losses.realScore },
    { label: 'generated images', color: ORANGE, points: losses.fakeScore },
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
      curves,
      { y: 'probability', include: [0, 1], levels: [0.5], events },
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
    curves,
    { y: 'score', events },
  );
}

/** Scores of probabilities lie in [0, 1]; a critic's leave it sooner or later. */
const areProbabilities = (points: readonly Point[]): boolean => points.every(({ y }) => y >= 0 && y <= 1);

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
    [
      { label: 'real, trained on', color: BLUE, points: monitor.realScore, dots: true },
      { label: 'real, held out', color: GREEN, points: monitor.heldOutScore, dots: true },
      { label: 'generated', color: ORANGE, points: monitor.fakeScore, dots: true },
    ],
    { y: 'mean verdict', events },
  );
}

function diversityFigure({ monitor }: History, events: readonly number[]): FigureBlock | null {
  return panelFigure(
    {
      name: 'diversity',
      title: 'Do the images differ?',
      shows:
        'Left, how alike two images are on average (MS-SSIM, 1: the same; Odena et al. 2017), generated ones among themselves and real ones: well above the real line, the generator repeats itself (mode collapse). Right, the standard deviation of a pixel over generated images, 0 to 1; it falls with a collapse.',
      doesNotShow:
        'Whether the differences are those of real lesions: noise is diverse, too. A generator can also leave out rare kinds and keep the average.',
    },
    [
      {
        title: 'Likeness of two images',
        curves: [
          { label: 'generated', color: ORANGE, points: monitor.diversity, dots: true },
          { label: 'real', color: BLUE, points: monitor.realDiversity },
        ],
        options: { y: 'mean MS-SSIM', include: [0], events },
      },
      {
        title: 'Spread of pixels',
        curves: [{ label: 'generated', color: ORANGE, points: monitor.fakeStd, dots: true }],
        options: { y: 'standard deviation', include: [0], events },
      },
    ],
  );
}

/** The lowest of a series. */
export const bestOf = (points: readonly Point[]): Point | null =>
  points.reduce<Point | null>((best, point) => (best === null || point.y < best.y ? point : best), null);

function distanceFigures({ monitor }: History, events: readonly number[]): FigureBlock[] {
  const { fd, fdFloor, kid } = monitor;
  const [bestFd, bestKid] = [bestOf(fd), bestOf(kid)];
  const measured = [...(fd.length > 1 ? ['Fréchet distance (FD)'] : []), ...(kid.length > 1 ? ['KID'] : [])];
  const bests = [
    ...(bestFd && fd.length > 1 ? [`FD ${bestFd.y.toPrecision(3)} at step ${whole(bestFd.x)}`] : []),
    ...(bestKid && kid.length > 1 ? [`KID ${fixed(bestKid.y, 4)} at step ${whole(bestKid.x)}`] : []),
  ];
  const marked = (best: Point | null): CurveOptions['mark'] =>
    best ? { ...best, label: 'best' } : undefined;
  const block = panelFigure(
    {
      name: 'distance',
      title: `${list(measured)} to the real images`,
      shows: `How far the generated images as a set lie from the real ones; lower is better. Best: ${list(bests)}.${fdFloor.length > 0 ? ' The floor is the same distance between real images and other real ones: nothing better can be expected.' : ''}`,
      doesNotShow:
        'A figure to compare with papers: it hangs on the number of images, the features and the resizer. The best step was chosen by these same numbers, so its value is a little too good.',
    },
    [
      {
        title: 'FD',
        curves: [
          { label: 'generated', color: ORANGE, points: fd, dots: true },
          { label: 'floor: real against real', color: BLUE, points: fdFloor },
        ],
        options: { y: 'Fréchet distance', include: [0], events, mark: marked(bestFd) },
      },
      {
        title: 'KID',
        curves: [{ label: 'generated', color: ORANGE, points: kid, dots: true }],
        options: { y: 'kernel distance', include: [0], events, mark: marked(bestKid) },
      },
    ],
  );
  return block ? [block] : [];
}
