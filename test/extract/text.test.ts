import { describe, expect, test } from '@jest/globals';
import { textExtractor } from '../../src/extract/formats/text.js';
import { unknownFile } from '../../src/extract/formats/unknown-file.js';
import { EXTRACTORS } from '../../src/extract/registry.js';
import { seededRandom } from '../support/damage.js';
import { sniffableFile } from '../support/sniffable-file.js';

async function read(bytes: Buffer): Promise<{ lines: readonly string[]; tags: unknown }> {
  const file = sniffableFile('a.txt', bytes);
  expect(textExtractor.sniff(file.head)).toBe(true);
  const extracted = await textExtractor.extract(file, { timezone: 'UTC', previews: true });
  expect(extracted.signals).toMatchObject([{ type: 'Notes', shape: [], dtype: null }]);
  const source = extracted.signals[0]?.previewOf?.();
  return { lines: source?.kind === 'text' ? source.lines : [], tags: extracted.tags };
}

describe('encodings', () => {
  test.each([
    ['UTF-8', Buffer.from('Größe 5 µm\r\nzwei\r\n', 'utf8')],
    ['UTF-8', Buffer.from('\ufeffGröße 5 µm\nzwei', 'utf8')],
    ['Windows-1252', Buffer.from('Größe 5 µm\rzwei', 'latin1')],
    ['UTF-16LE', Buffer.from('\ufeffGröße 5 µm\nzwei', 'utf16le')],
    ['UTF-16BE', Buffer.from('\ufeffGröße 5 µm\nzwei', 'utf16le').swap16()],
  ])('%s', async (encoding, bytes) => {
    const { lines, tags } = await read(bytes);
    expect(lines).toEqual(['Größe 5 µm', 'zwei']);
    expect(tags).toEqual({ Encoding: encoding, Lines: 2 });
  });

  test('a character cut in two at the end of the head does not make UTF-8 binary', async () => {
    const { tags } = await read(Buffer.from(`a${'µ'.repeat(40_000)}`, 'utf8'));
    expect(tags).toEqual({ Encoding: 'UTF-8' });
  });

  test('the preview has the first lines only, and not the ends of long ones', async () => {
    const { lines } = await read(Buffer.from(`${'x'.repeat(1000)}\n`.repeat(500)));
    expect(lines).toHaveLength(60);
    expect(lines.every((line) => line.length === 200)).toBe(true);
  });
});

describe('what is no text, whatever its name', () => {
  const random = seededRandom(7);
  test.each([
    [
      '2 MB of binary',
      Buffer.from(Array.from({ length: 2_000_000 }, () => Math.floor(random() * 256))),
    ],
    ['a NUL', Buffer.from('almost\0text')],
    ['a control character', Buffer.from('almost\u0001text')],
    ['a byte that Windows-1252 leaves undefined', Buffer.from([0x61, 0x81, 0x62])],
    ['a blank raw image', Buffer.alloc(70_000, 0xff)],
    ['a byte order mark before binary', Buffer.from([0xff, 0xfe, 0, 0, 1, 0])],
    ['nothing', Buffer.alloc(0)],
  ])('%s', (_, bytes) => {
    expect(textExtractor.sniff(sniffableFile('binary_text.txt', bytes).head)).toBe(false);
  });
});

test('only .txt is claimed for the exclusive search, and any extension is read', () => {
  expect(textExtractor.extensions).toEqual(['.txt']);
  expect(textExtractor.sniff(sniffableFile('run.log', 'started\n').head)).toBe(true);
});

test('text is asked last: every other format may be text too', () => {
  expect(EXTRACTORS.at(-1)).toBe(textExtractor);
});

test('no two formats share an identifier; extensions are in small letters, with their dot', () => {
  const ids = EXTRACTORS.map(({ id }) => id);
  const extensions = EXTRACTORS.flatMap((extractor) => extractor.extensions);
  expect(new Set(ids).size).toBe(ids.length);
  expect(extensions.every((extension) => /^\.[a-z0-9]+$/.test(extension))).toBe(true);
});

test('an unknown file has one signal without any claim', () => {
  expect(unknownFile()).toMatchObject({
    format: 'unknown',
    signals: [{ type: 'Unknown', metadata: {}, shape: [], dtype: null, previewOf: null }],
    warnings: [],
  });
});
