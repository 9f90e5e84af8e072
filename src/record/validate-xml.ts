import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { XsdValidator } from 'libxml2-wasm';
import { AppError, systemErrorCode, toError } from '../errors.js';
import { importModule } from '../import-module.js';
import { type RecordPiece, pieceOpening, splitRecordXml } from './split-record-xml.js';
import { RECORD_NAMESPACE } from './write-xml.js';

/** One fault of a document: where (from 1) and what. */
export interface XmlFault {
  readonly line: number;
  /** 0 where the line is too long to tell. */
  readonly column: number;
  readonly message: string;
}

/** Whether a document follows the schema; at most 100 faults are listed. */
export type XmlVerdict =
  { readonly valid: true } | { readonly valid: false; readonly faults: readonly XmlFault[] };

const MAX_FAULTS = 100;

/** Records above this are validated piece by piece, so that memory does not grow with them. */
const PIECEWISE_BYTES = 1024 * 1024;

/** The schema in the package. */
const SHIPPED_SCHEMA = fileURLToPath(
  new URL('../../config/schemas/nexus-experiment.xsd', import.meta.url),
);

type Libxml = typeof import('libxml2-wasm');

function isLibxml(value: unknown): value is Libxml {
  return (
    typeof value === 'object' &&
    value !== null &&
    'XmlDocument' in value &&
    'XsdValidator' in value &&
    'ParseOption' in value
  );
}

async function loadLibxml(): Promise<Libxml> {
  const loaded = await importModule('libxml2-wasm');
  if (isLibxml(loaded)) return loaded;
  throw new AppError('INTERNAL', 'The package libxml2-wasm is not the expected version.', {
    remedy: 'Install recordsmith again.',
  });
}

interface LibxmlDetail {
  readonly line: number;
  readonly col: number;
  readonly message: string;
}

/** What libxml2 said, known by shape: its classes differ between realms. */
function detailsOf(error: unknown): readonly LibxmlDetail[] | null {
  if (typeof error !== 'object' || error === null || !('details' in error)) return null;
  const { details } = error;
  if (!Array.isArray(details)) return null;
  return details.flatMap((detail: unknown) =>
    typeof detail === 'object' &&
    detail !== null &&
    'line' in detail &&
    typeof detail.line === 'number' &&
    'col' in detail &&
    typeof detail.col === 'number' &&
    'message' in detail &&
    typeof detail.message === 'string'
      ? [{ line: detail.line, col: detail.col, message: detail.message.trim() }]
      : [],
  );
}

/** Where the tag on a line begins (from 1): the schema validator tells lines only. */
function columnOf(xml: string, line: number): number {
  let start = 0;
  for (let current = 1; current < line; current += 1) {
    const next = xml.indexOf('\n', start);
    if (next < 0) return 0;
    start = next + 1;
  }
  const end = xml.indexOf('\n', start);
  const text = xml.slice(start, end < 0 ? undefined : end);
  return text.indexOf('<') + 1;
}

/** A compiled schema. Nothing outside the document is ever loaded, and a document type declaration is a fault. */
export class XmlValidator {
  readonly #libxml: Libxml;
  readonly #schema: XsdValidator;
  readonly #piecewise: boolean;

  constructor(libxml: Libxml, schema: XsdValidator, schemaText: string) {
    this.#libxml = libxml;
    this.#schema = schema;
    this.#piecewise = this.#allowsPieces(schemaText);
  }

  /** Validates a document in memory. */
  validate(xml: string): XmlVerdict {
    const faults = this.#faultsOf({ xml, lineOffset: 0 });
    return faults.length === 0 ? { valid: true } : { valid: false, faults };
  }

  /**
   * Validates a file; a large record in bounded memory.
   * @throws AppError FILE_UNREADABLE
   */
  async validateFile(path: string): Promise<XmlVerdict> {
    try {
      const { size } = await stat(path);
      if (size <= PIECEWISE_BYTES || !this.#piecewise) {
        return this.#verdictOfBytes(await readFile(path));
      }
      return await this.#validatePieces(path);
    } catch (error) {
      if (systemErrorCode(error) === undefined || detailsOf(error) !== null) throw error;
      throw new AppError('FILE_UNREADABLE', `The record ${path} cannot be read.`, {
        cause: error,
        remedy: 'Check that the file exists and may be read.',
        details: { path },
      });
    }
  }

  /** Frees the schema; the validator cannot be used afterwards. */
  dispose(): void {
    this.#schema.dispose();
  }

  #verdictOfBytes(bytes: Buffer): XmlVerdict {
    const text = decodeUtf8(bytes);
    return text === null ? NOT_UTF8 : this.validate(text);
  }

  async #validatePieces(path: string): Promise<XmlVerdict> {
    const faults: XmlFault[] = [];
    try {
      for await (const piece of splitRecordXml(utf8Texts(path))) {
        faults.push(...this.#faultsOf(piece));
        if (faults.length >= MAX_FAULTS) break;
      }
    } catch (error) {
      // What TextDecoder throws at a byte that is no UTF-8.
      if (systemErrorCode(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return NOT_UTF8;
      throw error;
    }
    return faults.length === 0
      ? { valid: true }
      : { valid: false, faults: faults.slice(0, MAX_FAULTS) };
  }

  #faultsOf(piece: RecordPiece): XmlFault[] {
    const { ParseOption, XmlDocument } = this.#libxml;
    try {
      const declared = documentTypeLine(piece.xml);
      if (declared > 0) {
        const message = 'A document type declaration is not allowed in a record.';
        return [{ line: declared, column: columnOf(piece.xml, declared), message }];
      }
      const document = XmlDocument.fromBuffer(Buffer.from(piece.xml, 'utf8'), {
        encoding: 'utf-8',
        option:
          ParseOption.XML_PARSE_NONET |
          ParseOption.XML_PARSE_NO_XXE |
          ParseOption.XML_PARSE_HUGE |
          ParseOption.XML_PARSE_BIG_LINES |
          ParseOption.XML_PARSE_COMPACT,
      });
      try {
        this.#schema.validate(document);
        return [];
      } finally {
        document.dispose();
      }
    } catch (error) {
      const details = detailsOf(error);
      if (details === null || details.length === 0) throw error;
      return details.slice(0, MAX_FAULTS).map((detail) => ({
        line: detail.line + piece.lineOffset,
        column: detail.col > 0 ? detail.col : columnOf(piece.xml, detail.line),
        message: detail.message,
      }));
    }
  }

  /** Pieces are as good as the whole when the schema has no keys and takes what stands before them. */
  #allowsPieces(schemaText: string): boolean {
    if (/[<:](?:key|keyref|unique|assert)\b|\bID(?:REFS?)?"/.test(schemaText)) return false;
    const root = `<Experiment xmlns="${RECORD_NAMESPACE}">`;
    return [null, '<acquisitionActivity>'].every((activity) => {
      const closing = `${activity === null ? '' : '</acquisitionActivity>'}</Experiment>`;
      return this.validate(pieceOpening('', root, activity) + closing).valid;
    });
  }
}

const NOT_UTF8: XmlVerdict = {
  valid: false,
  faults: [{ line: 1, column: 1, message: 'The document is not UTF-8 text.' }],
};

function decodeUtf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (systemErrorCode(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return null;
    throw error;
  }
}

async function* utf8Texts(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const bytes: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1024 * 1024 });
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** The line (from 1) of a document type declaration before the root element; 0: there is none. */
function documentTypeLine(xml: string): number {
  const prolog = /^\ufeff?(?:\s+|<\?[^]*?\?>|<!--[^]*?-->)*/.exec(xml)?.[0] ?? '';
  if (!xml.startsWith('<!DOCTYPE', prolog.length)) return 0;
  return prolog.split('\n').length;
}

/**
 * Compiles a schema (a single file), by default the one of the package. libxml2 is loaded with the first call.
 * @throws AppError CONFIG_INVALID when the file is no XML schema, FILE_UNREADABLE when it cannot be read
 */
export async function loadXmlValidator(schemaPath = SHIPPED_SCHEMA): Promise<XmlValidator> {
  let schemaText: string;
  try {
    schemaText = await readFile(schemaPath, 'utf8');
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', `The schema ${schemaPath} cannot be read.`, {
      cause: error,
      remedy: 'Set record.schema to an XSD file that exists, or leave it out.',
      details: { path: schemaPath },
    });
  }
  const libxml = await loadLibxml();
  try {
    const document = libxml.XmlDocument.fromString(schemaText, {
      option: libxml.ParseOption.XML_PARSE_NONET | libxml.ParseOption.XML_PARSE_NO_XXE,
    });
    try {
      return new XmlValidator(libxml, libxml.XsdValidator.fromDoc(document), schemaText);
    } finally {
      document.dispose();
    }
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `The schema ${schemaPath}: ${toError(error).message}`, {
      cause: error,
      remedy: 'Set record.schema to a complete XML schema in one file, or leave it out.',
      details: { path: schemaPath },
    });
  }
}
