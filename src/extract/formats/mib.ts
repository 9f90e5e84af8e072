import { AppError } from '../../errors.js';
import type { ExtractedFile, Extractor, FileSource, PreviewSource } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { imageStack } from './binary/image-stack.js';
import { readNumbers, type NumericType } from './binary/numeric-type.js';
import {
  mibTime,
  parseMibHeader,
  readMibSidecar,
  sidecarTime,
  type MibHeader,
} from './mib/mib-header.js';

const HEAD_BYTES = 65_536;
/** Bits of a pixel in raw mode to the bytes that it takes. */
const RAW_BYTES: ReadonlyMap<number, number> = new Map([
  [1, 1 / 8],
  [6, 1],
  [12, 2],
  [24, 4],
]);

/** Merlin detectors (Quantum Detectors, Medipix 3): frames of counts (.mib) with the settings beside them (.hdr). */
export const mibExtractor: Extractor = {
  id: 'mib',
  version: 2,
  extensions: ['.mib'],
  promisedFormat: 'a Merlin file',
  companions: [{ main: '(.+)\\.mib', companions: ['$1.hdr'] }],

  sniff: ({ bytes }) => parseMibHeader(bytes) !== null,

  extract(file, context): ExtractedFile {
    const header = parseMibHeader(file.readUpTo(0, HEAD_BYTES));
    if (header === null) {
      throw new AppError('FORMAT_INVALID', `${file.fileName} does not begin with a Merlin header.`);
    }
    const settings = readMibSidecar(file);
    const warnings: string[] = [];
    const frames = framesOf(file, header, settings);
    if (frames === 0) warnings.push('The file ends within its first frame.');
    const time =
      mibTime(header, context.timezone) ?? sidecarTime(settings ?? new Map(), context.timezone);
    if (typeof time?.warning === 'string') warnings.push(time.warning);
    const { type, width, height } = header;
    if (type === null) warnings.push('The pixels are raw (R64) and cannot be shown.');
    const positions = positionsOf(frames, settings);
    const shape = [...positions, height, width];
    return {
      format: 'Merlin (Quantum Detectors)',
      signals: [
        {
          title: null,
          type: positions.length > 1 ? 'Diffraction' : 'Image',
          role: 'Experimental',
          metadata: metadataOf(header, settings)
            .text('Acquisition Time', time?.iso)
            .text('Data Dimensions', shape.join(' × '))
            .number('Frame Count', frames)
            .build(),
          shape,
          calibration: [],
          dtype: type?.dtype ?? null,
          acquiredMs: time?.epochMs ?? null,
          previewOf:
            context.previews && type !== null && frames > 0
              ? // Of a scan the first pattern.
                () => previewOf(file, header, type, positions.length > 1 ? 1 : frames)
              : null,
        },
      ],
      warnings,
      tags: {
        frame_header: header.fields,
        ...(settings === null ? {} : { hdr: Object.fromEntries(settings) }),
      },
    };
  },
};

/** The frames, each behind a header as long as the first one's. */
function previewOf(
  file: FileSource,
  { width, height, headerBytes }: MibHeader,
  type: NumericType,
  frames: number,
): PreviewSource {
  const count = width * height;
  const frameBytes = headerBytes + count * type.bytes;
  return imageStack(frames, frameBytes, (frame) => ({
    kind: 'image',
    ...{ width, height, channels: 1, stretch: 'log', pixelSize: null },
    // Unlike the header of most formats, the counts are big-endian.
    pixels: readNumbers(file, {
      ...{ type, offset: frame * frameBytes + headerBytes, count, littleEndian: false },
    }),
  }));
}

/** Whole frames in the file; in raw mode the settings tell how many bits a pixel takes. */
function framesOf(
  file: FileSource,
  { type, width, height, headerBytes }: MibHeader,
  settings: ReadonlyMap<string, string> | null,
): number {
  const raw = RAW_BYTES.get(Number(settings?.get('Counter Depth (number)') ?? 12)) ?? 2;
  const pixelBytes = type?.bytes ?? raw;
  return Math.floor(file.sizeBytes / (headerBytes + width * height * pixelBytes));
}

/** Frames as one axis; as lines and columns where the settings say how many frames a trigger made a line. */
function positionsOf(frames: number, settings: ReadonlyMap<string, string> | null): number[] {
  if (frames <= 1) return [];
  const perTrigger = Number(settings?.get('Frames per Trigger (Number)') ?? 0);
  const isScan =
    Number.isInteger(perTrigger) &&
    perTrigger > 1 &&
    perTrigger < frames &&
    frames % perTrigger === 0;
  return isScan ? [frames / perTrigger, perTrigger] : [frames];
}

function metadataOf(
  { exposureSeconds, thresholds, layout, chips }: MibHeader,
  settings: ReadonlyMap<string, string> | null,
): MetadataBuilder {
  const detector = settings?.get('Chip ID') ?? settings?.get('Assembly Size (NX1, 2X2)');
  const threshold = thresholds[0] ?? null;
  return new MetadataBuilder()
    .text('Acquisition Device', `Merlin, ${chips} chip${chips === 1 ? '' : 's'} ${layout}`)
    .text('Detector Name', detector)
    .number('Exposure Time', exposureSeconds, 's')
    .number('Threshold Energy', threshold !== null && threshold > 0 ? threshold : null, 'keV');
}
