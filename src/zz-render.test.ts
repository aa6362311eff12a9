import { readdirSync } from 'node:fs';
import sharp from 'sharp';
import { test } from 'vitest';
import { writeReport } from './trial/report/index.js';
import { exampleSummary } from './trial/example.test-data.js';
async function grid(files: string[], out: string, blur: number) {
  const tiles = await Promise.all(files.map(async (f, i) => {
    let s = sharp(f).resize(64, 64, { fit: 'fill' }); if (blur) s = s.blur(blur).modulate({ hue: i * 3 });
    return { input: await s.png().toBuffer(), left: (i % 6) * 66, top: Math.floor(i / 6) * 66 };
  }));
  await sharp({ create: { width: 394, height: 262, channels: 3, background: '#fff' } }).composite(tiles).png().toFile(out);
}
test('render', async () => {
  const d = '../shared/data/isic2017/images/';
  const f = readdirSync(d).filter((n) => /jpg|png/.test(n)).slice(0, 48).map((n) => d + n);
  await grid(f.slice(0, 24), '/tmp/rep/real.png', 0);
  await grid(f.slice(24, 48), '/tmp/rep/syn.png', 1.2);
  for (const [name, options] of [
    ['none', { seeds: 3, testImages: 400, seed: 5 }],
    ['helps', { seeds: 5, testImages: 1500, noise: .25, wobble: .02, shifts: { 'real+standard+synthetic': 1.5, 'real+synthetic': 1.2 } }],
    ['single', { seeds: 1, testImages: 300 }],
  ] as const) {
    const s = exampleSummary(options);
    s.name = name === 'none' ? 'SNGAN-64 phantoms, malignant doubled' : name;
    s.gans[0]!.realGrid = '/tmp/rep/real.png'; s.gans[0]!.syntheticGrid = '/tmp/rep/syn.png';
    const t = performance.now();
    const r = writeReport(s, '/tmp/rep/' + name);
    console.log(name, r.verdict.kind, performance.now() - t);
  }
});
