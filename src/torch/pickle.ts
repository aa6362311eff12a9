/**
 * Python's pickle format, as far as state dicts need it: a reader that builds data and never runs anything.
 *
 * A pickle is a program for a stack machine whose GLOBAL and REDUCE call any function of Python. Here a global is
 * looked up in the caller's table, and one that is not there ends the reading with its name.
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py (opcodes of protocols 0 to 5).
 */
import { DataError } from '../errors.js';

/** Dictionaries become maps (whatever their keys), lists and tuples arrays, None null, big integers bigints. */
export type Pickled = unknown;

/** What a pickle may refer to outside itself. */
export interface PickleContext {
  /** `module name` → what a call with these arguments makes. */
  globals: ReadonlyMap<string, (...values: Pickled[]) => Pickled>;
  /** An object that is stored elsewhere, by its id. */
  persistent(id: Pickled): Pickled;
}

/** A global of the context's table, before it is called; as data it stands for a Python class or function. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly make: (...values: Pickled[]) => Pickled,
  ) {}
}

/** By their names in Python's pickletools; what is not here no state dict needs. */
export const Opcode = {
  STOP: 0x2e,
  PROTO: 0x80,
  FRAME: 0x95,
  MARK: 0x28,
  POP: 0x30,
  POP_MARK: 0x31,
  DUP: 0x32,
  NONE: 0x4e,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  INT: 0x49,
  LONG: 0x4c,
  BININT: 0x4a,
  BININT1: 0x4b,
  BININT2: 0x4d,
  LONG1: 0x8a,
  LONG4: 0x8b,
  FLOAT: 0x46,
  BINFLOAT: 0x47,
  SHORT_BINSTRING: 0x55,
  BINSTRING: 0x54,
  BINUNICODE: 0x58,
  SHORT_BINUNICODE: 0x8c,
  BINUNICODE8: 0x8d,
  SHORT_BINBYTES: 0x43,
  BINBYTES: 0x42,
  EMPTY_TUPLE: 0x29,
  EMPTY_LIST: 0x5d,
  TUPLE: 0x74,
  LIST: 0x6c,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  APPEND: 0x61,
  APPENDS: 0x65,
  EMPTY_DICT: 0x7d,
  DICT: 0x64,
  SETITEM: 0x73,
  SETITEMS: 0x75,
  PUT: 0x70,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  MEMOIZE: 0x94,
  GET: 0x67,
  BINGET: 0x68,
  LONG_BINGET: 0x6a,
  GLOBAL: 0x63,
  STACK_GLOBAL: 0x93,
  REDUCE: 0x52,
  NEWOBJ: 0x81,
  BUILD: 0x62,
  BINPERSID: 0x51,
} as const;

const MARK = Symbol('mark');

/**
 * Reads one pickle that starts at `start`.
 *
 * @returns its value, and where the bytes behind it begin
 * @throws DataError for a truncated or malformed pickle, and for a global that the context does not list
 */
export function readPickle(
  bytes: Buffer,
  start: number,
  context: PickleContext,
): { value: Pickled; end: number } {
  const machine = new Machine(bytes, start, context);
  try {
    return { value: machine.run(), end: machine.position };
  } catch (error) {
    // Buffer's own checks: an operand lies behind the end.
    if (error instanceof RangeError) throw new DataError('the pickle is truncated');
    throw error;
  }
}

class Machine {
  readonly #stack: Pickled[] = [];
  readonly #memo = new Map<number, Pickled>();

  constructor(
    readonly bytes: Buffer,
    public position: number,
    readonly context: PickleContext,
  ) {}

  run(): Pickled {
    for (;;) {
      const opcode = this.bytes[this.position++];
      if (opcode === undefined) throw new DataError('the pickle is truncated');
      if (opcode === Opcode.STOP) return this.#pop();
      if (!this.#act(opcode)) this.#stack.push(this.#make(opcode));
    }
  }

  /** Opcodes that change what is there; false for all others. */
  #act(opcode: number): boolean {
    switch (opcode) {
      case Opcode.PROTO:
        this.#take(1);
        return true;
      case Opcode.FRAME:
        this.#take(8);
        return true;
      case Opcode.POP:
        this.#pop();
        return true;
      case Opcode.POP_MARK:
        this.#popToMark();
        return true;
      case Opcode.APPEND: {
        const value = this.#pop();
        this.#list().push(value);
        return true;
      }
      case Opcode.APPENDS: {
        const values = this.#popToMark();
        const list = this.#list();
        for (const value of values) list.push(value);
        return true;
      }
      case Opcode.SETITEM:
        fill(this.#top(1 + 2), this.#popMany(2));
        return true;
      case Opcode.SETITEMS: {
        const items = this.#popToMark();
        fill(this.#top(), items);
        return true;
      }
      case Opcode.BUILD:
        // Attributes of an object (a state dict's `_metadata`), which are not its contents.
        this.#pop();
        return true;
      case Opcode.PUT:
        this.#memo.set(Number(this.#line()), this.#top());
        return true;
      case Opcode.BINPUT:
        this.#memo.set(this.#take(1)[0]!, this.#top());
        return true;
      case Opcode.LONG_BINPUT:
        this.#memo.set(this.#take(4).readUInt32LE(), this.#top());
        return true;
      case Opcode.MEMOIZE:
        this.#memo.set(this.#memo.size, this.#top());
        return true;
      default:
        return false;
    }
  }

  /** Opcodes that leave a new value. */
  #make(opcode: number): Pickled {
    switch (opcode) {
      case Opcode.MARK:
        return MARK;
      case Opcode.DUP:
        return this.#top();
      case Opcode.NONE:
        return null;
      case Opcode.NEWTRUE:
        return true;
      case Opcode.NEWFALSE:
        return false;

      case Opcode.INT: {
        const text = this.#line(); // protocol 0 writes booleans this way
        return text === '01' ? true : text === '00' ? false : parseInteger(text);
      }
      case Opcode.LONG:
        return parseInteger(this.#line().replace(/L$/, ''));
      case Opcode.BININT:
        return this.#take(4).readInt32LE();
      case Opcode.BININT1:
        return this.#take(1)[0];
      case Opcode.BININT2:
        return this.#take(2).readUInt16LE();
      case Opcode.LONG1:
        return twosComplement(this.#take(this.#take(1)[0]!));
      case Opcode.LONG4:
        return twosComplement(this.#take(this.#take(4).readInt32LE()));
      case Opcode.FLOAT:
        return Number(this.#line());
      case Opcode.BINFLOAT:
        return this.#take(8).readDoubleBE();

      case Opcode.SHORT_BINSTRING: // Python 2's str
        return this.#take(this.#take(1)[0]!).toString('latin1');
      case Opcode.BINSTRING:
        return this.#take(this.#take(4).readInt32LE()).toString('latin1');
      case Opcode.SHORT_BINUNICODE:
        return this.#take(this.#take(1)[0]!).toString('utf8');
      case Opcode.BINUNICODE:
        return this.#take(this.#take(4).readUInt32LE()).toString('utf8');
      case Opcode.BINUNICODE8:
        return this.#take(Number(this.#take(8).readBigUInt64LE())).toString('utf8');
      case Opcode.SHORT_BINBYTES:
        return this.#take(this.#take(1)[0]!);
      case Opcode.BINBYTES:
        return this.#take(this.#take(4).readUInt32LE());

      case Opcode.EMPTY_TUPLE:
      case Opcode.EMPTY_LIST:
        return [];
      case Opcode.TUPLE:
      case Opcode.LIST:
        return this.#popToMark();
      case Opcode.TUPLE1:
      case Opcode.TUPLE2:
      case Opcode.TUPLE3:
        return this.#popMany(opcode - Opcode.TUPLE1 + 1);
      case Opcode.EMPTY_DICT:
        return new Map();
      case Opcode.DICT:
        return fill(new Map(), this.#popToMark());

      case Opcode.GET:
        return this.#recall(Number(this.#line()));
      case Opcode.BINGET:
        return this.#recall(this.#take(1)[0]!);
      case Opcode.LONG_BINGET:
        return this.#recall(this.#take(4).readUInt32LE());

      case Opcode.GLOBAL: {
        const module = this.#line();
        return this.#global(module, this.#line());
      }
      case Opcode.STACK_GLOBAL: {
        const [module, name] = this.#popMany(2);
        return this.#global(String(module), String(name));
      }
      case Opcode.REDUCE:
      case Opcode.NEWOBJ: {
        const [callable, values] = this.#popMany(2);
        if (!(callable instanceof PickleGlobal) || !Array.isArray(values))
          throw malformed('a call of no global');
        return callable.make(...values);
      }
      case Opcode.BINPERSID:
        return this.context.persistent(this.#pop());
      default:
        throw malformed(
          `opcode 0x${opcode.toString(16)} at byte ${this.position - 1}, which no state dict needs`,
        );
    }
  }

  #take(length: number): Buffer {
    const end = this.position + length;
    if (!(length >= 0) || end > this.bytes.length) throw new DataError('the pickle is truncated');
    const taken = this.bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  #line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0) throw new DataError('the pickle is truncated');
    const text = this.bytes.toString('utf8', this.position, end);
    this.position = end + 1;
    return text;
  }

  #pop(): Pickled {
    return this.#popMany(1)[0];
  }

  #popMany(count: number): Pickled[] {
    if (this.#stack.length < count) throw malformed('its stack is empty');
    return this.#stack.splice(this.#stack.length - count);
  }

  #popToMark(): Pickled[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw malformed('a mark is missing');
    const values = this.#stack.splice(mark);
    return values.slice(1);
  }

  /** The value on the stack; `depth` 2: the one under it. */
  #top(depth = 1): Pickled {
    if (this.#stack.length < depth) throw malformed('its stack is empty');
    return this.#stack[this.#stack.length - depth];
  }

  #list(): Pickled[] {
    const list = this.#top();
    if (!Array.isArray(list)) throw malformed('elements for what is no list');
    return list;
  }

  #recall(index: number): Pickled {
    if (!this.#memo.has(index)) throw malformed(`memo ${index} was never written`);
    return this.#memo.get(index);
  }

  #global(module: string, name: string): PickleGlobal {
    const make = this.context.globals.get(`${module} ${name}`);
    if (!make) {
      throw new DataError(
        `names ${module}.${name}, which is not read: it would run code, or is no plain tensor; in Python, save the state_dict() alone`,
      );
    }
    return new PickleGlobal(`${module}.${name}`, make);
  }
}

const malformed = (what: string): DataError => new DataError(`not a pickle of a state dict: ${what}`);

/** As a number where that is exact. */
const integer = (value: bigint): number | bigint =>
  BigInt.asIntN(53, value) === value ? Number(value) : value;

function parseInteger(text: string): number | bigint {
  if (!/^-?\d+$/.test(text)) throw malformed(`'${text}' for an integer`);
  return integer(BigInt(text));
}

function fill(map: Pickled, items: readonly Pickled[]): Pickled {
  if (!(map instanceof Map)) throw malformed('items for what is no dictionary');
  for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  return map;
}

function twosComplement(bytes: Buffer): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return integer(bytes.length ? BigInt.asIntN(8 * bytes.length, value) : 0n);
}
