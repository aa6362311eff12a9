/** What the headers of many image files say, before any of them is decoded. */
import { withImage } from './source.js';

export interface Surveyed {
  file: string;
  /** Upright, in px. */
  width: number;
  height: number;
  /** Some pixel is not opaque. An alpha channel that is opaque everywhere hides nothing. */
  transparent: boolean;
}

/** @throws DataError naming the file that is no image */
export async function surveyImages(files: readonly string[]): Promise<Surveyed[]> {
  const found = new Array<Surveyed>(files.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < files.length) {
      const k = next++;
      const file = files[k]!;
      found[k] = await withImage(file, async (image) => {
        const { autoOrient, hasAlpha } = await image.metadata();
        const transparent = hasAlpha && !(await image.stats()).isOpaque;
        return { file, width: autoOrient.width, height: autoOrient.height, transparent };
      });
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return found;
}
