/**
 * An ONNX graph in the making: names for values, nodes, initialisers; and its messages.
 * Source: https://github.com/onnx/onnx/blob/v1.12.0/onnx/onnx.proto (field numbers), opset 17.
 */
import { GraftError } from '../base/index.js';
import type { DType, Tensor } from '../torch/index.js';
import { type Argument, BatchMultiple, type Dimension, Value } from '../torch/index.js';
import { constantName } from './capture.js';
import { Message } from './protobuf.js';

export const OPSET = 17;
/** The version of the file format that came with this opset. */
const IR_VERSION = 8;

/** TensorProto.DataType. */
const DATA_TYPES: Record<DType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** A whole number is written as INT; a `Float` as FLOAT whatever its value. */
export type Attribute = number | Float | string | readonly number[];
export class Float {
  constructor(readonly value: number) {}
}

export class OnnxGraph {
  readonly #nodes: Message[] = [];
  readonly #initializers: Message[] = [];
  readonly #names = new Map<Value, string>();
  readonly #taken = new Set<string>();
  /** Initialisers that are no parameters, by their contents. */
  readonly #literals = new Map<string, string>();
  #batch: string | null = null;
  /** Numbers stored in initialisers. */
  parameters = 0;

  /** @param inputs the graph's, by the names they are to have */
  constructor(
    readonly name: string,
    readonly inputs: Readonly<Record<string, Value>>,
  ) {
    for (const [given, value] of Object.entries(inputs)) {
      this.#taken.add(given);
      this.#names.set(value, given);
    }
  }

  /** Number of nodes so far. */
  get operators(): number {
    return this.#nodes.length;
  }

  /** Keeps names for the outputs free. */
  reserve(names: readonly string[]): void {
    for (const name of names) this.#taken.add(name);
  }

  /** Gives a value of the traced graph its name here. */
  bind(value: Value, name: string): void {
    this.#names.set(value, name);
  }

  /** The name of a value; a constant becomes an initialiser when it is first asked for. */
  nameOf(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const { constant } = value;
    if (!constant) throw new GraftError('export: a value is read before it is computed');
    const name = this.#unique(constantName(constant));
    this.#initializers.push(
      tensorMessage(name, {
        dtype: value.dtype,
        shape: value.shape as number[],
        bytes: bytesOf(constant.tensor),
      }),
    );
    this.parameters += constant.tensor.numel;
    this.#names.set(value, name);
    return name;
  }

  /** Adds a node and returns the name of its output. */
  node(operator: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    return this.nodes(operator, inputs, { attributes })[0]!;
  }

  /** Adds a node of several outputs and returns their names. */
  nodes(
    operator: string,
    inputs: readonly string[],
    options: { count?: number; attributes?: Record<string, Attribute>; names?: readonly string[] },
  ): string[] {
    const { names = [], count = names.length || 1, attributes = {} } = options;
    const outputs = Array.from({ length: count }, (_, i) => names[i] ?? this.#unique(operator.toLowerCase()));
    const message = new Message();
    for (const input of inputs) message.text(1, input);
    for (const output of outputs) message.text(2, output);
    message.text(4, operator);
    for (const [name, value] of Object.entries(attributes)) message.message(5, attributeMessage(name, value));
    this.#nodes.push(message);
    return outputs;
  }

  /** A one-dimensional int64 constant, as `axes`, `shape`, `pads` want it. */
  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#literal(`int64[${values}]`, {
      dtype: 'int64',
      shape: [values.length],
      bytes: Buffer.from(data.buffer),
    });
  }

  /** A constant of no dimensions. */
  scalar(value: number | boolean, dtype: DType): string {
    return this.#literal(`${dtype} ${value}`, { dtype, shape: [], bytes: encode(Number(value), dtype) });
  }

  /** A one-dimensional float32 constant. */
  floats(values: readonly number[]): string {
    const bytes = Buffer.from(Float32Array.from(values).buffer);
    return this.#literal(`float32[${values}]`, { dtype: 'float32', shape: [values.length], bytes });
  }

  /** An operand of an arithmetic operator, in the dtype it is computed in. */
  operand(argument: Argument, dtype: DType): string {
    if (argument instanceof Value) return this.cast(this.nameOf(argument), argument.dtype, dtype);
    if (argument instanceof BatchMultiple) return this.cast(this.#dimension(argument), 'int64', dtype);
    if (typeof argument === 'number' || typeof argument === 'boolean') return this.scalar(argument, dtype);
    throw new GraftError(`export: an operand is ${argument}, expected a tensor or a number`);
  }

  cast(name: string, from: DType, to: DType): string {
    return from === to ? name : this.node('Cast', [name], { to: DATA_TYPES[to] });
  }

  /** A shape as an int64 tensor. Where it holds the batch size, it is computed from the inputs. */
  shape(dimensions: readonly Dimension[]): string {
    if (dimensions.every((size) => typeof size === 'number')) return this.integers(dimensions as number[]);
    const parts = dimensions.map((size) =>
      typeof size === 'number' ? this.integers([size]) : this.#dimension(size),
    );
    return this.node('Concat', parts, { axis: 0 });
  }

  /** A multiple of the batch size as an int64 tensor of one element. */
  #dimension({ factor }: BatchMultiple): string {
    const [input] = Object.keys(this.inputs) as [string];
    this.#batch ??= this.node('Shape', [input], { start: 0, end: 1 });
    return factor === 1 ? this.#batch : this.node('Mul', [this.#batch, this.integers([factor])]);
  }

  #literal(key: string, contents: Contents): string {
    const known = this.#literals.get(key);
    if (known !== undefined) return known;
    const name = this.#unique('literal');
    this.#initializers.push(tensorMessage(name, contents));
    this.#literals.set(key, name);
    return name;
  }

  #unique(stem: string): string {
    let name = stem;
    for (let i = 1; this.#taken.has(name); i++) name = `${stem}_${i}`;
    this.#taken.add(name);
    return name;
  }

  /** The whole model as a ModelProto. */
  model(outputs: Readonly<Record<string, Value>>, metadata: Readonly<Record<string, string>>): Message {
    const graph = new Message();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, this.name);
    for (const initializer of this.#initializers) graph.message(5, initializer);
    for (const [name, value] of Object.entries(this.inputs)) graph.message(11, valueInfo(name, value));
    for (const [name, value] of Object.entries(outputs)) graph.message(12, valueInfo(name, value));
    const model = new Message()
      .integer(1, IR_VERSION)
      .text(2, 'graft')
      .message(7, graph)
      .message(8, new Message().text(1, '').integer(2, OPSET));
    for (const [key, value] of Object.entries(metadata))
      model.message(14, new Message().text(1, key).text(2, value));
    return model;
  }
}

function bytesOf(tensor: Tensor): Uint8Array {
  const array = tensor.toArray();
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function encode(value: number, dtype: DType): Uint8Array {
  const bytes = Buffer.alloc(8);
  if (dtype === 'float32') return bytes.subarray(0, bytes.writeFloatLE(value));
  if (dtype === 'float64') return bytes.subarray(0, bytes.writeDoubleLE(value));
  if (dtype === 'int64') return bytes.subarray(0, bytes.writeBigInt64LE(BigInt(Math.trunc(value))));
  if (dtype === 'int32') return bytes.subarray(0, bytes.writeInt32LE(Math.trunc(value)));
  if (dtype === 'bool' || dtype === 'uint8') return bytes.subarray(0, bytes.writeUInt8(value));
  throw new GraftError(`export: arithmetic in ${dtype} has no translation; export the network in float32`);
}

interface Contents {
  dtype: DType;
  shape: readonly number[];
  bytes: Uint8Array;
}

function tensorMessage(name: string, { dtype, shape, bytes }: Contents): Message {
  const message = new Message();
  for (const size of shape) message.integer(1, size);
  return message.integer(2, DATA_TYPES[dtype]).text(8, name).bytes(9, bytes);
}

function attributeMessage(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (value instanceof Float) return message.float(2, value.value).integer(20, 1);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return message.text(4, value).integer(20, 3);
  for (const element of value) message.integer(8, element);
  return message.integer(20, 7);
}

function valueInfo(name: string, { dtype, shape }: Value): Message {
  const dimensions = new Message();
  for (const size of shape) {
    const batch = typeof size === 'number' ? null : size.factor === 1 ? 'batch' : `${size.factor}*batch`;
    dimensions.message(
      1,
      batch === null ? new Message().integer(1, size as number) : new Message().text(2, batch),
    );
  }
  const type = new Message().message(1, new Message().integer(1, DATA_TYPES[dtype]).message(2, dimensions));
  return new Message().text(1, name).message(2, type);
}
