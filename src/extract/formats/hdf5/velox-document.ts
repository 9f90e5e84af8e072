import { unixTime } from '../binary/serial-date.js';
import type { JsonValue } from '../../extractor.js';
import type { FileTime } from '../../file-time.js';
import { decodeHdf5Text } from './hdf5-values.js';
import { memberOf, numberOf, parseJson, textOf } from './hdf5-access.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';
import type { Hdf5File } from './hdf5-file.js';

/** Rows of a metadata dataset; Velox writes 60000. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/**
 * The metadata of the first frame: Velox keeps a column of bytes a frame, each a JSON text that ends with NUL. Null: no
 * such document.
 */
export function veloxDocumentIn(file: Hdf5File, dataset: Hdf5Dataset): JsonValue | null {
  const { type, shape, count } = dataset;
  const [rows = 0, frames = 1] = shape;
  if (type.kind !== 'number' || type.dtype !== 'uint8' || shape.length > 2 || count === 0) {
    return null;
  }
  if (rows > MAX_DOCUMENT_BYTES || frames < 1) return null;
  const bytes = file.read(dataset, {
    offset: shape.map(() => 0),
    count: shape.map((_, axis) => (axis === 0 ? rows : 1)),
    stride: shape.map(() => 1),
  });
  return parseJson(decodeHdf5Text(bytes));
}

/** The metadata document of a data group; null: none. */
export function veloxDocument(
  file: Hdf5File,
  groupPath: string,
  name = 'Metadata',
): JsonValue | null {
  const dataset = file.dataset(`${groupPath}/${name}`);
  return dataset === null ? null : veloxDocumentIn(file, dataset);
}

/** A number of the document (they are all written as text); null: none. */
export function documentNumber(
  document: JsonValue | null,
  ...path: readonly string[]
): number | null {
  return numberOf(memberOf(document ?? undefined, ...path));
}

/** A text of the document; null: none, or `None`. */
export function documentText(
  document: JsonValue | null,
  ...path: readonly string[]
): string | null {
  const text = textOf(memberOf(document ?? undefined, ...path));
  return text === 'None' ? null : text;
}

/** The detectors of the document. */
function documentDetectors(document: JsonValue | null): readonly JsonValue[] {
  const detectors = memberOf(document ?? undefined, 'Detectors');
  return typeof detectors === 'object' && detectors !== null ? Object.values(detectors) : [];
}

/**
 * The detector that recorded the data: by its index, else by its name, which for the segments of an X-ray detector is
 * the beginning of theirs (SuperXG2 of SuperXG21).
 */
export function documentDetector(document: JsonValue | null): JsonValue | null {
  const index = documentNumber(document, 'BinaryResult', 'DetectorIndex');
  if (index !== null) {
    const found = memberOf(document ?? undefined, 'Detectors', `Detector-${index}`);
    if (found !== undefined) return found;
  }
  const name = documentText(document, 'BinaryResult', 'Detector');
  if (name === null) return null;
  return (
    documentDetectors(document).find((detector) =>
      documentText(detector, 'DetectorName')?.startsWith(name),
    ) ?? null
  );
}

/** When the acquisition began (Unix seconds as text), or what the camera noted (microseconds). Null: never set. */
export function documentTime(document: JsonValue | null, timezone: string): FileTime | null {
  const acquisition = (name: string): FileTime | null =>
    unixTime(documentNumber(document, 'Acquisition', name, 'DateTime') ?? 0, timezone);
  const camera = documentText(documentDetector(document), 'DetectorName') ?? '';
  const stamp = `Detectors[${camera}].TimeStamp`;
  const microseconds = documentNumber(document, 'CustomProperties', stamp, 'value') ?? 0;
  return (
    acquisition('AcquisitionStartDatetime') ??
    acquisition('AcquisitionDatetime') ??
    unixTime(Math.floor(microseconds / 1000) / 1000, timezone)
  );
}
