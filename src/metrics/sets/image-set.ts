/** Sets of images in memory, as metrics take them. */
import { createHash } from 'node:crypto';
import { type Device, type Tensor, tensor, tidy } from 'graft-torch';

/** Images of one size as bytes. */
export interface ImageSet {
  /** [n, 3, height, width] */
  data: Uint8Array;
  n: number;
  height: number;
  width: number;
  /** Where each comes from, for messages and captions. */
  files?: readonly string[];
  /** Patient, lesion or image of each, which are drawn together where intervals are made. */
  groups?: readonly string[];
}

/** `image` stretches each image's darkest value to 0 and brightest to 1, as the original system did. */
export type Stretch = 'none' | 'image';

/** What a message calls an image. */
export const imageName = (set: ImageSet, index: number): string =>
  set.files?.[index] ?? `image ${index + 1} of ${set.n}`;

/** SHA-256 over the pixels, in order: 64 hex digits. Figures compare only against the same reals. */
export const hashPixels = ({ data, n, height, width }: ImageSet): string =>
  createHash('sha256').update(`${n} 3 ${height} ${width}\n`).update(data).digest('hex');

/** Sets of one size, one behind the other. */
export function concatenate(sets: readonly ImageSet[]): ImageSet {
  const [{ height, width }] = sets as [ImageSet, ...ImageSet[]];
  const data = new Uint8Array(sets.reduce((sum, set) => sum + set.data.length, 0));
  let at = 0;
  for (const set of sets) {
    data.set(set.data, at);
    at += set.data.length;
  }
  const all = (key: 'files' | 'groups'): readonly string[] | undefined =>
    sets.every((set) => set[key]) ? sets.flatMap((set) => set[key]!) : undefined;
  const [files, groups] = [all('files'), all('groups')];
  const n = sets.reduce((sum, set) => sum + set.n, 0);
  return { data, n, height, width, ...(files && { files }), ...(groups && { groups }) };
}

/** All images as bytes, [n, 3, height, width], on the CPU. */
export const toTensor = ({ data, n, height, width }: ImageSet): Tensor => tensor(data, [n, 3, height, width]);

/** Images by index as floats 0…1 on the device, [indices.length, 3, height, width]. */
export function toFloats(
  set: ImageSet,
  indices: Int32Array,
  { stretch, device }: { stretch: Stretch; device: Device },
): Tensor {
  const size = 3 * set.height * set.width;
  const bytes = new Uint8Array(indices.length * size);
  indices.forEach((index, k) => {
    bytes.set(set.data.subarray(index * size, (index + 1) * size), k * size);
  });
  return tidy(() => {
    const images = tensor(bytes, [indices.length, 3, set.height, set.width])
      .to({ device })
      .to({ dtype: 'float32' })
      .div(255);
    if (stretch === 'none') return images;
    const low = images.amin([1, 2, 3], true);
    const high = images.amax([1, 2, 3], true);
    // An image of one value has nothing to stretch: it becomes black.
    return images.sub(low).div(high.sub(low).clamp({ min: 1e-8 }));
  });
}
