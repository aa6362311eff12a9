/** Tensors from the raw bytes of a file. */
import { aten } from './aten.js';
import type { DType } from './dtype.js';
import { tensor } from './factories.js';
import { tidy } from './scope.js';
import type { Tensor } from './tensor.js';

/**
 * A flat tensor of the elements that some bytes hold, little endian, on the CPU. 16-bit floats become float32, which
 * holds every value of both kinds exactly: they have no arrays in JavaScript, and many operators of a CPU refuse them.
 *
 * @param bytes a multiple of the dtype's width, which the caller has checked
 * @returns `[bytes.length / width]`
 */
export function fromBytes(bytes: Uint8Array, dtype: DType): Tensor {
  return tidy(() => {
    const raw = tensor(bytes, [bytes.length], { dtype: 'uint8' });
    // Any byte but 0 stands for true; libtorch knows 1 only.
    if (dtype === 'bool') return raw.ne(0);
    const flat = bytes.length > 0 ? aten.view.dtype(raw, dtype) : raw.to({ dtype });
    return dtype === 'float16' || dtype === 'bfloat16' ? flat.float() : flat;
  });
}
