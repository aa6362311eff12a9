/**
 * Python's pickle format, as far as state dicts need it: a reader that builds data and never runs anything.
 *
 * A pickle is a program for a stack machine whose GLOBAL and REDUCE call any function of Python. Here a global is
 * looked up in the caller's table. What is not there becomes an `Opaque` with its name, and so does whatever it is
 * called with and made of: a checkpoint's arguments, paths and scores do no harm beside its tensors. Functions that a
 * file names only to run something (`os.system`, `eval`) end the reading.
 *
 * A few bytes can ask for a great deal (a list that holds the one before it twice, and so on). Every opcode is paid for
 * from a budget, whoever walks over the result must not walk the same object twice, and nothing here turns a nested
 * value into text.
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py (opcodes of protocols 0 to 5).
 */
import { DataError, oneLine } from '../base/index.js';

/**
 * Dictionaries become maps (whatever their keys), lists, tuples and sets arrays, None null, big integers bigints, and
 * objects of classes that are not read `Opaque`.
 */
export type Pickled = unknown;

/** Steps that one pickle may take; a state dict of 50,000 tensors takes 2 million. */
const MAX_STEPS = 8_000_000;
/** Lists, tuples and dictionaries that it may make: each takes some hundred bytes of memory, for one byte of file. */
const MAX_CONTAINERS = 1_000_000;
/** Integers of more bytes are no number that anything here needs: reading them as one takes quadratic time. */
const MAX_INTEGER_BYTES = 64;

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

/** A Python class or function that is not read, or what came of it: never run, never looked into. */
export class Opaque {
  /** @param name such as `argparse.Namespace` */
  constructor(readonly name: string) {}
}

/**
 * Names of functions that run programs, load code or open files. A pickle that names one is no checkpoint with company:
 * it was made to do something to whoever opens it.
 */
const HARMFUL =
  /^((os|posix|nt|subprocess|sys|shutil|socket|pty|runpy|importlib|imp|code|ctypes|webbrowser|commands|pip|pdb|timeit|urllib|urllib2|http|requests)\..*|(builtins|__builtin__)\.(eval|exec|execfile|compile|__import__|open|file|input|raw_input|setattr|delattr|breakpoint|globals|locals|vars|apply|map|filter|reduce))$/;

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
  BINBYTES8: 0x8e,
  BYTEARRAY8: 0x96,
  STRING: 0x53,
  UNICODE: 0x56,
  EMPTY_TUPLE: 0x29,
  EMPTY_LIST: 0x5d,
  TUPLE: 0x74,
  LIST: 0x6c,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  APPEND: 0x61,
  APPENDS: 0x65,
  EMPTY_SET: 0x8f,
  ADDITEMS: 0x90,
  FROZENSET: 0x91,
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
  NEWOBJ_EX: 0x92,
  BUILD: 0x62,
  BINPERSID: 0x51,
} as const;

const MARK = Symbol('mark');

/**
 * Reads one pickle that starts at `start`.
 *
 * @returns its value, and where the bytes behind it begin
 * @throws DataError for a truncated or malformed pickle, one that asks for more than its length allows, and one that
 *   names a function which runs programs
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
  #steps = 0;
  #containers = 0;

  constructor(
    readonly bytes: Buffer,
    public position: number,
    readonly context: PickleContext,
  ) {}

  run(): Pickled {
    for (;;) {
      const opcode = this.bytes[this.position++];
      if (opcode === undefined) throw new DataError('the pickle is truncated');
      this.#pay(1);
      if (opcode === Opcode.STOP) return this.#pop();
      if (!this.#act(opcode)) this.#stack.push(this.#make(opcode));
    }
  }

  #pay(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS)
      throw new DataError(`the pickle takes more than ${MAX_STEPS} steps: ${BOMB}`);
  }

  /** A list, tuple, set or dictionary that is new. */
  #container<T>(made: T): T {
    if (++this.#containers > MAX_CONTAINERS)
      throw new DataError(`the pickle makes more than ${MAX_CONTAINERS} lists and dictionaries: ${BOMB}`);
    return made;
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
        this.#extend([value]);
        return true;
      }
      case Opcode.APPENDS:
      case Opcode.ADDITEMS:
        this.#extend(this.#popToMark());
        return true;
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
        this.#popMany(1);
        this.#top();
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
        return parseInteger(this.#line(), 'L');
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
      case Opcode.BINBYTES8:
      case Opcode.BYTEARRAY8:
        return this.#take(Number(this.#take(8).readBigUInt64LE()));
      case Opcode.STRING: // protocol 0: quoted, with escapes that no key has
        return this.#line().replace(/^(['"])(.*)\1$/s, '$2');
      case Opcode.UNICODE:
        return this.#line();

      case Opcode.EMPTY_TUPLE:
      case Opcode.EMPTY_LIST:
      case Opcode.EMPTY_SET:
        return this.#container([]);
      case Opcode.TUPLE:
      case Opcode.LIST:
      case Opcode.FROZENSET:
        return this.#container(this.#popToMark());
      case Opcode.TUPLE1:
      case Opcode.TUPLE2:
      case Opcode.TUPLE3:
        return this.#container(this.#popMany(opcode - Opcode.TUPLE1 + 1));
      case Opcode.EMPTY_DICT:
        return this.#container(new Map());
      case Opcode.DICT:
        return fill(this.#container(new Map()), this.#popToMark());

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
        if (typeof module !== 'string' || typeof name !== 'string')
          throw malformed('a global without a name');
        return this.#global(module, name);
      }
      case Opcode.REDUCE:
      case Opcode.NEWOBJ:
        return this.#call(...(this.#popMany(2) as [Pickled, Pickled]));
      case Opcode.NEWOBJ_EX: {
        const [callable, values] = this.#popMany(3);
        return this.#call(callable, values);
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

  /** Elements for the list on the stack; those of an object that is not read are not kept. */
  #extend(values: readonly Pickled[]): void {
    const list = this.#top();
    if (list instanceof Opaque) return;
    if (!Array.isArray(list)) throw malformed('elements for what is no list');
    for (const value of values) list.push(value);
  }

  #call(callable: Pickled, values: Pickled): Pickled {
    // An object that is not read may have been called with anything.
    if (callable instanceof Opaque) return new Opaque(callable.name);
    if (!(callable instanceof PickleGlobal) || !Array.isArray(values)) throw malformed('a call of no global');
    // A call costs what it copies: one list may be given to it a thousand times.
    for (const value of values) this.#pay(Array.isArray(value) ? value.length : 1);
    return this.#container(callable.make(...values.slice(0, MAX_ARGUMENTS)));
  }

  #recall(index: number): Pickled {
    if (!this.#memo.has(index)) throw malformed(`memo ${index} was never written`);
    return this.#memo.get(index);
  }

  #global(module: string, name: string): PickleGlobal | Opaque {
    const make = this.context.globals.get(`${module} ${name}`);
    const full = oneLine(`${module}.${name}`, 200);
    if (make) return new PickleGlobal(full, make);
    if (HARMFUL.test(full)) {
      throw new DataError(
        `names ${full}, which is not read: opened in Python it would run code; use it nowhere, or where you made it yourself, save the state_dict() alone`,
      );
    }
    return new Opaque(full);
  }
}

/** More than any of the callables that are read takes. */
const MAX_ARGUMENTS = 16;
const BOMB = 'a file made to use up memory or time, or no state dict; in Python, save the state_dict() alone';

const malformed = (what: string): DataError => new DataError(`not a pickle of a state dict: ${what}`);

/** As a number where that is exact. */
const integer = (value: bigint): number | bigint =>
  BigInt.asIntN(53, value) === value ? Number(value) : value;

function parseInteger(text: string, suffix = ''): number | bigint | Opaque {
  if (text.length > 2.5 * MAX_INTEGER_BYTES) return new Opaque('builtins.int');
  const digits = text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text;
  if (!/^-?\d+$/.test(digits)) throw malformed(`'${oneLine(text, 40)}' for an integer`);
  return integer(BigInt(digits));
}

function fill(map: Pickled, items: readonly Pickled[]): Pickled {
  if (map instanceof Opaque) return map;
  if (items.length % 2 > 0) throw malformed('a key without its value');
  if (!(map instanceof Map)) throw malformed('items for what is no dictionary');
  for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  return map;
}

function twosComplement(bytes: Buffer): number | bigint | Opaque {
  if (bytes.length > MAX_INTEGER_BYTES) return new Opaque('builtins.int');
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return integer(bytes.length ? BigInt.asIntN(8 * bytes.length, value) : 0n);
}
