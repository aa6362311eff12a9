/**
 * `graft-gan`: which version this is, and the errors that everything throws. The work is done behind the doors of the
 * rooms, each a subpath with a list of its own:
 *
 *   import { createPhantomDataset } from 'graft-gan/data/phantom';
 *   import { trainGan } from 'graft-gan/generate';
 *
 * Importing this, or what needs no tensors (`/stats`, `/verdict`, `/report`), loads no engine.
 */

/** Errors by cause: `ConfigError` (file, key), `DataError` (file, row), `TorchError` (operator, shapes); all are `GraftError`. */
export {
  ConfigError,
  DataError,
  GraftError,
  TorchError,
  UseAfterFreeError,
  WriteError,
} from 'graft-torch/base';
/** The version that stands in reports and run folders, such as `0.1.0`. */
export { graftVersion } from './base/index.js';
