import type { FrameSource, PixelArray, PixelSize, PreviewSource } from '../../extractor.js';
import { imageStack } from '../binary/image-stack.js';
import type { DicomFile } from './dicom-file.js';
import { frameBytes, type DicomLayout } from './dicom-layout.js';
import { dicomFrames, jpegFrames, type DicomPixelWay } from './dicom-pixels.js';
import type { DicomValues } from './dicom-values.js';

const PALETTE_DESCRIPTORS = ['x00281101', 'x00281102', 'x00281103'] as const;
const PALETTE_DATA = ['x00281201', 'x00281202', 'x00281203'] as const;
const MAX_PALETTE_BYTES = 131_072;

/** Reads what the preview is drawn from. Throws as the file does, and for damaged pixels. */
export function dicomPreview(
  file: DicomFile,
  values: DicomValues,
  layout: DicomLayout,
  way: DicomPixelWay,
  pixelSize: PixelSize | null,
): PreviewSource | null {
  if (way.kind === 'none') return null;
  if (way.kind === 'jpeg') {
    const jpegs = jpegFrames(file, layout);
    return imageStack(layout.frames, frameBytes(layout), (frame) => ({
      kind: 'encoded',
      bytes: jpegs(frame),
      pixelSize,
      // Decoders of JPEG know nothing of the header that says so.
      isNegative: layout.photometric === 'MONOCHROME1',
    }));
  }
  const pixelsOf = dicomFrames(file, layout);
  return imageStack(layout.frames, frameBytes(layout), (frame) =>
    frameSource(pixelsOf(frame), values, layout, pixelSize),
  );
}

function frameSource(
  pixels: PixelArray,
  values: DicomValues,
  layout: DicomLayout,
  pixelSize: PixelSize | null,
): FrameSource {
  const { rows, columns, samples, photometric } = layout;
  const image = (
    shown: PixelArray,
    channels: 1 | 3 | 4,
    stretch: 'percentile' | 'none',
  ): FrameSource => ({
    kind: 'image',
    width: columns,
    height: rows,
    pixels: shown,
    channels,
    stretch,
    pixelSize,
  });
  if (photometric === 'PALETTE COLOR') {
    const coloured = applyPalette(pixels, values);
    if (coloured !== null) return image(coloured, 3, 'none');
  }
  if (samples >= 3) {
    const eightBits = toEightBits(pixels, layout.bitsStored);
    const colours = photometric.startsWith('YBR') ? toRgb(eightBits) : eightBits;
    return image(colours, samples === 3 ? 3 : 4, 'none');
  }
  const shown = photometric === 'MONOCHROME1' ? negative(pixels) : pixels;
  return image(shown, 1, 'percentile');
}

/** White where it was black; percentiles follow the values, so plain negation will do. */
function negative(values: PixelArray): Float64Array {
  return Float64Array.from({ length: values.length }, (_, at) => -Number(values[at] ?? 0));
}

function toEightBits(values: PixelArray, bitsStored: number): Uint8Array {
  if (values instanceof Uint8Array) return values;
  const shift = Math.max(0, bitsStored - 8);
  return Uint8Array.from(
    { length: values.length },
    (_, at) => Math.max(0, Number(values[at] ?? 0)) / 2 ** shift,
  );
}

/** ITU-R BT.601 over the full range, as PS3.3 C.7.6.3.1.2 says. */
function toRgb(values: Uint8Array): Uint8Array {
  const colours = new Uint8ClampedArray(values.length);
  for (let at = 0; at + 2 < values.length; at += 3) {
    const light = values[at] ?? 0;
    const blue = (values[at + 1] ?? 0) - 128;
    const red = (values[at + 2] ?? 0) - 128;
    colours[at] = light + 1.402 * red;
    colours[at + 1] = light - 0.344136 * blue - 0.714136 * red;
    colours[at + 2] = light + 1.772 * blue;
  }
  return new Uint8Array(colours.buffer);
}

/** Descriptor: number of entries (0: 65536), first value that is mapped, bits of an entry (8 or 16). */
function applyPalette(values: PixelArray, attributes: DicomValues): Uint8Array | null {
  const tables = PALETTE_DESCRIPTORS.map((descriptor, colour) => {
    const [count = 0, first = 0, bits = 16] = attributes.numbers(descriptor);
    const bytes = attributes.bytes(PALETTE_DATA[colour] ?? '', MAX_PALETTE_BYTES);
    const isWide = bytes.length >= (count === 0 ? 65_536 : count) * 2;
    return {
      first,
      entry: (at: number) => (isWide ? bytes[at * 2 + (bits > 8 ? 1 : 0)] : bytes[at]),
      bytes,
    };
  });
  if (tables.some(({ bytes }) => bytes.length === 0)) return null;
  const colours = new Uint8Array(values.length * 3);
  for (let pixel = 0; pixel < values.length; pixel += 1) {
    for (const [colour, { first, entry }] of tables.entries()) {
      colours[pixel * 3 + colour] = entry(Math.max(0, Number(values[pixel] ?? 0) - first)) ?? 0;
    }
  }
  return colours;
}
