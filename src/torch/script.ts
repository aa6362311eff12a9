/** TorchScript files: libtorch's own format for a network with its code. `native/script.cc` holds the compiler. */
import { TorchError } from '../errors.js';
import { replaceFile } from '../files.js';
import { guarded, native } from './native.js';
import { Tensor } from './tensor.js';

/**
 * Compiles a `forward` and writes it with its tensors to a file, which is replaced as a whole or not at all.
 *
 * @param source `def forward(self, …):` in TorchScript; a tensor named `main.0.weight` is the attribute `weight` of the
 *   submodule `0` of the submodule `main`
 * @param metadata goes into the archive as `extra/metadata.json`
 * @throws TorchError when the compiler refuses the source
 */
export function saveScript(
  path: string,
  source: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  replaceFile(path, (temporary) =>
    guarded(() => {
      packHandles([...tensors.values()]);
      native.saveScript(temporary, source, [...tensors.keys()].join('\n'), JSON.stringify(metadata));
    }),
  );
}

/**
 * Loads a TorchScript file and runs its `forward` once.
 * @throws TorchError when the file is none, or refuses the inputs
 */
export function runScript(path: string, inputs: readonly Tensor[]): Tensor[] {
  const count = guarded(() => {
    packHandles(inputs);
    return native.runScript(path, inputs.length);
  });
  return Array.from(native.exchange.subarray(0, count), (handle) => new Tensor(handle));
}

function packHandles(tensors: readonly Tensor[]): void {
  if (tensors.length > native.exchange.length)
    throw new TorchError(`${tensors.length} tensors are too many for one call`);
  tensors.forEach((tensor, i) => {
    native.exchange[i] = tensor.handle || -1;
  });
}
