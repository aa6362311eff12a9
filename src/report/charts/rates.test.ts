import { expect, test } from 'vitest';
import { withoutUnseen } from './rates.js';

test('points that nobody could see are left out, the ends stay', () => {
  const many = Array.from({ length: 10_001 }, (_, i) => ({ x: i / 10_000, y: 0.5 }));
  const few = withoutUnseen(many);
  expect(few.length).toBeLessThan(500);
  expect([few[0], few.at(-1)]).toEqual([many[0], many.at(-1)]);
  const steps = [0, 0.3, 0.3001, 0.9, 1].map((x) => ({ x, y: x }));
  expect(withoutUnseen(steps).map(({ x }) => x)).toEqual([0, 0.3, 0.9, 1]);
});
