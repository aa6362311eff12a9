/**
 * Writer of Protocol Buffers' wire format. ONNX needs ten small messages and one large one (weights), of which this
 * keeps references, not copies; a library with generated code would be forty times as long and copy them twice.
 * Source: https://protobuf.dev/programming-guides/encoding/.
 */

/** One message. Fields are written in the order of the calls; a repeated field is one call an element. */
export class Message {
  readonly #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  /** Pieces that make up the message. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** int32, int64, enum, bool. */
  integer(field: number, value: number | bigint): this {
    return this.#append(varint(field << 3)).#append(varint(BigInt.asUintN(64, BigInt(value))));
  }

  /** float. */
  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.#append(varint((field << 3) | 5)).#append(bytes);
  }

  /** double. */
  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return this.#append(varint((field << 3) | 1)).#append(bytes);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#prefix(field, value.length).#append(value);
  }

  message(field: number, value: Message): this {
    this.#prefix(field, value.sizeBytes);
    for (const chunk of value.chunks) this.#append(chunk);
    return this;
  }

  #prefix(field: number, length: number): this {
    return this.#append(varint((field << 3) | 2)).#append(varint(length));
  }

  #append(chunk: Uint8Array): this {
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
    return this;
  }
}

/** Seven bits a byte, the lowest first. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}
