import { CHEMICAL_ELEMENTS } from '../../../domain/chemical-elements.js';
import { AppError } from '../../../errors.js';
import type { ExtractContext, ExtractedFile, FileHead, FileSource } from '../../extractor.js';
import { MetadataBuilder } from '../../harmonise.js';
import { BinaryHeader, type HeaderField } from '../binary/binary-header.js';
import { NUMERIC_TYPES, readNumbers } from '../binary/numeric-type.js';
import { serialDateTime } from '../binary/serial-date.js';
import { energySpectrum } from '../binary/spectrum-sums.js';
import { jeolMode } from './jeol-image.js';

/** Fields of a spectrum (.EDS), as worked out by the HyperSpy project. */
const FIELDS: readonly HeaderField[] = [
  ['filedate', 'f8', 10],
  ['sp_name', 'text', 18, 80],
  ['username', 'text', 98, 32],
  ['Esc', 'f8', 226],
  ['Fano F', 'f8', 234],
  ['E Noise', 'f8', 242],
  ['CH Res', 'f8', 250],
  ['live time', 'f8', 258],
  ['real time', 'f8', 266],
  ['DeadTime', 'f8', 274],
  ['CountRate', 'f8', 282],
  ['CoefA', 'f8', 362],
  ['CoefB', 'f8', 370],
  ['State', 'text', 378, 32],
  ['Tpl', 'text', 422, 32],
  ['NumCH', 'i4', 454],
];
const HEADER_BYTES = 458;
const MAX_CHANNELS = 65_536;
/** Fields of the parameters behind the lists of elements. */
const PARAMETERS: readonly HeaderField[] = [
  ['DetT', 'text', 0, 16],
  ['SEM', 'text', 16, 16],
  ['Port', 'text', 32, 16],
  ['AccKV', 'f8', 48],
  ['AccNA', 'f8', 56],
  ['MnKaRES', 'f8', 102],
  ['WorkD', 'f8', 110],
  ['InsD', 'f8', 118],
  ['XtiltAng', 'f8', 126],
  ['TakeAng', 'f8', 134],
  ['IncAng', 'f8', 142],
  ['ScanSize', 'f8', 154],
  ['DetH', 'f8', 172],
  ['DirAng', 'f8', 180],
  ['XtalAng', 'f8', 188],
  ['ElevAng', 'f8', 196],
  ['ValidSize', 'f8', 204],
];
const PARAMETER_BYTES = 212;
const PARAMETER_MARK = 5;
const MAX_FOOTER_BYTES = 1024 * 1024;
const MAX_LISTED = 128;
const ELEMENT_BYTES = 100;
const LINE_BYTES = 14;
const RESULT_BYTES = 126;
const RESULT_HEADER_BYTES = 28;

/** Whether a file is a spectrum: it has no mark of its own but its name, a version, and a length that fits. */
export function isJeolSpectrum({ bytes, extension, sizeBytes }: FileHead): boolean {
  if (extension !== '.eds' || bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== 2) {
    return false;
  }
  const channels = bytes.readInt32LE(454);
  return channels > 0 && channels <= MAX_CHANNELS && sizeBytes >= HEADER_BYTES + 4 * channels;
}

/** Reads a spectrum. @throws AppError FORMAT_INVALID when its channels are missing. */
export function readJeolSpectrum(
  file: FileSource,
  { timezone, previews }: ExtractContext,
): ExtractedFile {
  const header = new BinaryHeader(file.read(0, HEADER_BYTES), FIELDS);
  const channels = header.number('NumCH');
  const end = HEADER_BYTES + 4 * channels;
  if (!(channels > 0 && channels <= MAX_CHANNELS && end <= file.sizeBytes)) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} has no room for ${channels} channels.`, {
      details: { channels, sizeBytes: file.sizeBytes },
    });
  }
  const footer = readFooter(file.readUpTo(end, MAX_FOOTER_BYTES));
  const warnings =
    footer.parameters === null ? ['The settings behind the spectrum cannot be read.'] : [];
  const time = serialDateTime(header.number('filedate'), timezone);
  if (typeof time?.warning === 'string') warnings.push(time.warning);
  const scale = header.number('CoefA');
  const isCalibrated = scale > 0 && Number.isFinite(scale);
  const axis = isCalibrated
    ? { scale, origin: header.number('CoefB'), unit: 'keV' }
    : { scale: 1, origin: 0, unit: '' };
  const title = header.text('sp_name') === '' ? null : header.text('sp_name');
  return {
    format: 'JEOL spectrum',
    signals: [
      {
        title,
        type: 'Spectrum',
        role: 'Experimental',
        metadata: metadataOf(header, footer)
          .text('Acquisition Time', time?.iso)
          .text('Title', title)
          .number('Energy Dispersion', isCalibrated ? axis.scale : null, 'keV')
          .number('Energy Offset', isCalibrated ? axis.origin : null, 'keV')
          .build(),
        shape: [channels],
        calibration: [axis],
        dtype: 'int32',
        acquiredMs: time?.epochMs ?? null,
        previewOf: previews
          ? () => {
              const place = { type: NUMERIC_TYPES.int32, offset: HEADER_BYTES, count: channels };
              return energySpectrum(readNumbers(file, place), axis);
            }
          : null,
      },
    ],
    warnings,
    tags: {
      Header: header.toJson(),
      Elements: footer.elements,
      ...(footer.parameters === null ? {} : { Parameters: footer.parameters.toJson() }),
    },
  };
}

interface Footer {
  readonly elements: readonly string[];
  readonly parameters: BinaryHeader | null;
}

/** Elements left out, elements selected with their lines, results of a quantification, then the parameters. */
function readFooter(bytes: Buffer): Footer {
  let at = 4;
  const count = (): number => {
    const value = at + 4 <= bytes.length ? bytes.readInt32LE(at) : -1;
    at += 4;
    return value >= 0 && value <= MAX_LISTED ? value : NaN;
  };
  const elements: string[] = [];
  const excluded = count();
  at += excluded * 2;
  const selected = count();
  for (let index = 0; index < selected; index += 1) {
    const number = at + ELEMENT_BYTES <= bytes.length ? bytes.readUInt16LE(at + 4) : 0;
    const symbol = CHEMICAL_ELEMENTS[number - 1];
    if (symbol !== undefined) elements.push(symbol);
    at += ELEMENT_BYTES;
    const lines = count();
    for (let line = 0; line < lines; line += 1) at = afterLine(bytes, at);
    if (!Number.isFinite(lines)) return { elements, parameters: null };
  }
  const results = count();
  if (results > 0) at += RESULT_HEADER_BYTES + results * RESULT_BYTES;
  const isMarked =
    at + 4 + PARAMETER_BYTES <= bytes.length && bytes.readInt32LE(at) === PARAMETER_MARK;
  return {
    elements,
    parameters: isMarked ? new BinaryHeader(bytes.subarray(at + 4), PARAMETERS) : null,
  };
}

/** A line: mark, energy, atomic number, name of the element and of the line with their lengths before them, flag. */
function afterLine(bytes: Buffer, start: number): number {
  let at = start + LINE_BYTES;
  for (let name = 0; name < 2; name += 1) {
    at += 1 + (at < bytes.length ? bytes.readUInt8(at) : 0);
  }
  return at + 4;
}

function metadataOf(header: BinaryHeader, { elements, parameters }: Footer): MetadataBuilder {
  const set = (source: BinaryHeader | null, name: string): number | null => {
    const value = source?.number(name) ?? NaN;
    return value > 0 ? Number(value.toPrecision(7)) : null;
  };
  const voltage = set(parameters, 'AccKV');
  return new MetadataBuilder()
    .text('Data Type', `${jeolMode(voltage)}_EDS`)
    .text('Signal', 'EDS')
    .text('Operator', header.text('username'))
    .text('Elements', elements.join(', '))
    .text('Microscope', parameters?.text('SEM'))
    .text('Detector Name', parameters?.text('DetT'))
    .number('Acceleration Voltage', voltage, 'kV')
    .number('Azimuthal Angle', set(parameters, 'DirAng'), '°')
    .number('Elevation Angle', set(parameters, 'ElevAng'), '°')
    .number('Detector Resolution', set(parameters, 'MnKaRES'), 'eV')
    .number('Live Time', set(header, 'live time'), 's')
    .number('Real Time', set(header, 'real time'), 's')
    .number('Dead Time', set(header, 'DeadTime'), '%')
    .number('Count Rate', set(header, 'CountRate'));
}
