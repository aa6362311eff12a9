/**
 * Laws of chance effects, all symmetric about zero. A law's unit makes its quartiles those of the standard normal, so that
 * "±0.02" means the same middle half everywhere and heavy tails come on top of it (Student's t on 2 degrees of freedom has no
 * standard deviation to speak of).
 */
import type { Random } from 'graft-torch/base';

export type Law = 'normal' | 't3' | 't2' | 'contaminated';

/** Upper quartiles: of the normal; of t on 3 and 2 degrees of freedom. */
const QUARTILE = 0.6744897501960817;
const T_QUARTILES = { t3: 0.7648923284043452, t2: 0.816496580927726 };

/** One draw. In the contaminated law one effect in ten is five times as large. */
export function draw(law: Law, random: Random): number {
  const normal = random.normal();
  if (law === 'normal') return normal;
  if (law === 'contaminated') return random.chance(0.1) ? 5 * normal : normal;
  const degrees = law === 't3' ? 3 : 2;
  let squares = 0;
  for (let i = 0; i < degrees; i++) squares += random.normal() ** 2;
  return (QUARTILE / T_QUARTILES[law]) * (normal / Math.sqrt(squares / degrees));
}
