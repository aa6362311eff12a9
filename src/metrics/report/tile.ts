/** A picture of a set for a gallery. */
import sharp from 'sharp';
import type { ImageSet } from '../sets/image-set.js';

const TILE_PX = 128;

/** One image of a set, 128 px a side: small ones with hard edges, as their pixels are. */
export function tileJpeg(set: ImageSet, index: number): Promise<Buffer> {
  const plane = set.width * set.height;
  const planar = set.data.subarray(index * 3 * plane, (index + 1) * 3 * plane);
  const pixels = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = planar[c * plane + i]!;
  return sharp(pixels, { raw: { width: set.width, height: set.height, channels: 3 } })
    .resize(TILE_PX, TILE_PX, { kernel: set.width < TILE_PX ? 'nearest' : 'lanczos3', fit: 'fill' })
    .jpeg({ quality: 88, chromaSubsampling: '4:4:4' })
    .toBuffer();
}
