/** The arguments of one operator call, read by name and type. */
import { GraftError } from '../base/index.js';
import { type Argument, type Dimension, type Node, operatorName, Value } from '../torch/index.js';

/**
 * Reads arguments and remembers which: one that no translation looked at would be lost in silence, so `finish` refuses
 * it. Defaults are the operator's own.
 */
export class Arguments {
  readonly #unread: Set<string>;

  constructor(readonly node: Node) {
    this.#unread = new Set(Object.keys(node.arguments));
  }

  get operator(): string {
    return operatorName(this.node.schema);
  }

  /** The only output. */
  get output(): Value {
    return this.node.outputs[0]!;
  }

  /** Whatever it is; undefined where it was left out. */
  get(name: string): Argument | undefined {
    this.#unread.delete(name);
    return this.node.arguments[name];
  }

  tensor(name: string): Value {
    const value = this.get(name);
    if (!(value instanceof Value)) throw this.#unexpected(name, 'a tensor');
    return value;
  }

  optionalTensor(name: string): Value | null {
    return (this.get(name) ?? null) === null ? null : this.tensor(name);
  }

  tensors(name: string): Value[] {
    const values = this.get(name);
    if (!Array.isArray(values)) throw this.#unexpected(name, 'a list of tensors');
    return values as Value[];
  }

  number(name: string, fallback: number): number {
    const value = this.get(name) ?? fallback;
    if (typeof value !== 'number') throw this.#unexpected(name, 'a number');
    return value;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.get(name) ?? fallback;
    if (typeof value !== 'boolean') throw this.#unexpected(name, 'a boolean');
    return value;
  }

  /** A list of integers; a single one stands for `length` of them. */
  integers(name: string, length: number, fallback: number | readonly number[]): number[] {
    const value = this.get(name) ?? fallback;
    if (typeof value === 'number') return new Array<number>(length).fill(value);
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'number'))
      throw this.#unexpected(name, 'integers');
    return value as number[];
  }

  /** An axis or several, counted from the front; none given means all. */
  axes(name: string, rank: number): number[] {
    const value = this.get(name) ?? [];
    const axes = (typeof value === 'number' ? [value] : value) as number[];
    return axes.length ? axes.map((axis) => (axis < 0 ? axis + rank : axis)) : [...Array(rank).keys()];
  }

  /** Marks arguments that make no difference to the result. */
  ignore(...names: string[]): void {
    for (const name of names) this.#unread.delete(name);
  }

  /** @throws GraftError for an argument that was given, and that nobody read */
  finish(): void {
    for (const name of this.#unread) {
      const value = this.node.arguments[name];
      if (value !== null)
        throw new GraftError(`export: ${this.operator} has no translation with '${name}' given`);
    }
  }

  #unexpected(name: string, what: string): GraftError {
    const value = this.node.arguments[name];
    const given = value === undefined ? 'is missing' : 'depends on the batch, or is of another kind';
    return new GraftError(`export: ${this.operator}: '${name}' ${given}; expected ${what}`);
  }
}

/** A dimension that is known; the batch's is not. */
export function fixed(size: Dimension | undefined, what: string): number {
  if (typeof size !== 'number') throw new GraftError(`export: ${what} depends on the batch size`);
  return size;
}
