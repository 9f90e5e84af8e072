import { AppError } from '../../errors.js';
import type { ExtractedFile, Extractor, FileSource, PixelArray } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { BinaryHeader, tidyFloat32, type HeaderField } from './binary/binary-header.js';
import { imageStack } from './binary/image-stack.js';
import { NUMERIC_TYPES, readNumbers, type NumericType } from './binary/numeric-type.js';
import { unixTime } from './binary/serial-date.js';

/** Fields of the header of the first file (TVIPS, recorder of EMMENU and EMPLIFIED, as the HyperSpy project names them). */
const FIELDS: readonly HeaderField[] = [
  ['size', 'u4', 0],
  ['version', 'u4', 4],
  ['dimx', 'u4', 8],
  ['dimy', 'u4', 12],
  ['bitsperpixel', 'u4', 16],
  ['offsetx', 'u4', 20],
  ['offsety', 'u4', 24],
  ['binx', 'u4', 28],
  ['biny', 'u4', 32],
  ['pixelsize', 'u4', 36],
  ['ht', 'u4', 40],
  ['magtotal', 'u4', 44],
  ['frameheaderbytes', 'u4', 48],
];
/** Fields before each frame; version 1 has the first three only. */
const FRAME_FIELDS: readonly HeaderField[] = [
  ['num', 'u4', 0],
  ['timestamp', 'u4', 4],
  ['ms', 'u4', 8],
  ['fcurrent', 'f4', 16],
  ['mag', 'u4', 20],
  ['mode', 'u4', 24],
  ['stagex', 'f4', 28],
  ['stagey', 'f4', 32],
  ['stagez', 'f4', 36],
  ['stagea', 'f4', 40],
  ['stageb', 'f4', 44],
  ['rotidx', 'u4', 48],
  ['temperature', 'f4', 52],
  ['objective', 'f4', 56],
];
const HEADER_BYTES = 52;
const FIRST_VERSION_FRAME_BYTES = 12;
const FRAME_BYTES = 60;
const MAX_HEADER_BYTES = 65_536;
const MAX_SIDE = 65_536;
const DIFFRACTION = 2;
/** Parts of one recording after the first: name_001.tvips... */
const MOST_PARTS = 199;

/** Streams of TVIPS cameras: movies, or diffraction patterns of a scan. */
export const tvipsStreamExtractor: Extractor = {
  id: 'tvips-stream',
  version: 2,
  extensions: ['.tvips'],
  promisedFormat: 'a TVIPS stream',
  companions: [
    {
      main: '(.+)_000\\.tvips',
      companions: Array.from(
        { length: MOST_PARTS },
        (_, index) => `$1_${partNumber(index + 1)}.tvips`,
      ),
    },
  ],

  sniff: ({ bytes, extension, sizeBytes }) =>
    extension === '.tvips' && bytes.length >= HEADER_BYTES && layoutOf(bytes, sizeBytes) !== null,

  extract(file, context): ExtractedFile {
    const layout = layoutOf(file.read(0, HEADER_BYTES), file.sizeBytes);
    if (layout === null) {
      throw new AppError('FORMAT_INVALID', `${file.fileName} is no first part of a TVIPS stream.`);
    }
    const { header, type, width, height } = layout;
    const first = frameHeader(file, layout, 0);
    const parts = partsOf(file, layout);
    const frames = parts.reduce((sum, part) => sum + part.frames, 0);
    const isDiffraction = first.number('mode') === DIFFRACTION;
    const time = unixTime(secondsOf(first), context.timezone);
    const step = layout.frames > 1 ? secondsOf(frameHeader(file, layout, 1)) - secondsOf(first) : 0;
    const unit = isDiffraction ? '1/nm' : first.number('mode') === 1 ? 'nm' : '';
    const scale = unit === '' ? 1 : header.number('pixelsize');
    const axis = (name: string): { scale: number; origin: number; unit: string } => ({
      ...{ scale: scale > 0 ? scale : 1, unit: scale > 0 ? unit : '' },
      origin: header.number(name),
    });
    const between = step > 0 ? { scale: step, unit: 's' } : { scale: 1, unit: '' };
    const calibration = [{ ...between, origin: 0 }, axis('offsety'), axis('offsetx')];
    return {
      format: 'TVIPS stream',
      signals: [
        {
          title: null,
          type: isDiffraction ? 'Diffraction' : 'Image',
          role: 'Experimental',
          metadata: metadataOf(header, first, frames)
            .text('Acquisition Time', time?.iso)
            .text('Data Type', isDiffraction ? 'TEM_Diffraction' : 'TEM_Imaging')
            .build(),
          shape: [frames, height, width],
          calibration,
          dtype: type.dtype,
          acquiredMs: time?.epochMs ?? null,
          previewOf: context.previews
            ? () =>
                imageStack(frames, layout.recordBytes, (frame) => ({
                  kind: 'image',
                  ...{ width, height, channels: 1, stretch: isDiffraction ? 'log' : 'percentile' },
                  pixels: framePixels(layout, parts, frame),
                  pixelSize: unit === '' || scale <= 0 ? null : { size: scale, unit },
                }))
            : null,
        },
      ],
      warnings: [],
      tags: { tvips_header: header.toJson(), first_frame: first.toJson() },
    };
  },
};

interface StreamLayout {
  readonly header: BinaryHeader;
  readonly type: NumericType;
  readonly width: number;
  readonly height: number;
  /** Byte of the first frame's header. */
  readonly start: number;
  readonly frameHeaderBytes: number;
  /** Bytes of a frame with its header. */
  readonly recordBytes: number;
  /** Whole frames in this part. */
  readonly frames: number;
}

function layoutOf(bytes: Buffer, sizeBytes: number): StreamLayout | null {
  const header = new BinaryHeader(bytes, FIELDS);
  const [width, height] = [header.number('dimx'), header.number('dimy')];
  const start = header.number('size');
  const version = header.number('version');
  const bits = header.number('bitsperpixel');
  const frameHeaderBytes =
    version === 1 ? FIRST_VERSION_FRAME_BYTES : header.number('frameheaderbytes');
  if (
    (version !== 1 && (version !== 2 || frameHeaderBytes < FRAME_BYTES)) ||
    !(width > 0 && width <= MAX_SIDE && height > 0 && height <= MAX_SIDE) ||
    !(start >= HEADER_BYTES && start <= MAX_HEADER_BYTES && frameHeaderBytes <= MAX_HEADER_BYTES) ||
    (bits !== 8 && bits !== 16)
  ) {
    return null;
  }
  const type = bits === 8 ? NUMERIC_TYPES.uint8 : NUMERIC_TYPES.uint16;
  const recordBytes = frameHeaderBytes + width * height * type.bytes;
  const frames = Math.floor((sizeBytes - start) / recordBytes);
  if (frames < 1) return null;
  return { header, type, width, height, start, frameHeaderBytes, recordBytes, frames };
}

function frameHeader(file: FileSource, layout: StreamLayout, index: number): BinaryHeader {
  const at = layout.start + index * layout.recordBytes;
  const length = Math.min(FRAME_BYTES, layout.frameHeaderBytes);
  return new BinaryHeader(file.read(at, length), FRAME_FIELDS);
}

function secondsOf(frame: BinaryHeader): number {
  return frame.number('timestamp') + frame.number('ms') / 1000;
}

/** One file of a recording. */
interface StreamPart {
  readonly file: FileSource;
  /** Byte of its first frame's header. */
  readonly start: number;
  /** Whole frames in it. */
  readonly frames: number;
}

/** The files of a recording: parts beside the first have no header of their own. */
function partsOf(file: FileSource, { start, frames, recordBytes }: StreamLayout): StreamPart[] {
  const stem = /^(.+)_000\.[^.]+$/.exec(file.fileName)?.[1];
  const parts: StreamPart[] = [{ file, start, frames }];
  for (let part = 1; stem !== undefined && part <= MOST_PARTS; part += 1) {
    const beside = file.sibling(`${stem}_${partNumber(part)}.tvips`);
    if (beside === null) break;
    const whole = Math.floor(beside.sizeBytes / recordBytes);
    parts.push({ file: beside, start: 0, frames: whole });
  }
  return parts;
}

/** The pixels of a frame, counted through all parts. */
function framePixels(
  { type, width, height, frameHeaderBytes, recordBytes }: StreamLayout,
  parts: readonly StreamPart[],
  frame: number,
): PixelArray {
  let within = frame;
  for (const { file, start, frames } of parts) {
    if (within < frames) {
      const offset = start + within * recordBytes + frameHeaderBytes;
      return readNumbers(file, { type, offset, count: width * height });
    }
    within -= frames;
  }
  throw new AppError('FORMAT_INVALID', `The stream has no frame ${frame + 1}.`);
}

function partNumber(part: number): string {
  return String(part).padStart(3, '0');
}

function metadataOf(header: BinaryHeader, frame: BinaryHeader, frames: number): MetadataBuilder {
  const isDiffraction = frame.number('mode') === DIFFRACTION;
  const total = header.number('magtotal');
  const voltage = header.number('ht');
  const position = (name: string): number => tidyFloat32(frame.number(name));
  return (
    new MetadataBuilder()
      .number('Frame Count', frames)
      .number('Binning X', header.number('binx'))
      .number('Binning Y', header.number('biny'))
      // Some versions write kV, others V.
      .number('Acceleration Voltage', voltage > 0 ? voltage : null, voltage >= 1000 ? 'V' : 'kV')
      .number('Camera Length', isDiffraction && total > 0 ? total : null, 'mm')
      .number('Magnification', !isDiffraction && total > 0 ? total : null)
      .number('Stage Alpha', position('stagea'), '°')
      .number('Stage Beta', position('stageb'), '°')
  );
}
