import type { FileSource } from '../../extractor.js';
import { AppError } from '../../../errors.js';
import { decodeText } from '../tiff/tiff-directory.js';

/** What an EMSA/MSA text holds. */
export interface MsaText {
  /** Keyword in capitals, without unit (`BEAMKV`), to its value; repeated ones are joined by line ends. */
  readonly keywords: ReadonlyMap<string, MsaKeyword>;
  /** User keywords (`##`), as written. */
  readonly userKeywords: ReadonlyMap<string, string>;
  /** The y values. */
  readonly values: Float64Array;
  /** First and last x value, where the data are pairs. */
  readonly xRange: { readonly first: number; readonly last: number } | null;
  readonly warnings: readonly string[];
}

/** The value of a keyword with the unit that the keyword carries (`-kV`); empty: none. */
export interface MsaKeyword {
  readonly value: string;
  readonly unit: string;
}

const CHUNK_BYTES = 1024 * 1024;
const MAX_LINE_LENGTH = 1024 * 1024;
const MAX_KEYWORD_LINES = 10_000;
const MAX_LABEL_LENGTH = 64;
const MAX_VALUE_LENGTH = 4096;
/** Longer text is no number (and would cost the pattern too much time). */
const MAX_NUMBER_LENGTH = 64;
/** A spectrum of more channels is not one. */
const MAX_VALUES = 16 * 1024 * 1024;

/**
 * Reads an EMSA/MSA text (ISO 22029) piece by piece: header lines `#KEYWORD -unit : value`, then after #SPECTRUM the
 * numbers, to #ENDOFDATA or the end of the file.
 * @throws AppError FORMAT_INVALID when it does not begin with #FORMAT or a line is no text, LIMIT_EXCEEDED when it is
 * far beyond any spectrum.
 */
export function readMsaText(file: FileSource): MsaText {
  const reader = new MsaReader();
  for (const line of linesOf(file)) {
    if (!reader.take(line)) break;
  }
  return reader.result();
}

/** The lines of a file, ended by CR LF, LF or CR. */
function* linesOf(file: FileSource): Generator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for (let at = 0; at < file.sizeBytes; at += CHUNK_BYTES) {
    const chunk = file.readUpTo(at, CHUNK_BYTES);
    const isLast = at + chunk.length >= file.sizeBytes;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    // A CR at the very end may be the first half of CR LF: its line waits for the next chunk.
    const end = isLast ? bytes.length : lastLineEnd(bytes);
    yield* decodeText(bytes.subarray(0, end)).split(/\r\n|\r|\n/);
    rest = bytes.subarray(end);
    if (rest[0] === 0x0d && rest[1] === 0x0a) rest = rest.subarray(2);
    else if (rest[0] === 0x0d || rest[0] === 0x0a) rest = rest.subarray(1);
    if (rest.length > MAX_LINE_LENGTH) {
      throw new AppError(
        'FORMAT_INVALID',
        `The spectrum file has a line of over ${rest.length} bytes.`,
      );
    }
  }
}

function lastLineEnd(bytes: Buffer): number {
  const searched = bytes.subarray(0, bytes.length - 1);
  const end = Math.max(searched.lastIndexOf(0x0a), searched.lastIndexOf(0x0d));
  if (end < 0) return 0;
  return end > 0 && bytes[end] === 0x0a && bytes[end - 1] === 0x0d ? end - 1 : end;
}

class MsaReader {
  readonly #keywords = new Map<string, MsaKeyword>();
  readonly #userKeywords = new Map<string, string>();
  readonly #warnings: string[] = [];
  #values = new Float64Array(4096);
  #count = 0;
  #x: { first: number; last: number } | null = null;
  #inData = false;
  #isEnded = false;
  #lineNumber = 0;
  #keywordLines = 0;

  /** Takes a line; false: the rest of the file does not matter. */
  take(line: string): boolean {
    this.#lineNumber += 1;
    if (this.#lineNumber === 1 && !/^\s*#\s*FORMAT\b/i.test(line)) {
      throw new AppError('FORMAT_INVALID', 'The spectrum file does not begin with #FORMAT.');
    }
    const trimmed = line.trim();
    if (trimmed.startsWith('#')) return this.#takeKeyword(trimmed);
    if (trimmed !== '' && this.#inData) this.#takeData(trimmed);
    return true;
  }

  #takeKeyword(line: string): boolean {
    const isUser = line.startsWith('##');
    const colon = line.indexOf(':');
    const label = line
      .slice(isUser ? 2 : 1, colon < 0 ? undefined : colon)
      .trim()
      .slice(0, MAX_LABEL_LENGTH);
    const value = colon < 0 ? '' : line.slice(colon + 1, colon + 1 + MAX_VALUE_LENGTH).trim();
    this.#keywordLines += 1;
    if (this.#keywordLines > MAX_KEYWORD_LINES) {
      throw new AppError(
        'LIMIT_EXCEEDED',
        `The spectrum file has over ${MAX_KEYWORD_LINES} keyword lines.`,
      );
    }
    if (isUser) {
      this.#userKeywords.set(label, joined(this.#userKeywords.get(label), value));
      return true;
    }
    const [, name = label, unit = ''] = /^(.*?)(?:\s*-\s*([^\s-]+))?$/.exec(label) ?? [];
    const keyword = name.trim().toUpperCase();
    if (keyword === 'ENDOFDATA') {
      this.#isEnded = true;
      return false;
    }
    if (keyword === 'SPECTRUM') this.#inData = true;
    else if (keyword === 'TITLE' || keyword === 'COMMENT') {
      const text = joined(this.#keywords.get(keyword)?.value, value);
      this.#keywords.set(keyword, { value: text, unit });
    } else this.#keywords.set(keyword, { value, unit });
    return true;
  }

  #takeData(line: string): void {
    const isPairs = this.#keywords.get('DATATYPE')?.value.toUpperCase() === 'XY';
    // "2.0 E-06" is one number; a comma, blanks or both separate numbers.
    const fields = line.replace(/(\d\.?) +(?=[eE][+-]?\d)/g, '$1').split(/[\s,;]+/);
    const numbers = fields.filter((field) => field !== '').map(parseMsaNumber);
    const wrong = numbers.findIndex((value) => value === null);
    if (wrong >= 0) {
      this.#warn(`Line ${this.#lineNumber} holds what is not a number; it is counted as 0.`);
    }
    for (let index = 0; index < numbers.length; index += isPairs ? 2 : 1) {
      if (isPairs) {
        const x = numbers[index] ?? 0;
        this.#x = { first: this.#x?.first ?? x, last: x };
        if (index + 1 >= numbers.length) {
          this.#warn(`Line ${this.#lineNumber} holds an x value without its y value.`);
          return;
        }
      }
      this.#add(numbers[isPairs ? index + 1 : index] ?? 0);
    }
  }

  #add(value: number): void {
    if (this.#count === this.#values.length) {
      if (this.#count >= MAX_VALUES) {
        throw new AppError('LIMIT_EXCEEDED', `The spectrum has more than ${MAX_VALUES} channels.`);
      }
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count] = value;
    this.#count += 1;
  }

  #warn(warning: string): void {
    if (this.#warnings.length < 5) this.#warnings.push(warning);
  }

  result(): MsaText {
    if (!this.#inData) {
      throw new AppError('FORMAT_INVALID', 'The spectrum file ends before #SPECTRUM.');
    }
    if (!this.#isEnded) this.#warn('The file ends without #ENDOFDATA: the spectrum may be cut.');
    return {
      keywords: this.#keywords,
      userKeywords: this.#userKeywords,
      values: this.#values.subarray(0, this.#count),
      xRange: this.#x,
      warnings: this.#warnings,
    };
  }
}

function joined(before: string | undefined, value: string): string {
  return before === undefined || before === '' ? value : `${before}\n${value}`;
}

/** A number as such files write it (`4096.`, `2.0 E-06`, `.5`); null when it is none. */
export function parseMsaNumber(text: string): number | null {
  if (text.length > MAX_NUMBER_LENGTH) return null;
  const compact = text.replace(/(\d\.?) +(?=[eE][+-]?\d)/, '$1').trim();
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(compact) ? Number(compact) : null;
}
