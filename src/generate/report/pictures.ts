/** The pictures of a GAN run as blocks of its report. What a run has no picture for is left out. */
import type { Block, EncodedPicture, Picture, PicturesBlock } from '../../report/index.js';
import { fixed, list, percent, whole } from '../../report/index.js';
import type { GanReportInput, NearestPicture } from './input.js';

/** One picture with its caption. */
const single = (picture: EncodedPicture, words: Omit<PicturesBlock, 'kind' | 'pictures'>): PicturesBlock => ({
  kind: 'pictures',
  ...words,
  pictures: [{ ...picture, name: words.name, title: '' }],
});

/** The generator as it is now. */
export function resultPictures({ summary, pictures }: GanReportInput): Block[] {
  const { real, generated, classes, interpolation } = pictures;
  const what = summary.classes.join(' and ');
  const blocks: Block[] = [];
  if (real || generated) {
    blocks.push({
      kind: 'pictures',
      name: 'real-generated',
      title: `${list([...(real ? ['Real'] : []), ...(generated ? ['generated'] : [])])} images`,
      shows: `Images of ${what}, drawn by lot, none picked. Look for detail, for colour, and for how much they differ among themselves.`,
      doesNotShow:
        'Whether the generated ones vary enough, or repeat training images: a few dozen cannot tell. Neither can they tell whether a classifier gains by them; a trial can.',
      pictures: [
        ...(real ? [{ ...real, name: 'real', title: 'Real, from the training split' }] : []),
        ...(generated ? [{ ...generated, name: 'generated', title: 'Generated' }] : []),
      ],
    });
  }
  if (classes)
    blocks.push(
      single(classes, {
        name: 'classes',
        title: 'The same latents as each class',
        shows:
          'A row a class; images of one column share their latent, so that what differs within a column is what the generator holds to be the class.',
        doesNotShow:
          'Whether that is the truth about the classes: a generator also learns what merely goes along with a class, such as rulers or dark corners.',
      }),
    );
  if (interpolation)
    blocks.push(
      single(interpolation, {
        name: 'interpolation',
        title: 'From one image to another',
        shows:
          'Each row goes from one latent to another along the sphere (White 2016). Smooth changes through images that could be real mean that the generator knows something between its training images.',
        doesNotShow:
          'That it has learned every kind of lesion. Sudden jumps between a few images speak for images learned by heart.',
      }),
    );
  return blocks;
}

export function nearestBlocks({ pictures }: GanReportInput): Block[] {
  const { nearest } = pictures;
  return nearest ? [nearestBlock(nearest)] : [];
}

function nearestBlock(picture: NearestPicture): PicturesBlock {
  const { nearest, nearer, real, distance } = picture;
  const digits = real.median < 2 ? 3 : 1;
  const [least, most] = [Math.min(...nearest), Math.max(...nearest)];
  return single(picture, {
    name: 'nearest',
    title: 'The nearest training images',
    shows:
      `Each row begins with a generated image; then the training images nearest to it, with their distance (${distance}). ` +
      `The nearest lie ${fixed(least, digits)} to ${fixed(most, digits)} away; from a real image the nearest other one lies ${fixed(real.median, digits)} away (median). ` +
      `${nearer} of ${nearest.length} generated images lie nearer to a training image than any other training image does (Alaa et al. 2022); of real images held against the rest, ${percent(real.nearerShare)} do.`,
    doesNotShow:
      'That nothing was copied: a copy that is moved, turned or recoloured is far away in pixels, and only a few images are looked at. Smooth and dark images are near everything.',
  });
}

/** How pictures came about: grids at some steps, and all of them as an animation. */
export function timelineBlocks({ pictures }: GanReportInput): Block[] {
  const blocks: Block[] = [];
  const { timeline, animation } = pictures;
  if (animation)
    blocks.push(
      single(animation, {
        name: 'training',
        title: 'The training as an animation',
        shows: `${animation.frames} grids of the same latents, each with its step. Images that settle and then change little have found what they are.`,
        doesNotShow:
          'Which step is best: images go on changing without getting better, and the eye is a poor judge of variety.',
      }),
    );
  if (timeline.length > 0)
    blocks.push({
      kind: 'pictures',
      name: 'timeline',
      title: 'The same latents over training',
      shows: `Grids at ${timeline.length === 1 ? 'step' : 'steps'} ${list(timeline.map(({ step }) => whole(step)))}, of the generator that is sampled (the moving average of its weights, where the run keeps one).`,
      doesNotShow: 'What happened between these steps.',
      pictures: timeline.map(({ step, ...picture }): Picture => {
        const padded = String(step).padStart(6, '0');
        return { ...picture, name: `step-${padded}`, title: `Step ${whole(step)}` };
      }),
    });
  return blocks;
}
