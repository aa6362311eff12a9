import { expect, test } from 'vitest';
import { downsampling, type Matrix, REACH, upsampling } from './sym6.js';

const at = (m: Matrix, row: number, column: number): number => m.values[row * m.columns + column]!;

test('both keep a constant, and only mirroring reaches beyond the ends', () => {
  for (const matrix of [upsampling(9), downsampling(9)]) {
    for (let row = 0; row < matrix.rows; row++) {
      let sum = 0;
      for (let column = 0; column < matrix.columns; column++) sum += at(matrix, row, column);
      // Even and odd taps of an orthogonal wavelet each sum to 1 / √2.
      expect(sum).toBeCloseTo(1, 10);
    }
  }
  expect([upsampling(9).rows, downsampling(9).columns]).toEqual([17, 17 + REACH.before + REACH.behind]);
});

test('downsampling undoes upsampling', () => {
  const side = 20;
  const [up, down] = [upsampling(side), downsampling(side)];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      let product = 0;
      for (let fine = 0; fine < up.rows; fine++)
        product += at(down, row, fine + REACH.before) * at(up, fine, column);
      // Away from the ends: what lies behind them is not in this product.
      if (row >= 6 && row < side - 6) expect(product).toBeCloseTo(row === column ? 1 : 0, 10);
    }
  }
});
