/** TIFF files byte by byte, for what sharp does not write: signed values, doubles, half floats, white as zero. */

export interface TiffSpec {
  width: number;
  height: number;
  /** Values as they are stored; `half`: bits of half floats. */
  values:
    | Uint8Array
    | Uint16Array
    | Uint32Array
    | Int8Array
    | Int16Array
    | Int32Array
    | Float32Array
    | Float64Array;
  half?: boolean;
  /** Default 1. */
  samples?: number;
  /** Default 1, or 2 for three samples. */
  photometric?: number;
  orientation?: number;
  /** SMinSampleValue and SMaxSampleValue, as doubles. */
  declared?: readonly [number, number];
  /** ExtraSamples: what the last sample is; 0: nothing that the file has a word for. */
  extra?: number;
  /** NewSubfileType. */
  subfile?: number;
}

/** A file with a page for each spec, uncompressed, in one strip. */
export function tiffFile(pages: readonly TiffSpec[], { bigEndian = false } = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 8;
  const add = (part: Uint8Array): number => {
    const at = length;
    parts.push(part);
    length += part.length;
    return at;
  };
  const little = !bigEndian;
  const numbers = (bytes: number, fill: (view: DataView) => void): Uint8Array => {
    const part = new Uint8Array(bytes);
    fill(new DataView(part.buffer));
    return part;
  };
  const links: { at: number; part: Uint8Array }[] = [];
  const starts: number[] = [];
  for (const spec of pages) {
    const { width, height, values, samples = 1, half = false } = spec;
    const bytesEach = values.BYTES_PER_ELEMENT;
    const data = Uint8Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    if (bigEndian) for (let i = 0; i < data.length; i += bytesEach) data.subarray(i, i + bytesEach).reverse();
    const strip = add(data);
    const kind =
      half || values instanceof Float32Array || values instanceof Float64Array
        ? 3
        : /^Int/.test(values.constructor.name)
          ? 2
          : 1;
    const each = (value: number): number[] => Array.from({ length: samples }, () => value);
    const entries: [tag: number, type: 3 | 4 | 12, values: number[]][] = [
      [254, 4, [spec.subfile ?? 0]],
      [256, 4, [width]],
      [257, 4, [height]],
      [258, 3, each(8 * bytesEach)],
      [259, 3, [1]],
      [262, 3, [spec.photometric ?? (samples === 3 ? 2 : 1)]],
      [273, 4, [strip]],
      [274, 3, [spec.orientation ?? 1]],
      [277, 3, [samples]],
      [278, 4, [height]],
      [279, 4, [data.length]],
      [284, 3, [1]],
      ...(spec.extra === undefined ? [] : ([[338, 3, [spec.extra]]] as [number, 3, number[]][])),
      [339, 3, each(kind)],
      ...(spec.declared
        ? ([
            [340, 12, [spec.declared[0]]],
            [341, 12, [spec.declared[1]]],
          ] as [number, 12, number[]][])
        : []),
    ];
    const sizes = { 3: 2, 4: 4, 12: 8 } as const;
    const write = (view: DataView, type: 3 | 4 | 12, at: number, value: number): void => {
      if (type === 3) view.setUint16(at, value, little);
      else if (type === 4) view.setUint32(at, value, little);
      else view.setFloat64(at, value, little);
    };
    const far = entries.map(([, type, own]) =>
      own.length * sizes[type] <= 4
        ? null
        : add(
            numbers(own.length * sizes[type], (view) => {
              for (const [i, v] of own.entries()) write(view, type, i * sizes[type], v);
            }),
          ),
    );
    const directory = numbers(2 + 12 * entries.length + 4, (view) => {
      view.setUint16(0, entries.length, little);
      entries.forEach(([tag, type, own], k) => {
        const at = 2 + 12 * k;
        view.setUint16(at, tag, little);
        view.setUint16(at + 2, type, little);
        view.setUint32(at + 4, own.length, little);
        const place = far[k];
        if (place != null) view.setUint32(at + 8, place, little);
        else for (const [i, v] of own.entries()) write(view, type, at + 8 + i * sizes[type], v);
      });
    });
    starts.push(add(directory));
    links.push({ at: directory.length - 4, part: directory });
  }
  for (const [k, { at, part }] of links.entries())
    new DataView(part.buffer).setUint32(at, starts[k + 1] ?? 0, little);
  const head = numbers(8, (view) => {
    view.setUint16(0, bigEndian ? 0x4d4d : 0x4949);
    view.setUint16(2, 42, little);
    view.setUint32(4, starts[0]!, little);
  });
  return Buffer.concat([head, ...parts]);
}
