/** Layers of transformers against PyTorch, in 64 bits, with their gradients. */
import { readFileSync } from 'node:fs';
import { grad, liveTensors, type Tensor, tidy } from 'graft-torch';
import { F, LayerNorm } from 'graft-torch/nn';
import { expect, it } from 'vitest';
import { fill } from './goldens.js';

const { about, cases } = JSON.parse(
  readFileSync(new URL('../goldens/torch/token_layers.json', import.meta.url), 'utf8'),
) as { about: { shape: number[] }; cases: Record<string, { out: number[]; gradients: number[][] }> };

const width = about.shape.at(-1)!;
const numbers = (t: Tensor): number[] => Array.from(t.toArray() as Float64Array);

function near(found: Tensor, wanted: readonly number[]): void {
  const values = numbers(found);
  expect(values).toHaveLength(wanted.length);
  values.forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i]!, 12);
  });
}

function check(name: string, call: (x: Tensor) => Tensor, parameters: readonly Tensor[] = []): void {
  const { out, gradients } = cases[name]!;
  const x = fill('x', about.shape, 'float64', 4).requiresGrad_();
  const y = call(x);
  near(y, out);
  const leaves = [x, ...parameters];
  const found = grad(y.mul(fill('up', y.shape, 'float64')).sum(), leaves);
  expect(gradients).toHaveLength(leaves.length);
  found.forEach((gradient, i) => {
    near(gradient!, gradients[i]!);
  });
}

it('layer norm, with weights and without', () => {
  const before = liveTensors();
  tidy(() => {
    const norm = new LayerNorm(width, { eps: 1e-3 }).to({ dtype: 'float64' });
    expect(Object.keys(norm.stateDict())).toEqual(['weight', 'bias']);
    norm.loadStateDict({
      weight: fill('weight', [width], 'float64', 0.5, 1),
      bias: fill('bias', [width], 'float64', 0.5),
    });
    check('layerNorm', (x) => norm.forward(x), norm.parameters());
    check('layerNorm, bare', (x) => F.layerNorm(x));
    norm.dispose();
  });
  expect(liveTensors()).toBe(before);
});

it('GELU and quick-GELU, which differ by up to 0.02', () => {
  tidy(() => {
    check('gelu', F.gelu);
    check('quickGelu', F.quickGelu);
    const x = fill('x', about.shape, 'float64', 4);
    const apart = F.gelu(x).sub(F.quickGelu(x)).abs().amax().item();
    expect(apart).toBeGreaterThan(0.005);
    expect(apart).toBeLessThan(0.021);
  });
});
