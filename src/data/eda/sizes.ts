/** Widths and heights of the images. */
import { countsPanel, densityPanel, type FigureBlock, MOST_DOTS, plural, whole } from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import { hillsOf } from './numeric.js';
import { areaLegend, type SeriesSet } from './series.js';

const planePx = 246;

/** Null where all images have one size. */
export function sizesFigure(dataset: Dataset, set: SeriesSet): FigureBlock | null {
  const sizes = new Map<string, { width: number; height: number; images: number }>();
  for (const { width, height } of dataset.rows) {
    const key = `${width} ${height}`;
    const size = sizes.get(key) ?? { width, height, images: 0 };
    size.images++;
    sizes.set(key, size);
  }
  if (sizes.size === 1) return null;
  const all = [...sizes.values()].sort((a, b) => b.images - a.images);
  const common = all[0]!;
  const shortSide = Float64Array.from(dataset.rows, ({ width, height }) => Math.min(width, height));
  const keys = dataset.rows.map(({ label }) => set.indexOf(label));
  const hills = hillsOf(shortSide, keys, set);
  return {
    kind: 'figure',
    name: 'sizes',
    title: 'Sizes of the images',
    shows:
      `${whole(all.length)} sizes; the most frequent is ${whole(common.width)} × ${whole(common.height)} px (${plural(common.images, 'image')}). ` +
      `${all.length > MOST_DOTS ? 'The darker a cell, the more images' : 'The larger a dot, the more images'}; the dotted line is a square. ` +
      'Where the classes’ curves lie apart, size tells the class: such images come from other cameras or clinics.',
    doesNotShow: 'How large lesions are: the distance from which an image was taken is not in its pixels.',
    legend: hills && set.series.length > 1 ? areaLegend(set) : [],
    panels: [
      countsPanel(
        all.map(({ width, height, images }) => ({
          ...{ x: width, y: height, count: images },
          title: `${width} × ${height}: ${plural(images, 'image')}`,
        })),
        {
          title: 'Width and height in pixels',
          half: true,
          x: { label: 'width' },
          y: { label: 'height' },
          heightPx: planePx,
          told: (images) => plural(images, 'image'),
        },
      ),
      ...(hills
        ? [densityPanel(hills, { title: 'Shorter side in pixels, by class', half: true, heightPx: planePx })]
        : []),
    ],
  };
}
