import type { DataSet, Element } from 'dicom-parser';
import { DICOM_ATTRIBUTES } from './dicom-dictionary.js';
import { dicomText } from './dicom-text.js';

const CHARACTER_SET = 'x00080005';
/** Values of one element that are read. */
const MAX_VALUES = 256;
const MAX_TEXT_BYTES = 65_536;

/** Bytes of one value by the value representations that are binary numbers. */
const BINARY_BYTES: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8 };
const TEXT: ReadonlySet<string> = new Set(
  'AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT'.split(' '),
);

/** Reads elements of one data set; tags are written as the parser writes them. */
export class DicomValues {
  readonly dataSet: DataSet;
  readonly #characterSet: string;

  /** @param outer The character set that holds where the data set names none. */
  constructor(dataSet: DataSet, outer = '') {
    this.dataSet = dataSet;
    const element = dataSet.elements[CHARACTER_SET];
    const own = element === undefined ? '' : dicomText(this.#bytes(element, 256), '');
    this.#characterSet = own === '' ? outer : own;
  }

  /** The value representation: as written, else as the dictionary says; empty: unknown. */
  representation(tag: string): string {
    const stated = this.dataSet.elements[tag]?.vr;
    return stated === undefined || stated === 'UN'
      ? (DICOM_ATTRIBUTES.get(tag)?.vr ?? stated ?? '')
      : stated;
  }

  /** The text values of an element, blanks at their ends removed; empty: it has none, or is no text. */
  texts(tag: string): readonly string[] {
    const element = this.dataSet.elements[tag];
    if (element === undefined || !TEXT.has(this.representation(tag))) return [];
    const bytes = this.#bytes(element, MAX_TEXT_BYTES);
    const text = dicomText(bytes, this.#characterSet);
    if (text === '') return [];
    return ['LT', 'ST', 'UT', 'UR'].includes(this.representation(tag))
      ? [text]
      : text.split('\\', MAX_VALUES).map((part) => part.trim());
  }

  /** The first text of an element; null: there is none. */
  text(tag: string): string | null {
    const [first] = this.texts(tag);
    return first === undefined || first === '' ? null : first;
  }

  /** The numbers of an element, written as text or binary; what is no number is left out. */
  numbers(tag: string): readonly number[] {
    const element = this.dataSet.elements[tag];
    if (element === undefined) return [];
    const size = BINARY_BYTES[this.representation(tag)];
    const values =
      size === undefined
        ? this.texts(tag).map((text) => (text === '' ? Number.NaN : Number(text)))
        : Array.from(
            { length: Math.floor(this.#bytes(element, MAX_VALUES * size).length / size) },
            (_, index) => this.#binary(tag, index) ?? Number.NaN,
          );
    return values.filter((value) => Number.isFinite(value));
  }

  /** The first number of an element; null: there is none. */
  number(tag: string): number | null {
    return this.numbers(tag)[0] ?? null;
  }

  /** The data sets of a sequence, at most `most`. */
  items(tag: string, most: number): readonly DicomValues[] {
    return (this.dataSet.elements[tag]?.items ?? [])
      .slice(0, most)
      .flatMap(({ dataSet }) =>
        dataSet === undefined ? [] : [new DicomValues(dataSet, this.#characterSet)],
      );
  }

  /** The bytes of an element as they lie, at most `most`. */
  bytes(tag: string, most: number): Uint8Array {
    const element = this.dataSet.elements[tag];
    return element === undefined ? new Uint8Array(0) : this.#bytes(element, most);
  }

  #bytes({ dataOffset, length }: Element, most: number): Uint8Array {
    return this.dataSet.byteArray.subarray(dataOffset, dataOffset + Math.min(length, most));
  }

  #binary(tag: string, index: number): number | undefined {
    const { dataSet } = this;
    switch (this.representation(tag)) {
      case 'US':
        return dataSet.uint16(tag, index);
      case 'SS':
        return dataSet.int16(tag, index);
      case 'UL':
        return dataSet.uint32(tag, index);
      case 'SL':
        return dataSet.int32(tag, index);
      case 'FL':
        return dataSet.float(tag, index);
      default:
        return dataSet.double(tag, index);
    }
  }
}
