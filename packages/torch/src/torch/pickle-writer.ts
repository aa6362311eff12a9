/** Writes pickles with the opcodes that PyTorch's restricted reader (`weights_only=True`) takes. */
import { Opcode } from './pickle.js';

/** Writes a pickle of protocol 2, piece by piece: each method appends what leaves one value on the stack. */
export class PickleWriter {
  readonly #chunks: Buffer[] = [Buffer.from([Opcode.PROTO, 2])];

  /** The whole pickle; nothing can be added afterwards. */
  finish(): Buffer {
    this.#raw(Opcode.STOP);
    return Buffer.concat(this.#chunks);
  }

  text(value: string): this {
    const bytes = Buffer.from(value);
    return this.#raw(Opcode.BINUNICODE, ...littleEndian(bytes.length, 4)).#append(bytes);
  }

  /** An integer from 0 up. */
  integer(value: number): this {
    if (value < 0x100) return this.#raw(Opcode.BININT1, value);
    if (value < 0x10000) return this.#raw(Opcode.BININT2, ...littleEndian(value, 2));
    if (value < 0x80000000) return this.#raw(Opcode.BININT, ...littleEndian(value, 4));
    return this.#raw(Opcode.LONG1, 8, ...littleEndian(value, 8));
  }

  no(): this {
    return this.#raw(Opcode.NEWFALSE);
  }

  tuple(values: () => void): this {
    this.#raw(Opcode.MARK);
    values();
    return this.#raw(Opcode.TUPLE);
  }

  /** A tuple of integers. */
  integers(values: readonly number[]): this {
    return this.tuple(() => {
      for (const value of values) this.integer(value);
    });
  }

  global(module: string, name: string): this {
    return this.#append(Buffer.from(`c${module}\n${name}\n`));
  }

  /** Calls a global with a tuple of arguments. */
  call(module: string, name: string, values: () => void): this {
    return this.global(module, name).tuple(values).#raw(Opcode.REDUCE);
  }

  /** Marks the value on the stack, a tuple, as the id of something stored elsewhere. */
  persistent(): this {
    return this.#raw(Opcode.BINPERSID);
  }

  /** Fills the dictionary on the stack with keys and values written in turn. */
  items(write: () => void): this {
    this.#raw(Opcode.MARK);
    write();
    return this.#raw(Opcode.SETITEMS);
  }

  #raw(...bytes: number[]): this {
    return this.#append(Buffer.from(bytes));
  }

  #append(bytes: Buffer): this {
    this.#chunks.push(bytes);
    return this;
  }
}

function littleEndian(value: number, width: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return [...bytes.subarray(0, width)];
}
