// Renders the pictures that hair.py works on: parts of hairy phantoms of 512 px, small so that they can be kept.
// Run after a build: node test/goldens/hair/phantoms.mjs. Phantoms may be drawn otherwise one day; then keep the
// pictures as they are, or run this and hair.py again.
import { writeFileSync } from 'node:fs';
import { renderPhantom, samplePhantom } from '../../../dist/src/data/phantom/index.js';
import { encodePng } from '../../../dist/src/image/grid.js';
import { Random } from '../../../dist/src/random.js';

const side = 512;
const parts = [
  { name: 'rim', draw: 3, left: 0, top: 190, width: 96, height: 75 },
  { name: 'network', draw: 5, left: 150, top: 170, width: 100, height: 81 },
  { name: 'thick', draw: 6, left: 401, top: 0, width: 111, height: 128 },
];
for (const { name, draw, left, top, width, height } of parts) {
  const random = new Random(7);
  let factors;
  for (let k = 0; k < draw; k++) factors = samplePhantom(random, { prevalence: 0.5 });
  const whole = renderPhantom(factors, side);
  const part = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * side + left) * 3;
    part.set(whole.subarray(from, from + width * 3), y * width * 3);
  }
  writeFileSync(new URL(`${name}.png`, import.meta.url), await encodePng(part, { width, height }));
}
