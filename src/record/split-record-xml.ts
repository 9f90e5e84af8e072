/** A part of a large record as a document of its own. */
export interface RecordPiece {
  readonly xml: string;
  /** To be added to a line number of the piece to get the line of the record. */
  readonly lineOffset: number;
}

const SLASH = 0x2f;
const EXCLAMATION_MARK = 0x21;
const QUESTION_MARK = 0x3f;

/**
 * Characters after which a piece ends at the next dataset or activity: few enough that its lines stay below 65,536, up to
 * which libxml2 knows the line of an element exactly.
 */
const PIECE_CHARACTERS = 1024 * 1024;

/**
 * What stands before the parts of a record in a piece: after an activity, or inside one (then with its tag).
 * @param prefix of the elements in the root (`nx:` or nothing)
 */
export function pieceOpening(prefix: string, rootTag: string, activityTag: string | null): string {
  const summary = `${rootTag}<${prefix}summary/>`;
  return activityTag === null
    ? `${summary}<${prefix}acquisitionActivity/>`
    : `${summary}${activityTag}<${prefix}dataset><${prefix}name/><${prefix}location/></${prefix}dataset>`;
}

/** A start tag; `>` may stand inside its quotes. Written so that it needs no going back. */
const START_TAG = /<[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>/y;

/** Other markup, by how it begins, with how it ends. */
const OTHER_MARKUP = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;

/** The end of the markup that begins at `start` (`<`), or -1 when it is not complete yet. */
function endOfMarkup(text: string, start: number): number {
  const second = text.charCodeAt(start + 1);
  if (second === SLASH) return text.indexOf('>', start) + 1 || -1;
  if (second === EXCLAMATION_MARK || second === QUESTION_MARK) {
    for (const [opening, closing] of OTHER_MARKUP) {
      if (!text.startsWith(opening, start)) continue;
      const found = text.indexOf(closing, start + opening.length);
      return found < 0 ? -1 : found + closing.length;
    }
  }
  START_TAG.lastIndex = start;
  return START_TAG.test(text) ? START_TAG.lastIndex : -1;
}

function endTagOf(startTag: string): string {
  return `</${/^<([^\s>/]+)/.exec(startTag)?.[1] ?? ''}>`;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** Cuts a record at ends of datasets and activities; each character of the record is in exactly one piece. */
class RecordCutter {
  /** What was looked through already of the piece to come, and what was not. */
  #passed: string[] = [];
  #passedLength = 0;
  #pending = '';
  #position = 0;
  #opening = '';
  #line = 0;
  #depth = 0;
  #rootTag = '';
  #activityTag = '';

  /** Takes more of the record; gives the pieces that are complete. */
  *add(text: string): Generator<RecordPiece> {
    this.#pending += text;
    for (;;) {
      const start = this.#pending.indexOf('<', this.#position);
      if (start < 0 || start + 9 > this.#pending.length) break;
      const end = endOfMarkup(this.#pending, start);
      if (end < 0) break;
      this.#position = end;
      const mayCut = this.#takeMarkup(start, end);
      if (mayCut && this.#passedLength + end >= PIECE_CHARACTERS) yield this.#cut();
    }
    this.#pass();
  }

  /** The rest, as the last piece. */
  finish(): RecordPiece {
    const xml = this.#opening + this.#passed.join('') + this.#pending;
    return { xml, lineOffset: this.#line };
  }

  #pass(): void {
    this.#passed.push(this.#pending.slice(0, this.#position));
    this.#passedLength += this.#position;
    this.#pending = this.#pending.slice(this.#position);
    this.#position = 0;
  }

  /** Follows the nesting; says whether the record may be cut after this markup. */
  #takeMarkup(start: number, end: number): boolean {
    const text = this.#pending;
    const second = text.charCodeAt(start + 1);
    if (second === EXCLAMATION_MARK || second === QUESTION_MARK) return false;
    if (second === SLASH) {
      this.#depth -= 1;
      if (this.#depth < 1 || this.#depth > 2) return false;
      const ending = this.#depth === 1 ? 'acquisitionActivity' : 'dataset';
      const name = text.slice(start + 2, end - 1).trim();
      return name === ending || name.endsWith(`:${ending}`);
    }
    if (text.charCodeAt(end - 2) === SLASH) return false;
    if (this.#depth === 0) {
      this.#rootTag = text.slice(start, end);
    } else if (this.#depth === 1) {
      this.#activityTag = text.slice(start, end);
    }
    this.#depth += 1;
    return false;
  }

  #cut(): RecordPiece {
    this.#pass();
    const content = this.#passed.join('');
    const inside = this.#depth === 2;
    const closing = `${inside ? endTagOf(this.#activityTag) : ''}${endTagOf(this.#rootTag)}`;
    const prefix = /^<([^\s>/:]+:)/.exec(this.#activityTag)?.[1] ?? '';
    const piece = { xml: this.#opening + content + closing, lineOffset: this.#line };
    const opening = pieceOpening(prefix, this.#rootTag, inside ? this.#activityTag : null);
    // Tags may hold line feeds: as blanks they mean the same and keep the numbering of lines.
    this.#opening = opening.replaceAll('\n', ' ');
    this.#line += countLines(content);
    this.#passed = [];
    this.#passedLength = 0;
    return piece;
  }
}

/**
 * Cuts a large record into documents that are valid exactly when the record is: a sequence of datasets or activities may
 * end anywhere, and what follows stands behind a minimal dataset or activity, so that the order is still checked. Never
 * holds more than a piece (or a single longer dataset). True for schemas without keys, where pieceOpening is valid.
 */
export async function* splitRecordXml(texts: AsyncIterable<string>): AsyncGenerator<RecordPiece> {
  const cutter = new RecordCutter();
  for await (const text of texts) yield* cutter.add(text);
  yield cutter.finish();
}
