/**
 * `aten`: every operator of libtorch by its own name, typed by `aten-types.ts` (generated from the schemas).
 * `aten.relu(x)` is the overload without a name, `aten.add.Tensor(a, b)` a named one.
 *
 * This is the raw list. Some of its operators do not look at their arguments and end the process, or never end; the engine's
 * door has it as `unsafeAten`, and as `aten` those that may be called with anything (`known-operators.ts`).
 */
import type { Aten } from './aten-types.js';
import { makeOperator, type OperatorFunction } from './dispatch.js';

function operatorByName(name: string): OperatorFunction {
  const base = makeOperator(`aten::${name}`, '');
  return new Proxy(base, {
    get(target, overload) {
      const known = Reflect.get(target, overload) as unknown;
      if (
        typeof overload !== 'string' ||
        (known !== undefined && overload !== 'name' && overload !== 'length')
      )
        return known;
      const operator = makeOperator(`aten::${name}`, overload);
      Object.defineProperty(target, overload, { value: operator, configurable: true });
      return operator;
    },
  });
}

// A miss goes to the prototype, which fills the gap in the object itself: the next access is a plain property.
export const aten = Object.create(
  new Proxy(Object.prototype, {
    get(_target, name, receiver: object) {
      if (typeof name !== 'string') return undefined;
      const operator = operatorByName(name);
      Object.defineProperty(receiver, name, { value: operator });
      return operator;
    },
  }),
) as Aten;
