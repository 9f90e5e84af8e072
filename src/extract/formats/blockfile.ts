import type { AxisCalibration } from '../../domain/file-metadata.js';
import { AppError } from '../../errors.js';
import type { ExtractedFile, Extractor, FileSource, PreviewSource } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { BinaryHeader, type HeaderField } from './binary/binary-header.js';
import { serialDateTime } from './binary/serial-date.js';
import { decodeText } from './tiff/tiff-directory.js';

/** Fields of the header (NanoMEGAS ASTAR, as worked out by the HyperSpy project). */
const FIELDS: readonly HeaderField[] = [
  ['ID', 'text', 0, 6],
  ['MAGIC', 'u2', 6],
  ['Data_offset_1', 'u4', 8],
  ['Data_offset_2', 'u4', 12],
  ['UNKNOWN1', 'u4', 16],
  ['DP_SZ', 'u2', 20],
  ['DP_rotation', 'u2', 22],
  ['NX', 'u2', 24],
  ['NY', 'u2', 26],
  ['Scan_rotation', 'u2', 28],
  ['SX', 'f8', 30],
  ['SY', 'f8', 38],
  ['Beam_energy', 'u4', 46],
  ['SDP', 'u2', 50],
  ['Camera_length', 'u4', 52],
  ['Acquisition_time', 'f8', 56],
  ['Centering', 'f8', 64, 8],
  ['Distortion', 'f8', 128, 14],
];
const HEADER_BYTES = 240;
const MAX_NOTE_BYTES = 65_536;
/** Before each pattern: a mark of two bytes and its number. */
const PATTERN_HEADER_BYTES = 6;

/** A scan of diffraction patterns. */
interface Blockfile {
  readonly header: BinaryHeader;
  /** Lines and positions a line. */
  readonly lines: number;
  readonly columns: number;
  /** Side of a pattern, pixels. */
  readonly side: number;
  /** Byte of the virtual bright field image, and of the first pattern. */
  readonly imageOffset: number;
  readonly patternOffset: number;
  readonly note: string;
}

/** Blockfiles of ASTAR (NanoMEGAS): diffraction patterns at the positions of a scan, 8 bits a pixel. */
export const blockfileExtractor: Extractor = {
  id: 'blockfile',
  version: 1,
  extensions: ['.blo'],
  promisedFormat: 'a blockfile',

  sniff: ({ bytes }) => bytes.length >= HEADER_BYTES && bytes.toString('latin1', 0, 6) === 'IMGBLO',

  extract(file, context): ExtractedFile {
    const block = readBlockfile(file);
    const { header, lines, columns, side, patternOffset } = block;
    const warnings: string[] = [];
    const there = Math.floor(
      (file.sizeBytes - patternOffset) / (side * side + PATTERN_HEADER_BYTES),
    );
    if (there < lines * columns) {
      warnings.push(`The file ends after ${Math.max(0, there)} of ${lines * columns} patterns.`);
    }
    const time = serialDateTime(header.number('Acquisition_time'), context.timezone);
    if (typeof time?.warning === 'string') warnings.push(time.warning);
    const axes = axesOf(block).filter(({ length }) => length > 1);
    return {
      format: 'ASTAR blockfile',
      signals: [
        {
          title: null,
          type: 'Diffraction',
          role: 'Experimental',
          metadata: metadataOf(block).text('Acquisition Time', time?.iso).build(),
          shape: axes.map(({ length }) => length),
          calibration: axes.map(({ axis }) => axis),
          dtype: 'uint8',
          acquiredMs: time?.epochMs ?? null,
          previewOf: context.previews ? () => previewOf(file, block, there) : null,
        },
      ],
      warnings,
      tags: {
        blockfile_header: header.toJson(),
        ...(block.note === '' ? {} : { Note: block.note }),
      },
    };
  },
};

function readBlockfile(file: FileSource): Blockfile {
  const header = new BinaryHeader(file.read(0, HEADER_BYTES), FIELDS);
  const [columns, lines, side] = [header.number('NX'), header.number('NY'), header.number('DP_SZ')];
  const imageOffset = header.number('Data_offset_1');
  const patternOffset = header.number('Data_offset_2');
  if (!(columns > 0 && lines > 0 && side > 0) || patternOffset > file.sizeBytes) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} is an empty or broken blockfile.`, {
      details: { columns, lines, side, patternOffset },
    });
  }
  const noteBytes = Math.max(0, Math.min(imageOffset - HEADER_BYTES, MAX_NOTE_BYTES));
  const note = decodeText(file.readUpTo(HEADER_BYTES, noteBytes)).replaceAll('\0', '').trim();
  return { header, lines, columns, side, imageOffset, patternOffset, note };
}

/** Steps of the scan are in nm, pixels of the patterns in hundredths of pixels a cm. */
function axesOf({
  header,
  lines,
  columns,
  side,
}: Blockfile): { length: number; axis: AxisCalibration }[] {
  const axis = (scale: number, unit: string): AxisCalibration =>
    scale > 0 && Number.isFinite(scale)
      ? { scale, origin: 0, unit }
      : { scale: 1, origin: 0, unit: '' };
  const pixel = axis(100 / header.number('SDP'), 'cm');
  return [
    { length: lines, axis: axis(header.number('SY'), 'nm') },
    { length: columns, axis: axis(header.number('SX'), 'nm') },
    { length: side, axis: pixel },
    { length: side, axis: pixel },
  ];
}

function metadataOf({ header, lines, columns, side, note }: Blockfile): MetadataBuilder {
  const set = (name: string): number | null =>
    header.number(name) > 0 ? header.number(name) : null;
  const rotation = set('Scan_rotation');
  const cameraLength = set('Camera_length');
  return new MetadataBuilder()
    .text('Data Type', 'STEM_Diffraction')
    .text('Data Dimensions', [lines, columns, side, side].join(' × '))
    .text('User Text', note)
    .number('Acceleration Voltage', set('Beam_energy'), 'V')
    .number('Camera Length', cameraLength === null ? null : cameraLength / 10, 'mm')
    .number('Scan Rotation', rotation === null ? null : rotation / 100, '°')
    .number('Pixel Width', set('SX'), 'nm')
    .number('Pixel Height', set('SY'), 'nm');
}

/** The virtual bright field image that the file holds; the first pattern where that is empty or of one line only. */
function previewOf(file: FileSource, block: Blockfile, patterns: number): PreviewSource | null {
  const { lines, columns, side, imageOffset, patternOffset } = block;
  const field = file.readUpTo(imageOffset, lines * columns);
  const isShown =
    lines > 1 &&
    columns > 1 &&
    field.length === lines * columns &&
    field.some((value) => value !== field[0]);
  const [, step] = axesOf(block);
  if (isShown) {
    return {
      kind: 'image',
      ...{ width: columns, height: lines, pixels: field, channels: 1, stretch: 'percentile' },
      pixelSize:
        step === undefined || step.axis.unit === ''
          ? null
          : { size: step.axis.scale, unit: step.axis.unit },
    };
  }
  if (patterns < 1) return null;
  const pixels = file.read(patternOffset + PATTERN_HEADER_BYTES, side * side);
  return {
    kind: 'image',
    ...{ width: side, height: side, pixels, channels: 1, stretch: 'log', pixelSize: null },
  };
}
