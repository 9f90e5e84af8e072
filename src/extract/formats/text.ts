import type { ExtractedFile, Extractor } from '../extractor.js';

/** How a text is written. */
type TextEncoding = 'UTF-8' | 'UTF-16LE' | 'UTF-16BE' | 'Windows-1252';

const DECODERS: Readonly<Record<TextEncoding, string>> = {
  'UTF-8': 'utf-8',
  'UTF-16LE': 'utf-16le',
  'UTF-16BE': 'utf-16be',
  'Windows-1252': 'windows-1252',
};

/** What is looked at to tell text from binary, and what the preview is drawn from. */
const HEAD_BYTES = 64 * 1024;
const PREVIEW_LINES = 60;
const PREVIEW_COLUMNS = 200;

/**
 * Text of any kind: notes, logs, tables. Only `.txt` is claimed for the exclusive search: people write their notes
 * there, while `.log`, `.ini` or `.csv` are mostly what programs leave behind.
 */
export const textExtractor: Extractor = {
  id: 'text',
  version: 2,
  extensions: ['.txt'],

  sniff: ({ bytes, sizeBytes }) => encodingOf(bytes, bytes.length < sizeBytes) !== null,

  extract(file): ExtractedFile {
    const head = file.readUpTo(0, HEAD_BYTES);
    const isWhole = head.length >= file.sizeBytes;
    const encoding = encodingOf(head, !isWhole) ?? 'Windows-1252';
    // A character cut in two at the end of the head becomes a replacement character, in a line that is not shown whole.
    const text = new TextDecoder(DECODERS[encoding]).decode(head);
    const lines = text.split(/\r\n|\r|\n/);
    if (lines.length > 1 && lines.at(-1) === '') lines.pop();
    return {
      format: 'Text',
      signals: [
        {
          title: null,
          type: 'Notes',
          role: 'Experimental',
          metadata: {},
          shape: [],
          calibration: [],
          dtype: null,
          acquiredMs: null,
          previewOf:
            text.trim() === ''
              ? null
              : () => ({
                  kind: 'text',
                  lines: lines
                    .slice(0, PREVIEW_LINES)
                    .map((line) => line.slice(0, PREVIEW_COLUMNS)),
                }),
        },
      ],
      warnings: [],
      tags: { Encoding: encoding, ...(isWhole ? { Lines: lines.length } : {}) },
    };
  },
};

/**
 * The encoding of a text by its first bytes, or null when they are no text: UTF-16 by its byte order mark, UTF-8 where
 * it is valid, else Windows-1252 where every byte is a printable character of it. Control characters other than
 * tab, line ends, form feed and escape are binary.
 */
function encodingOf(bytes: Buffer, isCut: boolean): TextEncoding | null {
  if (bytes.length === 0) return null;
  if (bytes.length >= 2) {
    const mark = bytes.readUInt16BE(0);
    if (mark === 0xfffe) return isUtf16Text(bytes, 'utf-16le') ? 'UTF-16LE' : null;
    if (mark === 0xfeff) return isUtf16Text(bytes, 'utf-16be') ? 'UTF-16BE' : null;
  }
  if (bytes.some(isControl)) return null;
  if (isUtf8(bytes, isCut)) return 'UTF-8';
  return isMostlyPlain(bytes) ? 'Windows-1252' : null;
}

function isControl(byte: number): boolean {
  return (
    byte === 0x7f ||
    (byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d && byte !== 0x0b) && byte !== 0x1b)
  );
}

function isUtf8(bytes: Buffer, isCut: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut });
    return true;
  } catch {
    return false;
  }
}

/** Bytes that Windows-1252 leaves undefined. */
const UNDEFINED_BYTES: ReadonlySet<number> = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

/** Whether the bytes read as Windows-1252: none undefined, and not all beyond ASCII, as in blank raw images. */
function isMostlyPlain(bytes: Buffer): boolean {
  let beyondAscii = 0;
  for (const byte of bytes) {
    if (UNDEFINED_BYTES.has(byte)) return false;
    if (byte >= 0x80) beyondAscii += 1;
  }
  return beyondAscii * 10 <= bytes.length * 9;
}

function isUtf16Text(bytes: Buffer, encoding: string): boolean {
  const text = new TextDecoder(encoding).decode(bytes.subarray(0, bytes.length & ~1));
  for (const character of text) {
    if (isControl(character.codePointAt(0) ?? 0)) return false;
  }
  return true;
}
