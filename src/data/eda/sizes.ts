/** Widths and heights of the images. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock } from '../../report/index.js';
import { around, halfPanel, MUTED, PAPER, plural, RULE, whole } from '../../report/index.js';
import type { Dataset } from '../dataset/dataset.js';
import { densityPanel } from './numeric.js';
import { areaLegend, type SeriesSet } from './series.js';

/** More different sizes than this are drawn as cells, not as dots. */
const mostDots = 60;
const cells = 26;
const planePx = 246;

const DOTS = 'var(--blue)';

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
  const density = densityPanel('Shorter side in pixels, by class', shortSide, {
    keys: dataset.rows.map(({ label }) => set.indexOf(label)),
    set,
    heightPx: planePx,
  });
  return {
    kind: 'figure',
    name: 'sizes',
    title: 'Sizes of the images',
    shows:
      `${whole(all.length)} sizes; the most frequent is ${whole(common.width)} × ${whole(common.height)} px (${plural(common.images, 'image')}). ` +
      `${all.length > mostDots ? 'The darker a cell, the more images' : 'The larger a dot, the more images'}; the dotted line is a square. ` +
      'Where the classes’ curves lie apart, size tells the class: such images come from other cameras or clinics.',
    doesNotShow: 'How large lesions are: the distance from which an image was taken is not in its pixels.',
    legend: density && set.series.length > 1 ? areaLegend(set.series) : [],
    panels: [planePanel(all), ...(density ? [density] : [])],
  };
}

function planePanel(sizes: readonly { width: number; height: number; images: number }[]) {
  const domain = {
    x: around(
      sizes.map(({ width }) => width),
      0.08,
    ),
    y: around(
      sizes.map(({ height }) => height),
      0.08,
    ),
  };
  const most = Math.max(...sizes.map(({ images }) => images));
  const title = (d: { width: number; height: number; images: number }): string =>
    `${d.width} × ${d.height}: ${plural(d.images, 'image')}`;
  const marks =
    sizes.length <= mostDots
      ? [
          Plot.dot(sizes, {
            x: 'width',
            y: 'height',
            r: (d: { images: number }) => 2.5 + 9 * Math.sqrt(d.images / most),
            fill: DOTS,
            fillOpacity: 0.55,
            stroke: PAPER,
            strokeWidth: 1,
            title,
          }),
        ]
      : [
          Plot.rect(cellsOf(sizes, domain), {
            x1: 'x1',
            x2: 'x2',
            y1: 'y1',
            y2: 'y2',
            fill: DOTS,
            fillOpacity: (d: { strength: number }) => 0.15 + 0.85 * d.strength,
            inset: 0.25,
            title: (d: { images: number }) => plural(d.images, 'image'),
          }),
        ];
  const low = Math.max(domain.x[0], domain.y[0]);
  const high = Math.min(domain.x[1], domain.y[1]);
  return halfPanel('Width and height in pixels', {
    height: planePx,
    marginLeft: 56,
    marginBottom: 42,
    marginTop: 10,
    marginRight: 14,
    r: { type: 'identity' },
    x: { domain: domain.x, ticks: 5, tickSize: 4, label: 'width', labelAnchor: 'center', labelArrow: 'none' },
    y: {
      domain: domain.y,
      ticks: 5,
      tickSize: 4,
      label: 'height',
      labelAnchor: 'center',
      labelArrow: 'none',
    },
    marks: [
      Plot.frame({ stroke: RULE }),
      ...(high > low
        ? [Plot.link([0], { x1: low, x2: high, y1: low, y2: high, stroke: MUTED, strokeDasharray: '2,3' })]
        : []),
      ...marks,
    ],
  });
}

/** Counts in a grid over the plane; the strength of a cell grows with the root of its count. */
function cellsOf(
  sizes: readonly { width: number; height: number; images: number }[],
  { x, y }: { x: [number, number]; y: [number, number] },
) {
  const [dx, dy] = [(x[1] - x[0]) / cells, (y[1] - y[0]) / cells];
  const counts = new Map<string, { i: number; j: number; images: number }>();
  for (const { width, height, images } of sizes) {
    const i = Math.min(cells - 1, Math.floor((width - x[0]) / dx));
    const j = Math.min(cells - 1, Math.floor((height - y[0]) / dy));
    const cell = counts.get(`${i} ${j}`) ?? { i, j, images: 0 };
    cell.images += images;
    counts.set(`${i} ${j}`, cell);
  }
  const most = Math.max(...[...counts.values()].map(({ images }) => images));
  return [...counts.values()].map(({ i, j, images }) => ({
    x1: x[0] + i * dx,
    x2: x[0] + (i + 1) * dx,
    y1: y[0] + j * dy,
    y2: y[0] + (j + 1) * dy,
    images,
    strength: Math.sqrt(images / most),
  }));
}
