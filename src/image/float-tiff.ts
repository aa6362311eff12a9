/** Grey values as a TIFF file of 32-bit floats (TIFF 6.0, one uncompressed strip): for values whose range is yet to be found. */

const shortType = 3;
const longType = 4;
const headBytes = 8;
const entryBytes = 12;

/**
 * @param image.values `[height, width]`
 * @param image.inverted the lowest value is white
 */
export function floatTiff(image: {
  values: Float32Array;
  width: number;
  height: number;
  inverted: boolean;
}): Uint8Array {
  const { values, width, height, inverted } = image;
  const entries: readonly (readonly [tag: number, type: number, value: number])[] = [
    [256, longType, width],
    [257, longType, height],
    [258, shortType, 32], // bits a sample
    [259, shortType, 1], // no compression
    [262, shortType, inverted ? 0 : 1], // zero is white, or black
    [273, longType, headBytes], // where the strip begins
    [277, shortType, 1], // samples a pixel
    [278, longType, height], // rows of the strip
    [279, longType, values.byteLength],
    [339, shortType, 3], // floats
  ];
  const directory = headBytes + values.byteLength;
  const file = new Uint8Array(directory + 2 + entries.length * entryBytes + 4);
  const view = new DataView(file.buffer);
  view.setUint16(0, 0x4949);
  view.setUint16(2, 42, true);
  view.setUint32(4, directory, true);
  for (let i = 0; i < values.length; i++) view.setFloat32(headBytes + 4 * i, values[i]!, true);
  view.setUint16(directory, entries.length, true);
  for (const [i, [tag, type, value]] of entries.entries()) {
    const at = directory + 2 + i * entryBytes;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, 1, true);
    if (type === shortType) view.setUint16(at + 8, value, true);
    else view.setUint32(at + 8, value, true);
  }
  return file;
}
