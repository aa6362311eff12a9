/**
 * What makes figures of two sets of images flattering, or mean nothing, before any is computed: copies of the real images
 * lie nearer to them than other real images do; images of one colour, or one image many times, are a set of one; a
 * handful of images is any distribution.
 */
import { createHash } from 'node:crypto';
import type { ImageSet } from './image-set.js';

export interface SetCaution {
  kind: 'copies' | 'degenerate' | 'few';
  /** A sentence. */
  words: string;
}

/** Fewer images than this say nothing about a set. */
const FEWEST = 50;
/** Images that are there already, as a share of a set: more is no variety. */
const MOST_REPEATED = 0.1;
/** An image whose channels span no more grey levels than this is one colour. */
const FLAT_LEVELS = 2;

/** @param sets of one size */
export function setCautions({ real, synthetic }: { real: ImageSet; synthetic: ImageSet }): SetCaution[] {
  const [own, other] = [lookAt(real), lookAt(synthetic)];
  const known = new Set(own.digests);
  const copies = other.digests.filter((digest) => known.has(digest)).length;
  return [
    ...(copies > 0
      ? [
          {
            kind: 'copies' as const,
            words: `${copies} of ${synthetic.n} synthetic images are real images, pixel for pixel: figures that look good are those of copies (graft metrics privacy).`,
          },
        ]
      : []),
    ...degenerate('real', real, own),
    ...degenerate('synthetic', synthetic, other),
    ...few({ real, synthetic }),
  ];
}

interface Looked {
  /** Of the pixels of each image. */
  digests: string[];
  /** Images of one colour. */
  flat: number;
}

function lookAt({ data, n }: ImageSet): Looked {
  const each = data.length / n;
  const looked: Looked = { digests: [], flat: 0 };
  for (let i = 0; i < n; i++) {
    const pixels = data.subarray(i * each, (i + 1) * each);
    looked.digests.push(createHash('sha256').update(pixels).digest('base64'));
    if (isFlat(pixels)) looked.flat++;
  }
  return looked;
}

/** @param pixels channel after channel: one, or three */
function isFlat(pixels: Uint8Array): boolean {
  const channels = pixels.length % 3 === 0 ? 3 : 1;
  const plane = pixels.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    let [low, high] = [255, 0];
    for (const value of pixels.subarray(channel * plane, (channel + 1) * plane)) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (high - low > FLAT_LEVELS) return false;
  }
  return true;
}

function degenerate(which: string, { n }: ImageSet, { digests, flat }: Looked): SetCaution[] {
  const different = new Set(digests).size;
  const told: string[] = [
    ...(flat > MOST_REPEATED * n ? [`${flat} of ${n} ${which} images are one colour`] : []),
    ...(n - different > MOST_REPEATED * n
      ? [`the ${n} ${which} images are ${different} different ${different === 1 ? 'one' : 'ones'}`]
      : []),
  ];
  return told.map((words) => ({
    kind: 'degenerate',
    words: `${words[0]!.toUpperCase()}${words.slice(1)}: figures of such a set mean nothing.`,
  }));
}

function few(sets: { real: ImageSet; synthetic: ImageSet }): SetCaution[] {
  const small = Object.entries(sets).filter(([, { n }]) => n < FEWEST);
  return small.length === 0
    ? []
    : [
        {
          kind: 'few',
          words: `${small.map(([which, { n }]) => `${n} ${which}`).join(' and ')} images are too few to judge a set by: take ${FEWEST} or more.`,
        },
      ];
}
