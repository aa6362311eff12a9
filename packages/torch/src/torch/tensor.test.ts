import { describe, expect, test } from 'vitest';
import { TorchError, UseAfterFreeError } from '../base/errors.js';
import { makeOperator } from './dispatch.js';
import {
  aten,
  dispose,
  Generator,
  gatherRows,
  grad,
  keep,
  liveTensors,
  manualSeed,
  noGrad,
  ones,
  randn,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from './index.js';

const values = (x: Tensor): number[] => Array.from(x.toArray() as Float32Array, Number);

describe('values', () => {
  test.each([
    ['float32', [0.5, -2]],
    ['float64', [0.1, 1e300]],
    ['int64', [2 ** 40, -1]],
    ['int32', [7, -7]],
    ['uint8', [0, 255]],
    ['bool', [1, 0]],
  ] as const)('%s survives the way there and back', (dtype, data) => {
    tidy(() => {
      const x = tensor(data, [2, 1], { dtype });
      expect(x.dtype).toBe(dtype);
      expect(x.shape).toEqual([2, 1]);
      expect(values(x)).toEqual([...data]);
    });
  });

  test('a view is copied out in row-major order', () => {
    tidy(() => expect(values(tensor([1, 2, 3, 4, 5, 6], [2, 3]).t())).toEqual([1, 4, 2, 5, 3, 6]));
  });

  test('data that does not fit the shape is refused', () => {
    expect(() => tensor([1, 2, 3], [2, 2])).toThrow(/3 elements given, 4 needed/);
  });
});

describe('operators', () => {
  test('in place gives back the very tensor', () => {
    tidy(() => {
      const x = ones([2]);
      expect(x.add_(2)).toBe(x);
      expect(aten._foreach_add_.Scalar([x], 1)).toBeUndefined();
      expect(values(x)).toEqual([4, 4]);
    });
  });

  test('defaults, lists, optional tensors and several results', () => {
    tidy(() => {
      const [mean, index] = aten.max.dim(tensor([1, 5, 3, 2], [2, 2]), 1);
      expect(values(mean!)).toEqual([5, 3]);
      expect(values(index!)).toEqual([1, 0]);
      const picked = aten.index.Tensor(tensor([1, 2, 3, 4], [2, 2]), [
        null,
        tensor([1], [1], { dtype: 'int64' }),
      ]);
      expect(values(picked)).toEqual([2, 4]);
    });
  });

  test('keyword arguments, and an unknown one', () => {
    tidy(() => {
      expect(values(aten.add.Tensor(ones([1]), ones([1]), { alpha: 3 }))).toEqual([4]);
      // @ts-expect-error no such keyword
      expect(() => aten.add.Tensor(ones([1]), ones([1]), { beta: 3 })).toThrow(
        "aten::add.Tensor: has no argument 'beta'",
      );
    });
  });

  test('an error names the operator and the shapes', () => {
    tidy(() => {
      expect(() => ones([2, 3]).matmul(ones([2, 3]))).toThrow(TorchError);
      expect(() => ones([2, 3]).matmul(ones([2, 3]))).toThrow(
        /aten::matmul\(\[2, 3\], \[2, 3\]\): mat1 and mat2 shapes/,
      );
      expect(() => makeOperator('aten::relu', '')('x')).toThrow(
        "aten::relu: argument 'self': expected a tensor, got x",
      );
      expect(() => makeOperator('aten::no_such', '')()).toThrow('this libtorch has no such operator');
    });
  });
});

describe('scopes', () => {
  test('what leaves lives, the rest is freed', () => {
    const before = liveTensors();
    const out = tidy(() => {
      const a = ones([2]);
      return { list: [a.add(1)], inner: tidy(() => a.mul(3)) };
    });
    expect(liveTensors()).toBe(before + 2);
    expect(values(out.list[0]!)).toEqual([2, 2]);
    expect(values(out.inner)).toEqual([3, 3]);
    dispose(out);
    expect(liveTensors()).toBe(before);
  });

  test('keep lifts a tensor out of every scope', () => {
    const kept = tidy(() => tidy(() => keep(ones([1]))));
    expect(values(kept)).toEqual([1]);
    kept.dispose();
  });

  test('what a callback returns without having made it stays where it was', () => {
    const kept = keep(ones([1]));
    tidy(() => {
      const outer = ones([1]);
      tidy(() => tidy(() => [kept, outer]));
      expect(values(outer)).toEqual([1]);
    });
    expect(values(kept)).toEqual([1]);
    kept.dispose();
  });

  test('an exception frees, too', () => {
    const before = liveTensors();
    expect(() =>
      tidy(() => {
        ones([4]);
        throw new Error('x');
      }),
    ).toThrow('x');
    expect(liveTensors()).toBe(before);
  });

  test('a promise is refused', () => {
    expect(() => tidy(() => Promise.resolve(1))).toThrow(/scopes are synchronous/);
  });

  test('use after dispose names the operator; the slot that is used again is not reached', () => {
    const a = ones([1]);
    a.dispose();
    a.dispose();
    const b = zeros([1]);
    expect(() => a.add(1)).toThrow(UseAfterFreeError);
    expect(() => a.add(1)).toThrow(/aten::add\.Scalar: .*disposed/);
    expect(() => a.shape).toThrow(UseAfterFreeError);
    expect(values(b)).toEqual([0]);
    b.dispose();
  });
});

describe('autograd', () => {
  test('second derivatives', () => {
    tidy(() => {
      const x = tensor([2], [1], { dtype: 'float64' }).requiresGrad_();
      const y = x.pow(3).sum();
      const [first] = grad(y, [x], { createGraph: true });
      const [second] = grad(first!.sum(), [x]);
      expect(first!.item()).toBeCloseTo(12, 12);
      expect(second!.item()).toBeCloseTo(12, 12);
    });
  });

  test('unused inputs', () => {
    tidy(() => {
      const [x, other] = [ones([1]).requiresGrad_(), ones([1]).requiresGrad_()];
      expect(() => grad(x.mul(2).sum(), [other])).toThrow(TorchError);
      expect(grad(x.mul(2).sum(), [other], { allowUnused: true })).toEqual([null]);
    });
  });

  test('noGrad records nothing and ends with its callback, also by an exception', () => {
    tidy(() => {
      const x = ones([1]).requiresGrad_();
      expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
      expect(() =>
        noGrad(() => {
          throw new Error('x');
        }),
      ).toThrow('x');
      expect(x.mul(2).requiresGrad).toBe(true);
    });
  });
});

describe('random', () => {
  test('a seed, and a restored state, repeat the numbers', () => {
    tidy(() => {
      manualSeed(7);
      const first = values(randn([5]));
      const state = Generator.default().state;
      const second = values(randn([5]));
      Generator.default().state = state;
      expect(values(randn([5]))).toEqual(second);
      manualSeed(7);
      expect(values(randn([5]))).toEqual(first);
      expect(first).not.toEqual(second);
    });
  });

  test('a generator of its own leaves the global one alone', () => {
    tidy(() => {
      manualSeed(7);
      const expected = values(randn([3]));
      manualSeed(7);
      randn([3], { generator: Generator.seeded(1) });
      expect(values(randn([3]))).toEqual(expected);
    });
  });
});

test('rows are gathered on a worker thread', async () => {
  const source = tensor(Uint8Array.from([1, 2, 3, 4, 5, 6]), [3, 2]);
  const before = liveTensors();
  const rows = await gatherRows(source, [2, 0, 2]);
  expect(values(rows)).toEqual([5, 6, 1, 2, 5, 6]);
  expect(liveTensors()).toBe(before + 1);
  await expect(gatherRows(source, [3])).rejects.toThrow(/index out of range/);
  dispose([source, rows]);
});

// Last: what it leaves to the collector may be freed in the middle of a test that counts.
test('the collector frees what no scope owns', async () => {
  // A net for forgotten tensors, not the way memory is managed: enough of them must trigger it.
  const before = liveTensors();
  for (let round = 0; round < 50 && (round < 2 || liveTensors() > before + 20); round++) {
    for (let i = 0; i < 20; i++) zeros([1024, 1024]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(liveTensors()).toBeLessThan(before + 1000);
});

describe('tensor', () => {
  test('takes nested lists with their shape, numbers, and flat data with a shape', () => {
    tidy(() => {
      const nested = tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      expect(nested.shape).toEqual([2, 3]);
      expect([...(nested.toArray() as Float32Array)]).toEqual([1, 2, 3, 4, 5, 6]);
      const ints = tensor([[[7]]], { dtype: 'int64' });
      expect([ints.dtype, ints.shape]).toEqual(['int64', [1, 1, 1]]);
      expect([tensor(2.5).shape, tensor(2.5).item()]).toEqual([[], 2.5]);
      expect(tensor([1, 2, 3], [3, 1]).shape).toEqual([3, 1]);
      expect(tensor([1, 2], { dtype: 'float64' }).dtype).toBe('float64');
      expect(() => tensor([[1, 2], [3]])).toThrow(/not all of one shape \[2,2\]/);
    });
  });
});
