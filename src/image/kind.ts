/** What a file is, by its first bytes: names lie, and many files have no extension at all. */
import { extname } from 'node:path';

export interface FileKind {
  /** For messages: `HEIC`. */
  name: string;
  /** Extensions that such files bear, lower case, with the dot; the first is the usual one. */
  extensions: readonly string[];
  /** Of a kind that is not read: what to do. */
  remedy?: string;
}

/** Bytes at the beginning that {@link fileKind} looks at. */
export const kindBytes = 64;

const convert = 'convert it to PNG or JPEG';
const magick = (name: string): string =>
  `${convert}, for instance with ImageMagick's \`magick in${name} out.png\``;

const jpeg: FileKind = { name: 'JPEG', extensions: ['.jpg', '.jpeg', '.jpe', '.jfif'] };
const png: FileKind = { name: 'PNG', extensions: ['.png'] };
const gif: FileKind = { name: 'GIF', extensions: ['.gif'] };
const webp: FileKind = { name: 'WebP', extensions: ['.webp'] };
const tiff: FileKind = { name: 'TIFF', extensions: ['.tif', '.tiff'] };
export const bmp: FileKind = { name: 'BMP', extensions: ['.bmp', '.dib'] };
const avif: FileKind = { name: 'AVIF', extensions: ['.avif'] };
const heic: FileKind = {
  name: 'HEIC',
  extensions: ['.heic', '.heif', '.hif'],
  remedy: `${convert}, for instance with libheif's \`heif-convert in.heic out.png\``,
};
const jxl: FileKind = {
  name: 'JPEG XL',
  extensions: ['.jxl'],
  remedy: `${convert}, for instance with libjxl's \`djxl in.jxl out.png\``,
};
const jp2: FileKind = {
  name: 'JPEG 2000',
  extensions: ['.jp2', '.j2k', '.jpf', '.jpx', '.j2c', '.jpc'],
  remedy: `${convert}, for instance with OpenJPEG's \`opj_decompress -i in.jp2 -o out.png\``,
};
const jls: FileKind = { name: 'JPEG-LS', extensions: ['.jls'], remedy: convert };
const psd: FileKind = { name: 'Photoshop', extensions: ['.psd', '.psb'], remedy: magick('.psd[0]') };
const exr: FileKind = { name: 'OpenEXR', extensions: ['.exr'], remedy: magick('.exr') };
const pnm: FileKind = {
  name: 'Netpbm',
  extensions: ['.ppm', '.pgm', '.pbm', '.pnm'],
  remedy: magick('.ppm'),
};
const tga: FileKind = { name: 'TGA', extensions: ['.tga'], remedy: magick('.tga') };
const raw: FileKind = {
  name: 'raw camera',
  extensions: [
    ...['.cr2', '.cr3', '.nef', '.nrw', '.arw', '.dng', '.orf', '.rw2', '.raf', '.pef', '.srw', '.3fr'],
  ],
  remedy: 'develop it to 16-bit TIFF or PNG with a raw converter (darktable, dcraw -T)',
};

/** TGA and Netpbm are known by their extension alone: their first bytes say little or nothing. */
const kinds: readonly FileKind[] = [
  ...[jpeg, png, gif, webp, tiff, bmp, avif, heic, jxl, jp2, jls, psd, exr, pnm, tga, raw],
];

/** Extensions (lower case, with the dot) of files that are decoded. */
export const imageExtensions: readonly string[] = kinds
  .filter(({ remedy }) => remedy === undefined)
  .flatMap(({ extensions }) => extensions);

/** Extensions of pictures, whether they are decoded or not. */
const pictureExtensions: readonly string[] = kinds.flatMap(({ extensions }) => extensions);

const extensionOf = (name: string): string => extname(name).toLowerCase();

/** Whether a name claims to be a picture's. */
export const isPictureName = (name: string): boolean => pictureExtensions.includes(extensionOf(name));

/**
 * The kind of a picture; undefined where it is none that is known.
 * @param start its first {@link kindBytes}, or all of it
 * @param name decides only where content does not: raw files of many cameras are TIFF, TGA has no signature
 */
export function fileKind(start: Uint8Array, name = ''): FileKind | undefined {
  const extension = extensionOf(name);
  const found = bySignature(start);
  if ((found === tiff || found === undefined) && start.length > 0 && raw.extensions.includes(extension))
    return raw;
  if (found) return found;
  return start.length > 0 ? [tga, pnm].find(({ extensions }) => extensions.includes(extension)) : undefined;
}

function bySignature(start: Uint8Array): FileKind | undefined {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.length, kindBytes)).toString(
    'latin1',
  );
  if (text.startsWith('\xff\xd8\xff\xf7')) return jls;
  if (text.startsWith('\xff\xd8\xff')) return jpeg;
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return png;
  if (/^GIF8[79]a/.test(text)) return gif;
  if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) return webp;
  if (/^(II\*\0|MM\0\*)/.test(text)) return text.startsWith('CR', 8) ? raw : tiff;
  if (/^(II\+\0|MM\0\+)/.test(text)) return tiff; // of more than 4 GiB
  if (/^(FUJIFILMCCD-RAW|IIR[OS]|IIU\0)/.test(text)) return raw;
  if (isBmp(text)) return bmp;
  if (text.startsWith('ftyp', 4)) return byBrand(text);
  if (/^(\0\0\0\fJXL \r\n\x87\n|\xff\n)/.test(text)) return jxl;
  if (/^(\0\0\0\fjP {2}\r\n\x87\n|\xff\x4f\xff\x51)/.test(text)) return jp2;
  if (text.startsWith('8BPS')) return psd;
  if (text.startsWith('v/1\x01')) return exr;
  return undefined;
}

/** Two letters are little: the header's size must be one of those that there are. */
const isBmp = (text: string): boolean =>
  text.startsWith('BM') &&
  text.startsWith('\0\0\0', 15) &&
  [12, 16, 40, 52, 56, 64, 108, 124].includes(text.charCodeAt(14));

/** HEIF's brands (ISO/IEC 23008-12): one major, and those that it is compatible with. */
function byBrand(text: string): FileKind | undefined {
  const brands = text.slice(8).match(/.{4}/gs) ?? [];
  if (brands[0] === 'crx ') return raw;
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return avif;
  return brands.some((brand) => /^(hei[cxms]|hev[cxms]|mif1|msf1)$/.test(brand)) ? heic : undefined;
}

/** What stands in the place of a picture often enough to be named, else that it is none. */
export function whyNoImage(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty: copy or fetch it again';
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 256)).toString('latin1');
  if (text.startsWith('version https://git-lfs.github.com'))
    return 'a Git LFS pointer in place of the file: fetch it with `git lfs pull`';
  if (/^\s*<(!doctype html|html|\?xml)/i.test(text)) return 'a web page in place of the file: fetch it again';
  if (
    text
      .slice(0, 64)
      .split('')
      .every((letter) => letter === '\0')
  )
    return 'begins with nothing but zeros: copy or fetch it again';
  return 'no picture by its content';
}

/** Whether files of a kind may hold a series of pictures that is played, one after the other. */
export const isAnimated = (kind: FileKind): boolean => kind === gif || kind === webp;
