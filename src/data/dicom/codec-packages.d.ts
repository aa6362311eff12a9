// The codecs come without types that name what is used of them (src/data/dicom/codecs.ts).
interface WasmOptions {
  print?: (text: string) => void;
  printErr?: (text: string) => void;
}

/** What Emscripten's decoders of one family have in common. */
interface WasmFrameDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  getFrameInfo(): {
    width: number;
    height: number;
    bitsPerSample: number;
    componentCount: number;
    isSigned?: boolean;
  };
  delete(): void;
}

declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  const start: (options?: WasmOptions) => Promise<{ J2KDecoder: new () => WasmFrameDecoder }>;
  export default start;
}

declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  const start: (options?: WasmOptions) => Promise<{ JpegLSDecoder: new () => WasmFrameDecoder }>;
  export default start;
}

declare module 'jpeg-lossless-decoder-js' {
  export class Decoder {
    decompress(buffer: ArrayBuffer, offset?: number, length?: number): ArrayBuffer;
    frame: { dimX: number; dimY: number; numComp: number; precision: number };
  }
}
