import type { FileSource, PixelArray } from '../../extractor.js';
import { magnitudesOf, storedNumbers } from '../binary/numeric-type.js';
import type { DmImage, DmPixelFormat } from './dm-images.js';
import type { DmArray } from './dm-tree.js';

/** An image whose pixels are whole and of a known type. */
export interface DmReadableImage extends DmImage {
  readonly format: DmPixelFormat;
  readonly pixels: DmArray;
}

/** Whether the pixels can be read. */
export function isReadable(image: DmImage): image is DmReadableImage {
  return image.format !== null && image.pixels !== null;
}

/** Whether a preview can show the pixels: a packed transform must be a plane of even width, the older kind a square. */
export function canBeShown({ format, dimensions }: DmReadableImage): boolean {
  const [width = 0, height = 0] = dimensions;
  switch (format.layout) {
    case 'packed-half':
      return dimensions.length === 2 && width % 2 === 0;
    case 'packed-square':
      return dimensions.length === 2 && width % 2 === 0 && width === height;
    default:
      return true;
  }
}

/**
 * Numbers of real and complex pixels, as they lie in the file; of complex ones the magnitudes.
 * @param first Index of the first pixel.
 * @throws AppError FORMAT_INVALID, LIMIT_EXCEEDED, FILE_UNREADABLE as FileSource.read.
 */
export function readNumbers(
  file: FileSource,
  image: DmReadableImage,
  first: number,
  count: number,
): PixelArray {
  const { format, pixels } = image;
  const bytes = file.read(pixels.offset + first * format.bytes, count * format.bytes);
  const numbers = storedNumbers(bytes, format, image.littleEndian);
  return format.layout === 'complex' ? magnitudesOf(numbers) : numbers;
}

/** Red, green and blue of pixels that lie as B, G, R, A. */
export function readColours(
  file: FileSource,
  image: DmReadableImage,
  first: number,
  count: number,
): Uint8Array {
  const bytes = file.read(image.pixels.offset + first * 4, count * 4);
  const colours = new Uint8Array(count * 3);
  for (let pixel = 0; pixel < count; pixel += 1) {
    colours[3 * pixel] = bytes[4 * pixel + 2] ?? 0;
    colours[3 * pixel + 1] = bytes[4 * pixel + 1] ?? 0;
    colours[3 * pixel + 2] = bytes[4 * pixel] ?? 0;
  }
  return colours;
}

/**
 * Magnitudes of a Fourier transform of which one half is stored, the zero frequency in the middle. The half that is
 * missing is the stored one turned by 180 degrees, since the picture it was made from is real.
 */
export function readPackedMagnitudes(file: FileSource, image: DmReadableImage): PixelArray {
  const [width = 0, height = 0] = image.dimensions;
  return image.format.layout === 'packed-square'
    ? readPackedSquare(file, image, width, height)
    : readPackedHalf(file, image, width, height);
}

/** DataTypes 27 and 28: each row holds the frequencies 0 to width / 2. */
function readPackedHalf(
  file: FileSource,
  image: DmReadableImage,
  width: number,
  height: number,
): PixelArray {
  const centre = width / 2;
  const stored = centre + 1;
  const half = readComplexMagnitudes(file, image, stored * height);
  const full = new Float32Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const turned = (height - row) % height;
    for (let frequency = 0; frequency < stored; frequency += 1) {
      const value = Number(half[row * stored + frequency]);
      full[row * width + centre - frequency] = value;
      if (frequency > 0 && frequency < centre) full[turned * width + centre + frequency] = value;
    }
  }
  return full;
}

/**
 * DataType 5, square pictures of an even side only: rows of side / 2 complex numbers, the frequencies 0 upwards. The
 * first number of the upper rows holds what would not fit: the highest frequency of the rows below.
 */
function readPackedSquare(
  file: FileSource,
  image: DmReadableImage,
  width: number,
  height: number,
): PixelArray {
  const centre = width / 2;
  const bytes = file.read(image.pixels.offset, width * height * 4);
  const numbers = storedNumbers(bytes, image.format, image.littleEndian);
  const full = new Float32Array(width * height);
  const put = (row: number, column: number, value: number): void => {
    full[row * width + column] = value;
    full[((height - row) % height) * width + ((width - column) % width)] = value;
  };
  for (let row = 0; row < height; row += 1) {
    for (let frequency = 0; frequency < centre; frequency += 1) {
      const at = row * width + 2 * frequency;
      const [first, second] = [Number(numbers[at]), Number(numbers[at + 1])];
      if (frequency > 0) put(row, centre + frequency, Math.hypot(first, second));
      else if (row > centre) put(row, centre, Math.hypot(first, second));
      else if (row > 0 && row < centre) put(centre + row, 0, Math.hypot(first, second));
      else {
        // Four real numbers: at the zero and the highest frequencies.
        const column = row === 0 ? 0 : centre;
        put(centre, column, Math.abs(first));
        put(0, column, Math.abs(second));
      }
    }
  }
  return full;
}

function readComplexMagnitudes(
  file: FileSource,
  image: DmReadableImage,
  count: number,
): PixelArray {
  const bytes = file.read(image.pixels.offset, count * image.format.bytes);
  return magnitudesOf(storedNumbers(bytes, image.format, image.littleEndian));
}
