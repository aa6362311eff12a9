/** A DICOM file of a few grey pixels, uncompressed, explicit values, little endian. */

/** @param bits of each value: 8, 12 or 16 */
export function dicomFile(sidePx: number, bits: 8 | 12 | 16): Buffer {
  const allocated = bits > 8 ? 16 : 8;
  const meta = Buffer.concat([
    text(0x0002, 0x0002, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
    text(0x0002, 0x0003, 'UI', '1.2.3.4.5'),
    text(0x0002, 0x0010, 'UI', '1.2.840.10008.1.2.1'),
  ]);
  const pixels = Buffer.alloc((sidePx * sidePx * allocated) / 8);
  for (let i = 0; i < sidePx * sidePx; i++)
    if (allocated === 8) pixels[i] = (i * 7) & 255;
    else pixels.writeUInt16LE((i * 37) % 2 ** bits, 2 * i);
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    element(0x0002, 0x0000, 'UL', uint32(meta.length)),
    meta,
    text(0x0008, 0x0016, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
    text(0x0008, 0x0018, 'UI', '1.2.3.4.5'),
    text(0x0008, 0x0060, 'CS', 'OT'),
    text(0x0010, 0x0010, 'PN', 'DOE^JANE'),
    text(0x0010, 0x0020, 'LO', 'P1'),
    element(0x0028, 0x0002, 'US', uint16(1)),
    text(0x0028, 0x0004, 'CS', 'MONOCHROME2'),
    element(0x0028, 0x0010, 'US', uint16(sidePx)),
    element(0x0028, 0x0011, 'US', uint16(sidePx)),
    element(0x0028, 0x0100, 'US', uint16(allocated)),
    element(0x0028, 0x0101, 'US', uint16(bits)),
    element(0x0028, 0x0102, 'US', uint16(bits - 1)),
    element(0x0028, 0x0103, 'US', uint16(0)),
    element(0x7fe0, 0x0010, allocated === 8 ? 'OB' : 'OW', pixels),
  ]);
}

const uint16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

function element(group: number, number: number, type: string, value: Buffer): Buffer {
  const even =
    value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.from([type === 'UI' ? 0 : 0x20])]);
  const length = ['OB', 'OW'].includes(type)
    ? Buffer.concat([uint16(0), uint32(even.length)])
    : uint16(even.length);
  return Buffer.concat([uint16(group), uint16(number), Buffer.from(type), length, even]);
}

const text = (group: number, number: number, type: string, value: string): Buffer =>
  element(group, number, type, Buffer.from(value));
