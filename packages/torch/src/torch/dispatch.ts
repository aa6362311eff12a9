/**
 * Calls operators. Each gets a packer made from its schema, which writes the arguments into the array shared with
 * the addon; an in-place operator gives back the very tensor it was given.
 */
import { TorchError, UseAfterFreeError } from '../base/index.js';
import {
  type Device,
  type DType,
  deviceCode,
  dtypeCode,
  type Layout,
  layoutCode,
  type MemoryFormat,
  memoryFormatCode,
} from './dtype.js';
import { native, translate } from './native.js';
import { type ArgumentSchema, Kind, type OperatorSchema, resolveOperator } from './schema.js';
import { Tensor } from './tensor.js';

/** A random generator as the addon knows it. */
export interface GeneratorHandle {
  readonly id: number;
}

/** The addon's; there from the first operator on. */
let exchange!: Float64Array;
let position = 0;
let strings: string[] | undefined;

function fail(argument: ArgumentSchema, expected: string, value: unknown): never {
  throw new TorchError(
    `argument '${argument.name}': expected ${expected}, got ${value instanceof Tensor ? 'a tensor' : String(value)}`,
  );
}

function packNumber(argument: ArgumentSchema, value: unknown): void {
  if (typeof value !== 'number') fail(argument, 'a number', value);
  exchange[position++] = value;
}

function packElement(argument: ArgumentSchema, value: unknown): void {
  switch (argument.kind) {
    case Kind.Tensor:
      if (!(value instanceof Tensor)) fail(argument, 'a tensor', value);
      exchange[position++] = value.handle === 0 ? -1 : value.handle;
      return;
    case Kind.Scalar:
      // An integral number is passed as an integer, so that integer tensors stay integer under `x + 1`.
      if (typeof value === 'boolean') {
        exchange[position++] = 2;
        exchange[position++] = value ? 1 : 0;
        return;
      }
      exchange[position++] = Number.isSafeInteger(value) ? 0 : 1;
      packNumber(argument, value);
      return;
    case Kind.Int:
      if (!Number.isSafeInteger(value)) fail(argument, 'an integer', value);
      if (argument.divisor && !((value as number) >= 1 && (value as number) < 2 ** 31))
        fail(argument, 'an integer from 1 to 2³¹ − 1', value);
      exchange[position++] = value as number;
      return;
    case Kind.Float:
      packNumber(argument, value);
      return;
    case Kind.Bool:
      if (typeof value !== 'boolean') fail(argument, 'a boolean', value);
      exchange[position++] = value ? 1 : 0;
      return;
    case Kind.Dtype:
      exchange[position++] = dtypeCode(value as DType);
      return;
    case Kind.Layout:
      exchange[position++] = layoutCode(value as Layout);
      return;
    case Kind.MemoryFormat:
      exchange[position++] = memoryFormatCode(value as MemoryFormat);
      return;
    case Kind.Device:
      exchange[position++] = deviceCode(value as Device);
      return;
    case Kind.Generator:
      exchange[position++] = (value as GeneratorHandle).id;
      return;
    case Kind.String:
      if (typeof value !== 'string') fail(argument, 'a string', value);
      strings ??= [];
      exchange[position++] = strings.push(value) - 1;
      return;
    default:
      throw new TorchError(`argument '${argument.name}' has a type that cannot be passed from JavaScript`);
  }
}

const DEFAULT = 0;
const NONE = 1;
const VALUE = 2;

function packArgument(argument: ArgumentSchema, value: unknown): void {
  if (value === undefined) {
    if (!argument.hasDefault) {
      if (!argument.optional) throw new TorchError(`argument '${argument.name}' is missing`);
      exchange[position++] = NONE;
      return;
    }
    exchange[position++] = DEFAULT;
    return;
  }
  if (value === null) {
    if (!argument.optional) fail(argument, 'a value', value);
    exchange[position++] = NONE;
    return;
  }
  exchange[position++] = VALUE;
  if (!argument.list) {
    packElement(argument, value);
    return;
  }
  if (argument.size > 0 && (typeof value === 'number' || (Array.isArray(value) && value.length === 1))) {
    const element: unknown = typeof value === 'number' ? value : value[0];
    exchange[position++] = argument.size;
    for (let i = 0; i < argument.size; i++) packElement(argument, element);
    return;
  }
  if (!Array.isArray(value)) fail(argument, 'a list', value);
  checkLength(argument, value);
  if (position + 2 * value.length + 64 > exchange.length)
    throw new TorchError(`argument '${argument.name}': the list is too long`);
  exchange[position++] = value.length;
  for (const element of value) {
    if (element === null && argument.optionalElements) exchange[position++] = 0;
    else packElement(argument, element);
  }
}

/**
 * Kernels read as many elements as the schema says (`int[2]`), however long the list is, and some read the first tensor of
 * an empty list: of 24 raw calls that ended the process, half were these.
 */
function checkLength(argument: ArgumentSchema, { length }: readonly unknown[]): void {
  if (argument.size > 1 && length !== argument.size && !(length === 0 && argument.emptyDefault))
    throw new TorchError(`argument '${argument.name}': expected ${argument.size} elements, got ${length}`);
  if (length === 0 && argument.kind === Kind.Tensor && !argument.optionalElements && !argument.emptyDefault)
    throw new TorchError(`argument '${argument.name}': expected at least one tensor`);
}

export type OperatorFunction = (...values: unknown[]) => unknown;

/**
 * The callable of one operator. Positional arguments come in the schema's order, keyword-only ones (and any other
 * by name) in a trailing plain object.
 *
 * @throws TorchError at the call when this libtorch has no such operator, or it refuses its arguments (the message
 * carries the operator and the shapes).
 */
export function makeOperator(name: string, overload: string): OperatorFunction {
  let schema: OperatorSchema | undefined;
  let positional: ArgumentSchema[] = [];
  const title = overload ? `${name}.${overload}` : name;

  const pack = (found: OperatorSchema, values: unknown[]): void => {
    const last = values[values.length - 1];
    const keywords =
      last !== null && typeof last === 'object' && Object.getPrototypeOf(last) === Object.prototype
        ? (last as Record<string, unknown>)
        : undefined;
    const count = keywords ? values.length - 1 : values.length;
    if (count > positional.length)
      throw new TorchError(`takes ${positional.length} positional arguments, got ${count}`);
    position = 0;
    strings = undefined;
    let index = 0;
    for (const argument of found.arguments) {
      const value = !argument.keyword && index < count ? values[index] : keywords?.[argument.name];
      if (!argument.keyword) index++;
      packArgument(argument, value);
    }
    if (keywords) {
      for (const key of Object.keys(keywords)) {
        if (!found.arguments.some((argument) => argument.name === key))
          throw new TorchError(`has no argument '${key}'`);
      }
    }
  };

  const run: Run = (found, values) => {
    try {
      pack(found, values);
    } catch (error) {
      throw error instanceof TorchError ? new TorchError(`${title}: ${error.message}`) : error;
    }
    try {
      native.call(found.id, strings);
    } catch (error) {
      const known = translate(error);
      throw known instanceof UseAfterFreeError ? new UseAfterFreeError(`${title}: ${known.message}`) : known;
    }
    return unpack(found, values);
  };

  return (...values) => {
    if (!schema) {
      schema = resolveOperator(name, overload);
      if (!schema) throw new TorchError(`${title}: this libtorch has no such operator`);
      exchange = native.exchange;
      positional = schema.arguments.filter((argument) => !argument.keyword);
    }
    return interceptor ? interceptor(schema, values, run) : run(schema, values);
  };
}

type Run = (schema: OperatorSchema, values: unknown[]) => unknown;
/** Sees an operator before it runs, runs it, and gives back its result. */
export type Interceptor = (schema: OperatorSchema, values: unknown[], run: Run) => unknown;

let interceptor: Interceptor | null = null;

/** Lets every operator of this thread pass through `next` (null: none). Returns what it replaces. For `trace` only. */
export function interceptOperators(next: Interceptor | null): Interceptor | null {
  const before = interceptor;
  interceptor = next;
  return before;
}

function unpack(schema: OperatorSchema, values: unknown[]): unknown {
  const { returns } = schema;
  if (returns.length === 0) return undefined;
  let read = 0;
  const results: unknown[] = [];
  for (const result of returns) {
    if (result.alias >= 0 && !result.list) {
      const argument = schema.arguments[result.alias]!;
      results.push(
        argument.keyword
          ? (values[values.length - 1] as Record<string, unknown>)[argument.name]
          : values[result.alias],
      );
    } else if (result.list) {
      const count = exchange[read++]!;
      const list: unknown[] = [];
      for (let i = 0; i < count; i++) {
        const value = exchange[read++]!;
        list.push(result.kind === Kind.Tensor ? new Tensor(value) : value);
      }
      results.push(list);
    } else {
      const value = exchange[read++]!;
      if (result.kind === Kind.Tensor) results.push(value === 0 ? null : new Tensor(value));
      else results.push(result.kind === Kind.Bool ? value !== 0 : value);
    }
  }
  return results.length === 1 ? results[0] : results;
}
