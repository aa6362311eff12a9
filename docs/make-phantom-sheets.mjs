// Makes the pictures of docs/phantoms.md. After a build: node docs/make-phantom-sheets.mjs [folder of compiled sources]
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sharp from 'sharp';

const here = dirname(fileURLToPath(import.meta.url));
const compiled = resolve(process.argv[2] ?? join(here, '..', 'dist', 'src'));
const load = (path) => import(pathToFileURL(join(compiled, path)).href);
const { renderPhantom, samplePhantom, withLatent } = await load('data/phantom/index.js');
const { gridPng } = await load('image/grid.js');
const { Random } = await load('random.js');

const SIDE = 128;

async function sheet(phantoms, name, columns, captions) {
  const plane = SIDE * SIDE;
  const data = new Uint8Array(phantoms.length * 3 * plane);
  phantoms.forEach((factors, k) => {
    const pixels = renderPhantom(factors, SIDE);
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < 3; c++) data[(k * 3 + c) * plane + i] = pixels[i * 3 + c];
    }
  });
  const png = await gridPng({ data, n: phantoms.length, height: SIDE, width: SIDE }, { columns, captions });
  await sharp(png).jpeg({ quality: 82, mozjpeg: true }).toFile(join(here, name));
}

const random = new Random(2026);
const drawn = [0, 1].flatMap((prevalence) =>
  Array.from({ length: 12 }, () => samplePhantom(random, { prevalence })),
);
await sheet(
  drawn,
  'phantoms.jpg',
  8,
  drawn.map((f) => (f.malignant ? 'malignant' : 'benign')),
);

// One lesion, one factor at a time from low to high, the others in the middle.
const { nuisance, ...rest } = samplePhantom(new Random(17), { prevalence: 0.5 });
const calm = {
  ...rest,
  nuisance: { ...nuisance, hairs: 0, ruler: 'none', aperture: 2, patchHue: null, bubbles: 0 },
};
const names = ['asymmetry', 'border', 'colour', 'diameter'];
const middle = [-0.3, -0.3, -0.2, 0.4];
const sweep = names.flatMap((name, factor) =>
  [-1.6, -0.6, 0.4, 1.2, 2, 3].map((z) => ({
    factors: withLatent(
      calm,
      middle.map((m, k) => (k === factor ? z : m)),
    ),
    caption: `${name} ${z.toFixed(1)}`,
  })),
);
await sheet(
  sweep.map((s) => s.factors),
  'phantom-factors.jpg',
  6,
  sweep.map((s) => s.caption),
);
