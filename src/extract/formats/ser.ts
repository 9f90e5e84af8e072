import type {
  ExtractContext,
  ExtractedFile,
  Extractor,
  FileSource,
  JsonValue,
} from '../extractor.js';
import type { FileTime } from '../file-time.js';
import { MetadataBuilder } from '../harmonise.js';
import { jsonNumber } from './binary/binary-header.js';
import { unixTime } from './binary/serial-date.js';
import { serArrayOf, type SerArray } from './ser/ser-axes.js';
import { isSer, readSerFile, type SerFile } from './ser/ser-file.js';
import { emiObjectFor, readEmiObjects, type EmiObject } from './ser/emi-objects.js';
import { addEmiMetadata, serKindOf, type SerKind } from './ser/ser-metadata.js';
import { serPreview } from './ser/ser-preview.js';
import { xmlAsJson } from './xml/xml-tree.js';

const MAX_WARNINGS = 20;

/** FEI TIA (Emispec): images, spectra and series of them (.ser), with the document that describes them (.emi). */
export const serExtractor: Extractor = {
  id: 'ser',
  version: 4,
  extensions: ['.ser'],
  promisedFormat: 'a TIA series file',
  companions: [{ main: '(.+)_\\d+\\.ser', companions: ['$1.emi'] }],

  sniff: ({ bytes }) => isSer(bytes),

  extract(file, context): ExtractedFile {
    const ser = readSerFile(file);
    const warnings: string[] = [];
    const time = unixTime((ser.valid > 0 ? ser.tag(0)?.time : null) ?? 0, context.timezone);
    const object = documentOf(file, ser, time, warnings);
    const kind = serKindOf(object);
    return {
      format: 'FEI TIA series',
      signals: [signalOf(file, ser, { context, time, object, kind, warnings })],
      warnings: warnings.slice(0, MAX_WARNINGS),
      tags: {
        ser_header: headerOf(ser),
        ...(object === null ? {} : { emi: xmlAsJson(object.xml) }),
      },
    };
  },
};

/** What is known of a series besides its arrays. */
interface Facts {
  readonly context: ExtractContext;
  readonly time: FileTime | null;
  readonly object: EmiObject | null;
  readonly kind: SerKind;
  readonly warnings: string[];
}

/** What the document beside the series says of it. */
function documentOf(
  file: FileSource,
  ser: SerFile,
  time: FileTime | null,
  warnings: string[],
): EmiObject | null {
  const [, stem, number] = /^(.+)_(\d+)\.[^.]*$/.exec(file.fileName) ?? [];
  if (stem === undefined) return null;
  const beside = file.sibling(`${stem}.emi`);
  if (beside === null) {
    warnings.push(
      `There is no ${stem}.emi beside the series: the microscope's settings are not known.`,
    );
    return null;
  }
  const objects = readEmiObjects(beside, (sentence) => warnings.push(sentence));
  const kind = ser.isSpectra ? 'spectra' : 'images';
  const object = emiObjectFor(objects, Number(number) - 1, kind, time?.epochMs ?? null);
  if (object === null) {
    warnings.push(
      `${stem}.emi does not describe this series: the microscope's settings are not known.`,
    );
  }
  return object;
}

function signalOf(
  file: FileSource,
  ser: SerFile,
  { context, time, object, kind, warnings }: Facts,
): ExtractedFile['signals'][number] {
  const metadata = new MetadataBuilder().text('Acquisition Time', time?.iso);
  if (object !== null) addEmiMetadata(metadata, object, kind, warnings);
  const acquiredMs = time?.epochMs ?? null;
  if (ser.valid === 0) {
    warnings.push(
      'The series holds no data: it was stopped, or its spectrum is in the .emi file alone.',
    );
    return {
      ...{ title: null, type: 'Unknown', role: 'Experimental', metadata: metadata.build() },
      ...{ shape: [], calibration: [], dtype: null, acquiredMs, previewOf: null },
    };
  }
  const first = ser.element(0);
  const array = serArrayOf(ser, first);
  if (ser.valid < ser.total) {
    warnings.push(`The series was stopped after ${ser.valid} of ${ser.total} elements.`);
  }
  const type = typeOf(ser, array);
  addArray(metadata, array, kind, type);
  return {
    title: null,
    type,
    role: 'Experimental',
    metadata: metadata.build(),
    shape: array.shape,
    calibration: array.calibration,
    dtype: first.type.dtype,
    acquiredMs,
    previewOf: context.previews ? () => serPreview(file, ser, first, array, kind.technique) : null,
  };
}

type SerType = 'Spectrum' | 'SpectrumImage' | 'Diffraction' | 'Image';

function typeOf(ser: SerFile, { positions, isDiffraction }: SerArray): SerType {
  if (!ser.isSpectra) return isDiffraction ? 'Diffraction' : 'Image';
  return positions.some((length) => length > 1) ? 'SpectrumImage' : 'Spectrum';
}

function addArray(
  metadata: MetadataBuilder,
  { shape, calibration }: SerArray,
  { mode, technique }: SerKind,
  type: SerType,
): void {
  const [y, x] = calibration.slice(-2);
  metadata.text('Data Dimensions', shape.join(' × ')).text('Signal', technique);
  switch (type) {
    case 'Spectrum':
    case 'SpectrumImage':
      metadata
        .text(
          'Data Type',
          type === 'Spectrum'
            ? `${mode}_${technique ?? 'Spectrum'}`
            : `${mode}_${technique === null ? '' : `${technique}_`}Spectrum_Imaging`,
        )
        .number('Energy Dispersion', calibration.at(-1)?.scale, 'eV')
        .number('Energy Offset', calibration.at(-1)?.origin, 'eV');
      break;
    case 'Diffraction':
      metadata.text('Data Type', `${mode}_Diffraction`);
      break;
    case 'Image':
      metadata.text('Data Type', `${mode}_Imaging`);
      if (x?.unit === 'nm' && y?.unit === 'nm') {
        metadata.number('Pixel Width', rounded(x.scale), 'nm');
        metadata.number('Pixel Height', rounded(y.scale), 'nm');
      }
  }
}

/** Without the noise of the vendor's conversions. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

function headerOf(ser: SerFile): JsonValue {
  return {
    SeriesVersion: ser.version,
    TotalNumberElements: ser.total,
    ValidNumberElements: ser.valid,
    Dimensions: ser.dimensions.map(({ size, origin, delta, description, unit }) => ({
      DimensionSize: size,
      CalibrationOffset: jsonNumber(origin),
      CalibrationDelta: jsonNumber(delta),
      Description: description,
      Units: unit,
    })),
  };
}
