/**
 * Any feature extractor in an ONNX file, run by ONNX Runtime: `onnxruntime-node` (native code) where it is installed,
 * else `onnxruntime-web` (WebAssembly, one thread). Neither comes with the package: both are large, and few need them.
 *
 * ONNX Runtime answers with promises only, so this one has no synchronous `features`.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { cat, refuseStandIn, type Tensor, type TypedArray, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import type { BackboneOptions, FeatureExtractor } from './backbone.js';
import { type Batch, batches, equalBatches, extractInBatches } from './extraction.js';
import { hashFile, hashProtocol } from './identity.js';
import {
  describeInput,
  describeResizer,
  type InputProtocol,
  QUANTISATION,
  settleInput,
  toInput,
} from './input.js';
import { toVectors } from './script.js';

/** Both packages have one interface; the types are those of the one that a clone has. */
type Runtime = typeof import('onnxruntime-web');
type Session = Awaited<ReturnType<Runtime['InferenceSession']['create']>>;

/** The faster one first. */
const PACKAGES = ['onnxruntime-node', 'onnxruntime-web'];

/**
 * @param load imports a package
 * @throws ConfigError when none is installed
 */
export async function loadOnnxRuntime(
  load: (name: string) => Promise<unknown> = (name) => import(name),
): Promise<{ runtime: Runtime; name: string }> {
  for (const name of PACKAGES) {
    try {
      const runtime = (await load(name)) as Runtime;
      // In Node.js more threads of WebAssembly need workers that outlive the session.
      if (name === 'onnxruntime-web') runtime.env.wasm.numThreads = 1;
      return { runtime, name };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    }
  }
  throw new ConfigError(
    `ONNX Runtime is not installed, so an ONNX file is no backbone: npm install ${PACKAGES[0]}, or take a TorchScript file`,
  );
}

/**
 * @param path ONNX file with one float32 input `[N, 3, side, side]`; of its outputs the first is taken
 * @param options.input its side is the file's, where that states one
 * @throws ConfigError when the file cannot be read, ONNX Runtime is missing, or the declared input is not the file's
 * @throws DataError when ONNX Runtime refuses the file or it takes no images; later, when it gives no features
 */
export async function openOnnxExtractor(
  path: string,
  options: BackboneOptions = {},
): Promise<FeatureExtractor> {
  settleInput(options.input ?? {}, options.resizer); // before anything slow
  const hash = hashFile(hashProtocol('ONNX; '), path);
  refuseStandIn(path);
  const { runtime, name } = await loadOnnxRuntime();
  const session = await refused(path, async () =>
    runtime.InferenceSession.create(await readFile(path), { executionProviders: [providerOf(name)] }),
  );
  try {
    const { batchSize, input } = readInput(session, path, options);
    const protocol = describeInput(input);
    const plan = (n: number): Batch[] =>
      batchSize === null ? batches(n, input.sizePx) : equalBatches(n, batchSize);
    const embed = async (part: Tensor): Promise<Tensor> => {
      const n = part.shape[0]!;
      const { data, shape } = readFeed(part, batchSize ?? n, input);
      const feed = new runtime.Tensor('float32', data, shape);
      const outputs = await refused(path, () => session.run({ [session.inputNames[0]!]: feed }));
      const { data: values, dims } = outputs[session.outputNames[0]!]!;
      return tidy(() => {
        const output = tensor(values as TypedArray, [...dims]);
        return toVectors(output, batchSize ?? n, path)
          .narrow(0, 0, n)
          .clone();
      });
    };
    return {
      device: 'cpu',
      sizePx: input.sizePx,
      name: basename(path),
      description: `the ONNX file ${path}, by ${name}, input ${protocol}`,
      hash: hash.update(`; ${protocol}`).digest('hex'),
      resizer: describeResizer(input.resizer),
      quantisation: QUANTISATION,
      extract: (images, extraction) => extractInBatches(images, { plan, embed }, extraction),
      dispose: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

const providerOf = (name: string): string => (name === 'onnxruntime-web' ? 'wasm' : 'cpu');

/** What the file says of its input, beside what was declared. A fixed size of batch is common in exported networks. */
function readInput(
  session: Session,
  path: string,
  { input: declared, resizer }: BackboneOptions,
): { batchSize: number | null; input: InputProtocol } {
  const [metadata, ...more] = session.inputMetadata;
  const shape = metadata?.isTensor ? metadata.shape : [];
  const [batch, channels, height, width] = shape;
  const isImages =
    metadata?.isTensor &&
    metadata.type === 'float32' &&
    shape.length === 4 &&
    (channels === 3 || isFree(channels));
  if (!isImages || more.length > 0 || height !== width) {
    const found = session.inputMetadata.map((one) =>
      one.isTensor ? `${one.name}: ${one.type} [${one.shape.join(', ')}]` : one.name,
    );
    throw new DataError(
      `${path}: takes ${found.join('; ') || 'nothing'}; a backbone takes one input, float32 [N, 3, side, side]`,
    );
  }
  const sizePx = isFree(height) ? declared?.sizePx : height;
  if (declared?.sizePx !== undefined && declared.sizePx !== sizePx) {
    throw new ConfigError(`${path}: takes images of ${sizePx} px, not ${declared.sizePx}; leave sizePx out`);
  }
  return { batchSize: isFree(batch) ? null : batch, input: settleInput({ ...declared, sizePx }, resizer) };
}

/** A dimension that the file leaves open: a name, or −1 for one without. */
const isFree = (size: number | string | undefined): size is string | undefined =>
  typeof size !== 'number' || size < 1;

/** The part as the network takes it; where it needs more images than there are, the first stands in. */
function readFeed(
  part: Tensor,
  batchSize: number,
  input: InputProtocol,
): { data: Float32Array; shape: number[] } {
  return tidy(() => {
    const images = toInput(part, input, 'cpu');
    const missing = batchSize - part.shape[0]!;
    const full = missing > 0 ? cat([images, images.narrow(0, 0, 1).expand([missing, -1, -1, -1])]) : images;
    return { data: full.toArray() as Float32Array, shape: full.shape };
  });
}

/** @throws DataError with the first line of what ONNX Runtime says */
async function refused<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw new DataError(`${path}: ONNX Runtime refuses it: ${(error as Error).message.split('\n')[0]}`);
  }
}
