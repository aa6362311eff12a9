/** Writes PyTorch's weight files, in the zip format (`pth.ts` has it). */
import { guarded, native } from './native.js';
import { PickleWriter } from './pickle-writer.js';
import { STORAGES } from './pth.js';
import type { Tensor } from './tensor.js';
import { writeZip } from './zip.js';

/**
 * Writes tensors as a state dict that `torch.load` reads, also with `weights_only=True`, replacing the file as a whole
 * or not at all. A tensor under two names is stored once.
 *
 * @throws DataError when the file would pass 4 GiB
 */
export function savePth(path: string, tensors: Record<string, Tensor>): void {
  const storages = [...new Set(Object.values(tensors))];
  writeZip(path, zipEntries(tensors, storages));
}

function* zipEntries(
  tensors: Record<string, Tensor>,
  storages: readonly Tensor[],
): Generator<[string, Uint8Array]> {
  yield ['archive/data.pkl', pickleStateDict(tensors, storages)];
  yield ['archive/byteorder', Buffer.from('little')];
  for (const [key, value] of storages.entries())
    yield [`archive/data/${key}`, new Uint8Array(guarded(() => native.read(value.handle || -1)))];
  yield ['archive/version', Buffer.from('3\n')];
}

function pickleStateDict(tensors: Record<string, Tensor>, storages: readonly Tensor[]): Buffer {
  const pickle = new PickleWriter();
  const orderedDict = (): PickleWriter => pickle.call('collections', 'OrderedDict', () => {});
  orderedDict().items(() => {
    for (const [name, value] of Object.entries(tensors)) {
      const { shape, dtype } = value;
      const strides = shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
      const storage = (): void => {
        pickle.text('storage').global('torch', STORAGES[dtype].name);
        pickle
          .text(String(storages.indexOf(value)))
          .text('cpu')
          .integer(value.numel);
      };
      pickle.text(name).call('torch._utils', '_rebuild_tensor_v2', () => {
        pickle.tuple(storage).persistent().integer(0).integers(shape).integers(strides).no();
        orderedDict(); // backward hooks
      });
    }
  });
  return pickle.finish();
}
