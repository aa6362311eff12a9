/** Random generators of libtorch. Their state is a tensor and belongs into checkpoints. */
import { type Device, deviceCode } from './dtype.js';
import { guarded, native } from './native.js';
import { Tensor } from './tensor.js';

/** Seeds the default generators of every device. */
export function manualSeed(seed: number): void {
  guarded(() => native.manualSeed(seed));
}

export class Generator {
  private constructor(readonly id: number) {}

  /** A CPU generator of its own. */
  static seeded(seed: number): Generator {
    return new Generator(guarded(() => native.newGenerator(seed)));
  }

  /** The generator that operators use when they are given none. */
  static default(device: Device = 'cpu'): Generator {
    if (device === 'cpu') return new Generator(0);
    const code = deviceCode(device);
    return new Generator(guarded(() => native.defaultGenerator(code >> 8, (code & 255) - 1)));
  }

  /** State as a uint8 tensor (on the CPU). */
  get state(): Tensor {
    return new Tensor(guarded(() => native.generatorState(this.id)));
  }

  set state(value: Tensor) {
    guarded(() => native.setGeneratorState(this.id, value.handle || -1));
  }
}

/**
 * Runs a callback whose draws on the CPU come from a seed, and leaves the default generator where it was: what is
 * measured beside a training does not change it.
 */
export function withSeed<T>(seed: number, body: () => T): T {
  const generator = Generator.default();
  const before = generator.state;
  const seeded = Generator.seeded(seed).state;
  generator.state = seeded;
  try {
    return body();
  } finally {
    generator.state = before;
    before.dispose();
    seeded.dispose();
  }
}
