/** Writing prepared images: the same pixels give the same bytes, and no metadata is carried along. */

import { ConfigError, DataError } from 'graft-torch/base';
import sharp from 'sharp';
import { type DecodedImage, toPlanar } from './decode.js';

export interface EncodeOptions {
  /** JPEG only, 1…100; default 95. */
  quality?: number;
  /** A file of one channel: the luma. */
  grey?: boolean;
}

/**
 * Encodes an image as a file's bytes.
 * @param format `png`: lossless; `jpeg`: baseline, colour at full resolution (4:4:4)
 * @throws DataError if the number of bytes does not fit the size; ConfigError for a quality out of range
 */
export async function encodeImage(
  image: DecodedImage,
  format: 'png' | 'jpeg',
  options: EncodeOptions = {},
): Promise<Uint8Array> {
  const { data, width, height } = image;
  if (data.length !== width * height * 3) {
    throw new DataError(`cannot encode an image: ${data.length} bytes are not ${height}×${width}×3`);
  }
  const pipeline = options.grey
    ? sharp(toPlanar(data, { channels: 1 }), { raw: { width, height, channels: 1 } }).toColourspace('b-w')
    : sharp(data, { raw: { width, height, channels: 3 } });
  // Level 6 is zlib's own default; 9 takes several times as long for a few per cent.
  if (format === 'png') return pipeline.png({ compressionLevel: 6 }).toBuffer();
  const { quality = 95 } = options;
  if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
    throw new ConfigError(`JPEG quality ${quality}: expected a whole number from 1 to 100`);
  }
  return pipeline.jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer();
}
