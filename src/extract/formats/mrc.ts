import type { AxisCalibration } from '../../domain/file-metadata.js';
import type { ExtractedFile, Extractor, FileSource, FrameSource } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { tidyFloat32 } from './binary/binary-header.js';
import { imageStack } from './binary/image-stack.js';
import { readNumbers } from './binary/numeric-type.js';
import {
  addDirectElectronMetadata,
  readDirectElectronInfo,
  type DirectElectronInfo,
} from './mrc/mrc-direct-electron.js';
import { readMrcFeiHeader, type MrcFeiHeader } from './mrc/mrc-fei.js';
import { isMrc, MRC_HEADER_BYTES, readMrcHeader, type MrcFile } from './mrc/mrc-header.js';

/** Some of the keys that an info file of Direct Electron begins with. */
const INFO_KEYS = '(?:Camera|Frames|Hardware|Image|Instrument|Scan|Sensor)[^=\\n]{0,60}= ';

/** MRC (MRC2014 and older): images, stacks, movies and volumes, with the headers of FEI and Direct Electron. */
export const mrcExtractor: Extractor = {
  id: 'mrc',
  version: 3,
  extensions: ['.mrc', '.mrcs', '.st', '.ali', '.preali', '.rec'],
  companions: [
    { main: '(.+)\\.mrcs?', companions: ['$1_info.txt'], holds: INFO_KEYS },
    { main: '(.+)_[^_]+\\.mrcs?', companions: ['$1_info.txt'], holds: INFO_KEYS },
  ],

  sniff: isMrc,

  extract(file, context): ExtractedFile {
    const mrc = readMrcHeader(file);
    const fei = readMrcFeiHeader(file, mrc, context.timezone);
    const info = readDirectElectronInfo(file, context.timezone);
    const warnings: string[] = [];
    const stated = mrc.header.number('nz');
    if (mrc.frames < stated) {
      warnings.push(`The file ends after ${mrc.frames} of ${stated} images.`);
    }
    const time = fei?.time ?? info?.time ?? null;
    if (typeof time?.warning === 'string') warnings.push(time.warning);
    const { shape, calibration, isDiffraction } = arrayOf(mrc, fei, info);
    const metadata = new MetadataBuilder().text('Data Dimensions', shape.join(' × '));
    fei?.addTo(metadata);
    if (info !== null) addDirectElectronMetadata(metadata, info);
    const isScanning = fei?.isScanning === true || (info !== null && info.scan !== null);
    metadata.text(
      'Data Type',
      `${isScanning ? 'STEM' : 'TEM'}_${isDiffraction ? 'Diffraction' : 'Imaging'}`,
    );
    const [y, x] = calibration.slice(-2);
    if (x?.unit === 'nm' && y?.unit === 'nm') {
      metadata.number('Pixel Width', rounded(x.scale), 'nm');
      metadata.number('Pixel Height', rounded(y.scale), 'nm');
    }
    return {
      format: 'MRC',
      signals: [
        {
          title: null,
          type: isDiffraction ? 'Diffraction' : 'Image',
          role: 'Experimental',
          metadata: metadata.build(),
          shape,
          calibration,
          dtype: mrc.type?.dtype ?? 'uint8',
          acquiredMs: time?.epochMs ?? null,
          previewOf: context.previews
            ? () =>
                // Of a scan the first pattern.
                imageStack(shape.length > 3 ? 1 : mrc.frames, mrc.frameBytes, (frame) =>
                  frameOf(file, mrc, frame, x, isDiffraction),
                )
            : null,
        },
      ],
      warnings,
      tags: {
        header: mrc.header.toJson(),
        labels: mrc.labels,
        ...(fei === null ? {} : { fei_header: fei.header.toJson() }),
        ...(info === null ? {} : { de_info: Object.fromEntries(info.values) }),
      },
    };
  },
};

interface MrcArray {
  readonly shape: readonly number[];
  readonly calibration: readonly AxisCalibration[];
  readonly isDiffraction: boolean;
}

/** Frames as one axis, or as the lines and columns of a scan where there are as many; a single frame has none. */
function arrayOf(
  mrc: MrcFile,
  fei: MrcFeiHeader | null,
  info: DirectElectronInfo | null,
): MrcArray {
  const scan = info?.scan ?? null;
  const image = imageAxes(mrc, fei, info);
  const isDiffraction =
    image.some(({ unit }) => unit === '1/nm') ||
    (info?.isDiffraction ?? fei?.isDiffraction ?? false);
  const size = [mrc.height, mrc.width];
  if (scan !== null && scan.x * scan.y === mrc.frames) {
    const step = (length: number | undefined): AxisCalibration =>
      length === undefined
        ? { scale: 1, origin: 0, unit: '' }
        : { scale: length, origin: 0, unit: 'nm' };
    return {
      shape: [scan.y, scan.x, ...size],
      calibration: [step(info?.scanStep?.y), step(info?.scanStep?.x), ...image],
      isDiffraction,
    };
  }
  if (mrc.frames === 1) return { shape: size, calibration: image, isDiffraction };
  return {
    shape: [mrc.frames, ...size],
    calibration: [frameAxis(mrc, fei, info), ...image],
    isDiffraction,
  };
}

/** Rows and columns, from the best of what is stated: FEI's header, the info file, the cell of the header. */
function imageAxes(
  mrc: MrcFile,
  fei: MrcFeiHeader | null,
  info: DirectElectronInfo | null,
): [AxisCalibration, AxisCalibration] {
  if (fei !== null && fei.pixelWidth !== null) {
    const height = fei.pixelHeight ?? fei.pixelWidth;
    return [metreAxis(height), metreAxis(fei.pixelWidth)];
  }
  if (info !== null && info.pixelSize !== null) {
    const { x, y, unit } = info.pixelSize;
    return [
      { scale: y, origin: 0, unit },
      { scale: x, origin: 0, unit },
    ];
  }
  return [cellAxis(mrc, 1), cellAxis(mrc, 0)];
}

/** No pixel is larger than a metre, no reciprocal one smaller than 1/m: the size tells which it is. */
function metreAxis(size: number): AxisCalibration {
  return size > 1
    ? { scale: size / 1e9, origin: 0, unit: '1/nm' }
    : { scale: size * 1e9, origin: 0, unit: 'nm' };
}

/** The cell's edge (Å) over its samples, in nm; Direct Electron writes negative lengths for "not known". */
function cellAxis({ header }: MrcFile, axis: 0 | 1 | 2): AxisCalibration {
  const samples = header.number(['mx', 'my', 'mz'][axis] ?? '');
  const scale = header.number('cella', axis) / samples / 10;
  const origin = header.number('origin', axis) / 10;
  if (!(samples > 0) || !(scale > 0) || !Number.isFinite(scale)) {
    return { scale: 1, origin: 0, unit: '' };
  }
  return { scale, origin: Number.isFinite(origin) ? origin : 0, unit: 'nm' };
}

/** Slices of a volume have a thickness, frames of a movie a time, images of a stack neither. */
function frameAxis(
  mrc: MrcFile,
  fei: MrcFeiHeader | null,
  info: DirectElectronInfo | null,
): AxisCalibration {
  if (info !== null && info.frameSeconds !== null) {
    return { scale: info.frameSeconds, origin: 0, unit: 's' };
  }
  // Space group 1 is a volume, 0 a stack of images.
  const isVolume = mrc.header.number('ispg') === 1 && fei === null && info === null;
  return isVolume ? cellAxis(mrc, 2) : { scale: 1, origin: 0, unit: '' };
}

function frameOf(
  file: FileSource,
  mrc: MrcFile,
  frame: number,
  axis: AxisCalibration | undefined,
  isDiffraction: boolean,
): FrameSource {
  const { type, width, height, littleEndian, extendedBytes } = mrc;
  const offset = MRC_HEADER_BYTES + extendedBytes + frame * mrc.frameBytes;
  return {
    kind: 'image',
    width,
    height,
    pixels:
      type === null
        ? unpack(file.read(offset, mrc.frameBytes), width, height)
        : readNumbers(file, { type, offset, count: width * height, littleEndian }),
    channels: 1,
    stretch: isDiffraction || type?.layout === 'complex' ? 'log' : 'percentile',
    pixelSize:
      axis === undefined || axis.unit === ''
        ? null
        : { size: tidyFloat32(axis.scale), unit: axis.unit },
  };
}

/** Two pixels a byte, the first in the lower half; rows begin at whole bytes. */
function unpack(bytes: Buffer, width: number, height: number): Uint8Array {
  const pixels = new Uint8Array(width * height);
  const rowBytes = Math.ceil(width / 2);
  for (let row = 0; row < height; row += 1) {
    for (let x = 0; x < width; x += 1) {
      const pair = bytes[row * rowBytes + (x >> 1)] ?? 0;
      pixels[row * width + x] = x % 2 === 0 ? pair & 0x0f : pair >> 4;
    }
  }
  return pixels;
}

/** Without the noise of 32-bit numbers. */
function rounded(value: number): number {
  return Number(value.toPrecision(7));
}
