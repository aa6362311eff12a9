/**
 * TorchScript files: libtorch's own format for a network with its code. `native/script.cc` holds the compiler.
 *
 * Such a file is a program of its author's: what it does when it is opened and called, it does with the rights of whoever
 * opened it, and `torch.save` and `torch.from_file` are among what it may do. Files of others are opened only where the
 * user said that they trust them (`metrics/backbone/trust.ts`).
 */
import { getSystemErrorName } from 'node:util';
import { replaceFile, TorchError } from '../base/index.js';
import type { Device } from './dtype.js';
import { guarded, native } from './native.js';
import { Tensor } from './tensor.js';

/**
 * Compiles a `forward` and writes it with its tensors to a file, which is replaced as a whole or not at all.
 *
 * @param source `def forward(self, …):` in TorchScript; a tensor named `main.0.weight` is the attribute `weight` of the
 *   submodule `0` of the submodule `main`
 * @param contents.metadata goes into the archive as `extra/metadata.json`
 * @throws TorchError when the compiler refuses the source; WriteError when the disk is full
 */
export function saveScript(
  path: string,
  source: string,
  contents: {
    tensors: ReadonlyMap<string, Tensor>;
    metadata?: Readonly<Record<string, string>> | undefined;
  },
): void {
  const { tensors, metadata = {} } = contents;
  replaceFile(path, (temporary) => {
    const failure = guarded(() => {
      packHandles([...tensors.values()]);
      return native.saveScript(temporary, source, [...tensors.keys()].join('\n'), JSON.stringify(metadata));
    });
    if (failure !== 0) throw systemError(failure, temporary);
  });
}

/** As Node's own for a file that cannot be written. */
function systemError(number: number, path: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(`${code}: write '${path}'`), {
    code,
    path,
    syscall: 'write',
    errno: -number,
  });
}

/**
 * Loads a TorchScript file and runs its `forward` once: for files that this process has just written.
 * @throws TorchError when the file is none, or refuses the inputs
 */
export function runScript(path: string, inputs: readonly Tensor[]): Tensor[] {
  return takeOutputs(inputs, () => native.runScript(path, inputs.length));
}

/** A TorchScript file that was loaded to be called many times. */
export interface Script {
  /**
   * Its `forward`, in evaluation mode; a flag `return_features` is set where there is one.
   *
   * @param inputs on the script's device
   * @returns the result's tensor, or a tuple's or list's tensors
   * @throws TorchError when it refuses the inputs, or gives something else
   */
  forward(...inputs: Tensor[]): Tensor[];
  dispose(): void;
}

/**
 * Runs what the file's author wrote; the caller has asked whether they are trusted.
 *
 * @param device where its weights go, wherever they were saved from
 * @throws TorchError when the file is none
 */
export function openScript(path: string, device: Device = 'cpu'): Script {
  const script = guarded(() => native.openScript(path, device));
  return {
    forward: (...inputs) => takeOutputs(inputs, () => native.callScript(script, inputs.length)),
    dispose: () => native.closeScript(script),
  };
}

function takeOutputs(inputs: readonly Tensor[], call: () => number): Tensor[] {
  const count = guarded(() => {
    packHandles(inputs);
    return call();
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
