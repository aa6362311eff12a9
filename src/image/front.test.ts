import { Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { Front } from './front.js';

test('cells come in the order of time, and in that of their arrival where times are equal', () => {
  const random = new Random(6);
  const waiting: { cell: number; time: number; arrival: number }[] = [];
  const start = Array.from({ length: 500 }, () => Math.floor(1e6 * random.next()));
  const front = new Front(start, 3000);
  for (const [k, cell] of start.entries()) waiting.push({ cell, time: 0, arrival: k - 500 });
  const popFirst = () => {
    waiting.sort((a, b) => a.time - b.time || a.arrival - b.arrival);
    expect(front.pop()).toBe(waiting.shift()?.cell ?? -1);
  };
  for (let arrival = 0; arrival < 3000; arrival++) {
    const cell = Math.floor(1e6 * random.next());
    const time = 0.5 + Math.floor(8 * random.next()) / 2;
    front.push(cell, time);
    waiting.push({ cell, time, arrival });
    if (random.chance(0.6)) popFirst();
  }
  while (waiting.length > 0) popFirst();
  expect(front.pop()).toBe(-1);
});
