import type { TiffContainer, TiffDirectory } from './tiff-directory.js';

/** Tag numbers of TIFF 6.0 and its supplements that decide how pixels lie. */
export const TAG = {
  subfileType: 254,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  description: 270,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  xResolution: 282,
  yResolution: 283,
  planarConfiguration: 284,
  resolutionUnit: 296,
  dateTime: 306,
  predictor: 317,
  colorMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  sampleFormat: 339,
} as const;

/** How the pixels of one page lie. */
export interface TiffLayout {
  readonly width: number;
  readonly height: number;
  readonly samplesPerPixel: number;
  /** Of every sample; 0: samples of different sizes. */
  readonly bitsPerSample: number;
  /** numpy's name of one sample as a reader gives it; null: no such type. */
  readonly dtype: string | null;
  /** 1 none, 5 LZW, 7 JPEG, 8 and 32946 deflate, 32773 PackBits... */
  readonly compression: number;
  /** 0 white is zero, 1 black is zero, 2 RGB, 3 palette... */
  readonly photometric: number;
  /** Whether each sample has a plane of its own. */
  readonly planar: boolean;
  readonly predictor: number;
  readonly fillOrder: number;
  /** Rows and columns of one strip (its width is that of the page) or tile. */
  readonly segmentWidth: number;
  readonly segmentHeight: number;
  readonly tiled: boolean;
  /** Whether it is a reduced copy or a mask of another page. */
  readonly secondary: boolean;
}

/** Width and height of a page beyond which it is taken for damage. */
const MAX_EDGE = 2 ** 30;

/** The layout of a page, or why there is none. */
export function layoutOf(container: TiffContainer, directory: TiffDirectory): TiffLayout | string {
  const numbers = (tag: number, maxCount: number): number[] => {
    const entry = directory.entries.get(tag);
    return entry === undefined ? [] : container.numbersOf(entry, maxCount);
  };
  const first = (tag: number, otherwise: number): number => numbers(tag, 1)[0] ?? otherwise;

  const width = first(TAG.width, 0);
  const height = first(TAG.height, 0);
  const samplesPerPixel = first(TAG.samplesPerPixel, 1);
  if (!isCount(width, MAX_EDGE) || !isCount(height, MAX_EDGE) || !isCount(samplesPerPixel, 65535)) {
    return `The TIFF page at ${directory.offset} has the size ${width} x ${height} x ${samplesPerPixel}.`;
  }
  const bits = numbers(TAG.bitsPerSample, samplesPerPixel);
  const bitsPerSample = bits.every((value) => value === bits[0]) ? (bits[0] ?? 1) : 0;
  const tiled = directory.entries.has(TAG.tileWidth);
  const segmentWidth = tiled ? first(TAG.tileWidth, 0) : width;
  const segmentHeight = tiled
    ? first(TAG.tileHeight, 0)
    : Math.min(first(TAG.rowsPerStrip, height), height);
  if (!isCount(segmentWidth, MAX_EDGE) || !isCount(segmentHeight, MAX_EDGE)) {
    return `The TIFF page at ${directory.offset} has strips or tiles of ${segmentWidth} x ${segmentHeight}.`;
  }
  return {
    width,
    height,
    samplesPerPixel,
    bitsPerSample,
    dtype: dtypeOf(bitsPerSample, first(TAG.sampleFormat, 1)),
    compression: first(TAG.compression, 1),
    photometric: first(TAG.photometric, 1),
    planar: samplesPerPixel > 1 && first(TAG.planarConfiguration, 1) === 2,
    predictor: first(TAG.predictor, 1),
    fillOrder: first(TAG.fillOrder, 1),
    segmentWidth,
    segmentHeight,
    tiled,
    secondary: (first(TAG.subfileType, 0) & 0b101) !== 0,
  };
}

function isCount(value: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= maximum;
}

/** numpy's name for TIFF's SampleFormat (1 unsigned, 2 signed, 3 float, 4 undefined, 6 complex float). */
function dtypeOf(bits: number, format: number): string | null {
  switch (format) {
    case 2:
      return [8, 16, 32, 64].includes(bits) ? `int${bits}` : null;
    case 3:
      return [16, 32, 64].includes(bits) ? `float${bits}` : null;
    case 6:
      return bits === 64 || bits === 128 ? `complex${bits}` : null;
    case 1:
    case 4:
      if (bits === 1) return 'bool';
      if (bits > 1 && bits <= 8) return 'uint8';
      if (bits > 8 && bits <= 16) return 'uint16';
      return bits === 32 || bits === 64 ? `uint${bits}` : null;
    default:
      return null;
  }
}

/** Bytes of a page's pixels once they are unpacked. */
export function pageBytes({ width, height, samplesPerPixel, bitsPerSample }: TiffLayout): number {
  return Math.ceil((width * samplesPerPixel * bitsPerSample) / 8) * height;
}

/** Shape and type of `pages` pages of the layout as hyperspy names them. */
export interface TiffArray {
  /** Slowest axis first; the pixels of colours count as one, other samples are the last axis. */
  readonly shape: readonly number[];
  /** numpy's name, `rgb8`, `rgba16`... for colours; null: unknown. */
  readonly dtype: string | null;
}

/** The array that `pages` pages of the layout are. */
export function arrayOf(layout: TiffLayout, pages: number): TiffArray {
  const { samplesPerPixel, dtype } = layout;
  const colours = isColour(layout) && (dtype === 'uint8' || dtype === 'uint16');
  return {
    shape: [
      ...(pages > 1 ? [pages] : []),
      layout.height,
      layout.width,
      ...(samplesPerPixel > 1 && !colours ? [samplesPerPixel] : []),
    ],
    dtype: colours ? `${samplesPerPixel === 3 ? 'rgb' : 'rgba'}${dtype.slice(4)}` : dtype,
  };
}

/** Whether the samples of a pixel are red, green, blue and perhaps alpha (after decoding). */
export function isColour(layout: TiffLayout): boolean {
  return (
    (layout.samplesPerPixel === 3 || layout.samplesPerPixel === 4) &&
    (layout.photometric === 2 || layout.photometric === 6)
  );
}

/** Text equal for pages that belong into one stack. */
export function stackKeyOf(layout: TiffLayout): string {
  const { width, height, samplesPerPixel, bitsPerSample, dtype, photometric, compression } = layout;
  return [width, height, samplesPerPixel, bitsPerSample, dtype, photometric, compression].join(' ');
}
