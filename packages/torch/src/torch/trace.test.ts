import { describe, expect, test } from 'vitest';
import { aten, cat, dispose, liveTensors, ones, randn, type Tensor, tensor, tidy } from './index.js';
import { type Argument, type Graph, operatorName, trace, Value } from './trace.js';

/** Runs a graph by calling its operators again: what a trace is worth shows when it is replayed on other inputs. */
function replay(graph: Graph, inputs: readonly Tensor[]): Tensor[] {
  const known = new Map<Value, Tensor>(graph.inputs.map((value, i) => [value, inputs[i]!.clone()]));
  const real = (argument: Argument): unknown => {
    // A copy each time, as an in-place operator may write into it.
    if (argument instanceof Value) return (known.get(argument) ?? argument.constant!.tensor).clone();
    return Array.isArray(argument) ? argument.map(real) : argument;
  };
  for (const { schema, arguments: given, outputs } of graph.nodes) {
    const [, name] = schema.name.split('::') as [string, keyof typeof aten];
    const operator = aten[name] as unknown as Record<string, (...values: unknown[]) => unknown>;
    const call = schema.overload ? operator[schema.overload]! : (operator as unknown as () => unknown);
    const positional = schema.arguments.filter((a) => !a.keyword).map((a) => real(given[a.name] ?? null));
    while (positional.length && positional.at(-1) === null) positional.pop();
    const keywords = schema.arguments
      .filter((a) => a.keyword && a.name in given)
      .map((a) => [a.name, real(given[a.name]!)]);
    const result = (call as (...values: unknown[]) => unknown)(...positional, Object.fromEntries(keywords));
    const results = (Array.isArray(result) ? result : [result]).flat() as (Tensor | null)[];
    outputs.forEach((output, i) => {
      if (output) known.set(output, results[i]!);
    });
  }
  return graph.outputs.map((value) => known.get(value)!);
}

const operators = (graph: Graph): string[] => graph.nodes.map(({ schema }) => operatorName(schema));

/** Traces on one input, replays on another, and compares with the function itself there. */
function expectFaithful(body: (x: Tensor) => Tensor, shape: number[]): string[] {
  const before = liveTensors();
  const names = tidy(() => {
    const graph = trace(body, [randn(shape)]);
    const other = randn(shape);
    const [replayed] = replay(graph, [other]);
    expect(aten.allclose(replayed!, body(other.clone()), 1e-6, 1e-6)).toBe(true);
    dispose(graph.constants);
    return operators(graph);
  });
  expect(liveTensors()).toBe(before);
  return names;
}

describe('trace', () => {
  test('writes down what depends on the inputs, folds the rest, and drops what nobody needs', () => {
    const names = expectFaithful(
      (x) => {
        const weight = ones([3]).mul(2).add(1); // folded
        x.exp(); // needed by nobody
        return tidy(() => x.mul(weight).add(1)).tanh();
      },
      [2, 3],
    );
    expect(names).toEqual(['aten::mul.Tensor', 'aten::add.Scalar', 'aten::tanh']);
  });

  test('lists, keyword arguments and several outputs', () => {
    expectFaithful(
      (x) => {
        const [low, high] = aten.split.Tensor(x, 2, 1) as [Tensor, Tensor];
        const [values] = aten.max.dim(cat([high, low], 1), 1, { keepdim: true });
        return aten.add.Tensor(values, low, { alpha: 0.5 });
      },
      [3, 4],
    );
  });

  test('in-place operators give new values', () => {
    const names = expectFaithful(
      (x) => {
        const y = x.mul(2);
        const before = y.add(1);
        aten.relu_(y);
        y.add_(before).mul_(3);
        return y.add(before);
      },
      [5],
    );
    expect(names).toEqual([
      'aten::mul.Scalar',
      'aten::add.Scalar',
      'aten::relu_',
      'aten::add_.Tensor',
      'aten::mul_.Scalar',
      'aten::add.Tensor',
    ]);
  });

  test('a constant that is changed between two uses has both contents', () => {
    expectFaithful(
      (x) => {
        const c = ones([4]);
        const first = x.mul(c);
        c.mul_(5);
        const second = x.mul(c);
        return first.add(second);
      },
      [4],
    );
    expectFaithful(
      (x) => {
        const buffer = ones([2, 4]);
        buffer.copy_(x); // a constant becomes computed; here, its old contents do not matter
        return buffer.add_(1);
      },
      [2, 4],
    );
  });

  test('a view that was changed through another is refused, not mistraced', () => {
    const attempt = (body: (x: Tensor) => Tensor) => () => tidy(() => trace(body, [ones([2, 2])]));
    const stale = /that was changed in place through another view/;
    expect(
      attempt((x) => {
        const y = x.add(1);
        y.select(0, 0).mul_(2);
        return y.neg();
      }),
    ).toThrow(stale);
    expect(
      attempt((x) => {
        const y = x.add(1);
        const view = y.reshape([4]);
        aten.relu_(y);
        return view.neg();
      }),
    ).toThrow(stale);
  });

  test('parameters keep their names, and what is made of them the first one’s', () => {
    tidy(() => {
      const weight = randn([2, 3]);
      const body = (x: Tensor): Tensor =>
        x
          .matmul(weight.t())
          .add(weight.mul(2).sum())
          .add(x.matmul(weight.reshape([3, 2])))
          .mul(weight.sum());
      const graph = trace(body, [ones([2, 3])], { names: { 'main.0.weight': weight } });
      const constants = graph.nodes
        .flatMap((node) => Object.values(node.arguments))
        .flatMap((value) => (value instanceof Value && value.constant ? [value.constant] : []));
      expect(constants.map(({ origin, verbatim }) => `${origin} ${verbatim}`)).toEqual([
        'main.0.weight false', // transposed: other numbers at a place
        'main.0.weight false',
        'main.0.weight true', // reshaped
        'main.0.weight false',
      ]);
      dispose(graph.constants);
    });
  });

  test('refuses what a graph cannot say', () => {
    const before = liveTensors();
    tidy(() => {
      const statistics = ones([3]);
      const x = ones([2, 3]);
      expect(() => trace((v) => v.mul(v.sum().item()), [x])).toThrow(
        /aten::item reads a number out of a computed/,
      );
      expect(() => trace(() => ones([1]), [x])).toThrow(/does not depend on the inputs/);
      const train = (v: Tensor): Tensor => {
        const y = v.mul(statistics);
        statistics.add_(1);
        return y;
      };
      expect(() => trace(train, [x], { names: { 'bn.running_mean': statistics } })).toThrow(
        /changes 'bn\.running_mean'; call eval\(\)/,
      );
    });
    expect(liveTensors()).toBe(before);
  });

  test('is off afterwards, also after an error', () => {
    tidy(() => {
      const failing = (): Tensor => {
        throw new Error('mine');
      };
      expect(() => trace(failing, [tensor([1])])).toThrow('mine');
      const graph = trace((v) => v.neg(), [tensor([1])]);
      tensor([1]).neg();
      expect(graph.nodes).toHaveLength(1);
    });
  });
});
