/**
 * A backbone of one's own, from a module's `backbone`:
 *
 *     export default { backbone: { name: 'my net', input: { sizePx: 96 }, features: (images) => net.embed(images) } };
 */
import { basename } from 'node:path';
import type { Tensor } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { loadModule } from '../../run/index.js';
import type { Backbone, BackboneOptions } from './backbone.js';
import { makeBackbone } from './extraction.js';
import { hashProtocol } from './identity.js';
import { describeInput, describeResizer, type InputOptions, settleInput, toInput } from './input.js';
import { toVectors } from './script.js';

export interface OwnBackbone {
  /** For a table's cell. */
  name: string;
  /** What it takes; `--input` goes before it. */
  input?: InputOptions;
  /** Images float32 `[N, 3, side, side]`, normalised, on the device → features `[N, D]`, or maps whose mean is taken. */
  features: (images: Tensor) => Tensor;
  dispose?: () => void;
}

/**
 * Its hash is that of the module's file and of the input; weights that the module reads from elsewhere are not in it.
 * @throws ConfigError where the module cannot be had, or holds none
 */
export async function openModuleBackbone(path: string, options: BackboneOptions = {}): Promise<Backbone> {
  const { device = 'cpu', resizer } = options;
  const { exports, hash } = await loadModule(path);
  const own = exports.backbone as OwnBackbone | undefined;
  if (typeof own?.features !== 'function' || typeof own.name !== 'string')
    throw new ConfigError(`${path}: its default export has no \`backbone\` with a name and features(images)`);
  const input = settleInput({ ...own.input, ...options.input }, resizer);
  const protocol = describeInput(input);
  return makeBackbone(
    {
      device,
      sizePx: input.sizePx,
      name: own.name,
      description: `${own.name} of the module ${basename(path)}, input ${protocol}`,
      hash: hashProtocol(`module ${hash}; ${protocol}`).digest('hex'),
      resizer: describeResizer(input.resizer),
    },
    {
      embed: (images) => toVectors(own.features(toInput(images, input, device)), images.shape[0]!, path),
      dispose: () => own.dispose?.(),
    },
  );
}
