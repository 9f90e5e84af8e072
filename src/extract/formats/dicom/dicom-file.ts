import { Buffer } from 'node:buffer';
import { inflateRawSync } from 'node:zlib';
import type { DataSet, ParseDicomOptions } from 'dicom-parser';
import { AppError, toError } from '../../../errors.js';
import type { FileSource } from '../../extractor.js';
import { bufferSource, type ByteSource } from '../tiff/byte-source.js';
import { fixedText } from '../tiff/fixed-text.js';
import { DICOM_ATTRIBUTES } from './dicom-dictionary.js';

/** Transfer syntaxes (PS3.5 annex A) by what is done with them. */
export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const DEFLATED = '1.2.840.10008.1.2.1.99';
export const EXPLICIT_BIG_ENDIAN = '1.2.840.10008.1.2.2';

export const PIXEL_DATA = 'x7fe00010';
const PREFIX_BYTES = 132;
const TRANSFER_SYNTAX_ELEMENT = 0x10;

/** How much is read in search of the pixels: first little, then more. */
const HEADER_BYTES = [256 * 1024, 8 * 1024 * 1024, 64 * 1024 * 1024] as const;
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;
/** Memory is taken in pieces of this size: the C library gives only large ones back to the system. */
const INFLATED_AT_ONCE_BYTES = 64 * 1024 * 1024;

/** A file taken apart up to its pixels. */
export interface DicomFile {
  readonly dataSet: DataSet;
  readonly transferSyntax: string;
  /** Where the places that elements name lie: the file behind its meta information, or what that inflates to. */
  readonly source: ByteSource;
  readonly warnings: readonly string[];
}

/** Value representations whose length has four bytes behind two empty ones (PS3.5 7.1.2), and the others. */
const LONG: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));
const SHORT: ReadonlySet<string> = new Set(
  'AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US'.split(' '),
);

/** Whether bytes without the prefix DICM begin as data sets do: with a low group, and then sense. */
export function beginsLikeDataSet(bytes: Buffer): boolean {
  if (bytes.length < 8) return false;
  const group = bytes.readUInt16LE(0);
  if (group !== 2 && group !== 8) return false;
  const representation = bytes.toString('latin1', 4, 6);
  const isExplicit = LONG.has(representation) || SHORT.has(representation);
  // Without a value representation: a length, which is small for all first elements.
  return isExplicit || (group === 8 && bytes.readUInt32LE(4) <= 256);
}

/**
 * Takes a file apart up to its pixels, which are not read. Files without the 132 bytes before the data set are
 * understood, too; of a file that is cut, what comes before the cut.
 * @throws AppError FORMAT_INVALID when it is no DICOM file or holds no element.
 */
export async function readDicomFile(file: FileSource): Promise<DicomFile> {
  // A package of the older kind, with all of its exports in one.
  const { default: dicomParser } = await import('dicom-parser');
  const meta = readMeta(file);
  let latest: DicomFile | null = null;
  for (const limit of HEADER_BYTES) {
    latest = parseHead(file, meta, limit, (bytes, options) =>
      dicomParser.parseDicom(bytes, options),
    );
    const isWhole =
      latest.warnings.length === 0 && latest.dataSet.elements[PIXEL_DATA] !== undefined;
    if (isWhole || limit >= file.sizeBytes || meta.transferSyntax === DEFLATED) break;
  }
  if (latest === null || Object.keys(latest.dataSet.elements).length === 0) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} holds no DICOM element.`);
  }
  return latest;
}

/** What comes before the data set. */
interface DicomMeta {
  readonly transferSyntax: string;
  /** The syntax by which the elements look, which is not always what the meta information says. */
  readonly coding: string;
  readonly end: number;
}

/** The file meta information (PS3.10 7.1): always explicit and little-endian. */
function readMeta(file: FileSource): DicomMeta {
  const head = file.readUpTo(0, HEADER_BYTES[0]);
  let at = head.toString('latin1', PREFIX_BYTES - 4, PREFIX_BYTES) === 'DICM' ? PREFIX_BYTES : 0;
  let transferSyntax: string | null = null;
  while (at + 12 <= head.length && head.readUInt16LE(at) === 2) {
    const isLong = LONG.has(head.toString('latin1', at + 4, at + 6));
    const start = at + (isLong ? 12 : 8);
    const end = start + (isLong ? head.readUInt32LE(at + 8) : head.readUInt16LE(at + 6));
    if (head.readUInt16LE(at + 2) === TRANSFER_SYNTAX_ELEMENT) {
      transferSyntax = fixedText(head, start, end - start);
    }
    at = end;
  }
  const coding = syntaxOfDataSet(head, at);
  return { transferSyntax: transferSyntax ?? coding, coding, end: at };
}

/** Explicit value representations are two capitals behind the first tag. */
function syntaxOfDataSet(head: Buffer, at: number): string {
  return /^[A-Z]{2}$/.test(head.toString('latin1', at + 4, at + 6))
    ? EXPLICIT_LITTLE_ENDIAN
    : IMPLICIT_LITTLE_ENDIAN;
}

function parseHead(
  file: FileSource,
  { transferSyntax, coding, end }: DicomMeta,
  limit: number,
  parse: (bytes: Uint8Array, options: ParseDicomOptions) => DataSet,
): DicomFile {
  const inflated = transferSyntax === DEFLATED ? inflateFrom(file, end) : null;
  const bytes = inflated ?? file.readUpTo(end, limit);
  const isBigEndian = transferSyntax === EXPLICIT_BIG_ENDIAN;
  const syntax = inflated !== null ? EXPLICIT_LITTLE_ENDIAN : isBigEndian ? transferSyntax : coding;
  const warnings: string[] = [];
  let dataSet: DataSet;
  try {
    dataSet = parse(bytes, {
      untilTag: PIXEL_DATA,
      TransferSyntaxUID: syntax,
      vrCallback: (tag) => DICOM_ATTRIBUTES.get(tag)?.vr,
    });
  } catch (error) {
    const partial = partialDataSet(error);
    if (partial === null) {
      throw new AppError('FORMAT_INVALID', `${file.fileName}: ${reasonOf(error)}`, {
        cause: toError(error),
      });
    }
    warnings.push(`The DICOM elements end in damage: ${reasonOf(error).slice(0, 200)}`);
    dataSet = partial;
  }
  const source = inflated === null ? behind(file, end) : bufferSource(inflated);
  return { dataSet, transferSyntax, source, warnings };
}

/** The data set inflated (PS3.5 A.5). */
function inflateFrom(file: FileSource, start: number): Buffer {
  const packed = file.readUpTo(start, Math.min(file.sizeBytes - start, MAX_INFLATED_BYTES));
  try {
    return inflateRawSync(packed, {
      maxOutputLength: MAX_INFLATED_BYTES,
      chunkSize: INFLATED_AT_ONCE_BYTES,
    });
  } catch (error) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} cannot be inflated.`, {
      cause: toError(error),
    });
  }
}

function behind(file: FileSource, start: number): ByteSource {
  return {
    sizeBytes: file.sizeBytes - start,
    read: (offset, length) => file.read(start + offset, length),
    readUpTo: (offset, length) => file.readUpTo(start + offset, length),
  };
}

/** The parser throws what it has read together with what went wrong. */
function partialDataSet(error: unknown): DataSet | null {
  if (typeof error !== 'object' || error === null || !('dataSet' in error)) return null;
  return isDataSet(error.dataSet) ? error.dataSet : null;
}

function isDataSet(value: unknown): value is DataSet {
  return (
    typeof value === 'object' &&
    value !== null &&
    'elements' in value &&
    typeof value.elements === 'object' &&
    'byteArray' in value &&
    'string' in value &&
    typeof value.string === 'function'
  );
}

/** The parser throws texts and objects, too. */
function reasonOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (typeof error === 'object' && error !== null && 'exception' in error) {
    return reasonOf(error.exception);
  }
  const { name, message } = toError(error);
  // The parser fails in noting that the file ends within a sequence.
  if (name === 'TypeError') return 'the file ends within a sequence, or its elements contradict.';
  // The parser calls itself for each sequence in a sequence.
  return name === 'RangeError' ? 'its sequences are nested too deeply.' : message;
}
