/** What an operator takes and returns, as libtorch's dispatcher describes it. */
import { native } from './native.js';

/** Mirrors `Kind` in native/dispatch.cc. */
export const Kind = {
  Tensor: 0,
  Scalar: 1,
  Int: 2,
  Float: 3,
  Bool: 4,
  Dtype: 5,
  Layout: 6,
  MemoryFormat: 7,
  Device: 8,
  Generator: 9,
  String: 10,
  Unsupported: 99,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export interface ArgumentSchema {
  name: string;
  kind: Kind;
  list: boolean;
  /** The argument may be None. */
  optional: boolean;
  /** The list's elements may be None. */
  optionalElements: boolean;
  /** Keyword-only: goes into the trailing options object. */
  keyword: boolean;
  hasDefault: boolean;
  /** Length of a list that a single number may stand for (`int[2]`); 0: none. */
  size: number;
  /** What stands for a list that is left out is an empty one (`int[2] stride=[]`). */
  emptyDefault: boolean;
  /** Kernels divide by it without a look. */
  divisor: boolean;
}

export interface OperatorSchema {
  id: number;
  /** `aten::conv2d` */
  name: string;
  overload: string;
  arguments: ArgumentSchema[];
  /** `alias`: the index of the argument that an in-place operator gives back; −1: a new value. */
  returns: { kind: Kind; list: boolean; alias: number }[];
}

const DIVISORS = new Set(['groups', 'upscale_factor', 'downscale_factor']);

/** Looks an operator up; undefined where this libtorch has none of that name. */
export function resolveOperator(name: string, overload: string): OperatorSchema | undefined {
  const json = native.resolve(name, overload);
  if (json === undefined) return undefined;
  const schema = JSON.parse(json) as OperatorSchema;
  for (const argument of schema.arguments) argument.divisor = DIVISORS.has(argument.name);
  return schema;
}
