import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { isAppError } from '../../src/errors.js';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { dicomExtractor } from '../../src/extract/formats/dicom.js';
import { readDicomFile } from '../../src/extract/formats/dicom/dicom-file.js';
import { dicomLayout } from '../../src/extract/formats/dicom/dicom-layout.js';
import { dicomFrames } from '../../src/extract/formats/dicom/dicom-pixels.js';
import { DicomValues } from '../../src/extract/formats/dicom/dicom-values.js';
import { EXTRACTORS } from '../../src/extract/registry.js';
import { renderPreview } from '../../src/extract/previews/render-preview.js';
import { damaged } from '../support/damage.js';
import { firstFrame } from '../support/first-frame.js';
import { pictureOf } from '../support/preview-picture.js';
import { describeWithDicomSamples, DICOM_SAMPLES } from '../support/samples.js';
import { sniffableFile } from '../support/sniffable-file.js';

/** One file as pydicom reads it; test/samples/make-dicom-reference.py says what each value is. */
interface DicomReference {
  readonly syntax: string | null;
  readonly shape: readonly number[] | null;
  readonly dtype?: string;
  readonly colours?: boolean;
  readonly frameSum?: string;
  readonly spacing: readonly number[] | null;
  readonly modality: string | null;
}

const reference = JSON.parse(
  readFileSync(new URL('../samples/pydicom-reference.json', import.meta.url), 'utf8'),
) as { readonly files: Readonly<Record<string, DicomReference>> };
const all = Object.entries(reference.files);
/** Files that only a lenient reader gets through: not of the syntax they name, or of none. */
const LENIENT = [
  'test_files/ExplVR_BigEndNoMeta.dcm',
  'test_files/meta_missing_tsyntax.dcm',
  'test_files/nested_priv_SQ.dcm',
  'test_files/no_meta.dcm',
];
const readable = all.filter(([name]) => !LENIENT.includes(name));
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';

function bytesOf(name: string): Buffer {
  return readFileSync(path.join(DICOM_SAMPLES, name));
}

function read(bytes: Buffer): ExtractedFile | Promise<ExtractedFile> {
  return dicomExtractor.extract(sniffableFile('a.dcm', bytes), {
    timezone: 'Europe/Berlin',
    previews: true,
  });
}

describeWithDicomSamples('DICOM samples as pydicom reads them', () => {
  test('there are samples of many kinds', () => {
    expect(readable.length).toBeGreaterThanOrEqual(80);
    expect(readable.filter(([, { shape }]) => shape !== null).length).toBeGreaterThanOrEqual(35);
  });

  test.each(readable)('%s: syntax, modality and spacing', async (name, expected) => {
    const bytes = bytesOf(name);
    const file = sniffableFile('a.dcm', bytes);
    expect(dicomExtractor.sniff(file.head)).toBe(true);
    const { signals, tags } = await read(bytes);
    const { transferSyntax } = await readDicomFile(file);
    if (expected.syntax !== null) expect(transferSyntax).toBe(expected.syntax);
    expect(signals).toHaveLength(1);
    if (expected.modality !== null) expect(tags).toMatchObject({ Modality: expected.modality });
    if (expected.spacing !== null && signals[0]?.type === 'Image') {
      expect(signals[0].calibration.slice(-2).map(({ scale }) => scale)).toEqual(expected.spacing);
    }
  });

  test.each(readable.filter(([, { shape }]) => shape !== null))(
    '%s: shape, type and sum of the first frame',
    async (name, expected) => {
      const bytes = bytesOf(name);
      const { signals } = await read(bytes);
      const dtype =
        expected.colours === true ? `rgb${expected.dtype?.slice(4) ?? ''}` : expected.dtype;
      const shown = dtype === 'rgb32' ? 'uint32' : dtype;
      expect(signals).toMatchObject([{ shape: expected.shape, dtype: shown }]);
      const dicom = await readDicomFile(sniffableFile('a.dcm', bytes));
      const layout = dicomLayout(new DicomValues(dicom.dataSet));
      if (layout === null) throw new Error('No pixels.');
      let sum = 0;
      for (const value of dicomFrames(dicom, layout)(0)) sum += Number(value);
      expect(String(sum)).toBe(expected.frameSum);
      expect(firstFrame(signals[0]?.previewOf?.())).toMatchObject({ kind: 'image' });
    },
  );

  test.each(
    all.filter(([name, { syntax }]) => syntax === JPEG_BASELINE && !LENIENT.includes(name)),
  )('%s: the JPEG frame is drawn', async (name) => {
    const { signals } = await read(bytesOf(name));
    const source = signals[0]?.previewOf?.();
    if (source?.kind !== 'encoded') throw new Error('Not encoded.');
    expect((await renderPreview(source)).length).toBeGreaterThan(50);
  });

  test('a file that begins with a TIFF header, too, is read as DICOM', () => {
    const { head } = sniffableFile('a.dcm', bytesOf('test_files/CT_small.dcm'));
    expect(head.bytes.toString('latin1', 0, 4)).toBe('II*\0');
    expect(EXTRACTORS.find((extractor) => extractor.sniff(head))?.id).toBe('dicom');
  });

  test.each(['SC_rgb_dcmtk_+eb+cr.dcm', 'SC_rgb_jpeg_dcmtk.dcm', 'SC_rgb_small_odd_jpeg.dcm'])(
    '%s has its pixel size, and is enlarged',
    async (name) => {
      const { signals } = await read(bytesOf(`test_files/${name}`));
      const source = signals[0]?.previewOf?.();
      if (source == null) throw new Error('Nothing to show.');
      expect(source).toMatchObject({ kind: 'encoded', pixelSize: { unit: 'mm' } });
      expect((await pictureOf(source)).width).toBeGreaterThanOrEqual(192);
    },
  );

  test('colours without a transform are told to the decoder', async () => {
    const { signals } = await read(bytesOf('test_files/SC_jpeg_no_color_transform.dcm'));
    const source = signals[0]?.previewOf?.();
    expect(source?.kind === 'encoded' && source.bytes.includes('Adobe')).toBe(true);
  });

  test.each([
    // The marker is too short for decoders; the other file holds the same picture, decoded.
    ['SC_rgb_jpeg.dcm', 'SC_rgb_jpeg_dcmd.dcm'],
    // Said to be RGB, and luminance and chrominance all the same.
    ['SC_rgb_jpeg_lossy_gdcm.dcm', 'SC_rgb_jpeg_dcmtk.dcm'],
  ])('the colours of %s are those of %s', async (name, same) => {
    const coloursOf = async (file: string): Promise<number[]> => {
      const { signals } = await read(bytesOf(`test_files/${file}`));
      const source = signals[0]?.previewOf?.();
      if (source == null) throw new Error('Nothing to show.');
      const { data } = await sharp(await renderPreview(source))
        .resize({ width: 1, height: 10, fit: 'fill' })
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      return [...data];
    };
    const expected = await coloursOf(same);
    const colours = await coloursOf(name);
    colours.forEach((value, at) => expect(Math.abs(value - (expected[at] ?? 0))).toBeLessThan(12));
  });

  test('texts come in the character set that the file names', async () => {
    const names: readonly (readonly [file: string, name: string])[] = [
      ['chrArab', 'قباني'],
      ['chrGerm', 'Äneas'],
      ['chrGreek', 'Διονυσιος'],
      ['chrRuss', 'Люкceмбypг'],
      ['chrX1', '王'],
      ['chrX2', '王'],
    ];
    for (const [file, name] of names) {
      const extracted = await dicomExtractor.extract(
        sniffableFile('a.dcm', bytesOf(`charset_files/${file}.dcm`)),
        { timezone: 'UTC', previews: false, dicomIdentity: true },
      );
      expect(JSON.stringify(extracted.tags)).toContain(name);
    }
  });

  test('no sample gives a name or identifier of a patient away', async () => {
    for (const [name] of readable) {
      const file = sniffableFile('a.dcm', bytesOf(name));
      const values = new DicomValues((await readDicomFile(file)).dataSet);
      const secrets = ['x00100010', 'x00100020', 'x00080018', 'x00080050', 'x00081070']
        .flatMap((tag) => values.texts(tag))
        .filter((text) => text.length >= 5);
      const { signals, tags, warnings } = await read(file.bytes);
      const text = JSON.stringify([signals, tags, warnings]);
      for (const secret of secrets) {
        expect([name, secret, text.includes(JSON.stringify(secret).slice(1, -1))]).toEqual([
          name,
          secret,
          false,
        ]);
      }
    }
  });

  test.each(LENIENT.slice(1))(
    '%s: what cannot be read is an AppError or a warning',
    async (name) => {
      try {
        const { signals } = await read(bytesOf(name));
        expect(signals).toHaveLength(1);
      } catch (error) {
        expect(isAppError(error) && error.code).toBe('FORMAT_INVALID');
      }
    },
  );
});

describeWithDicomSamples('damaged DICOM samples', () => {
  const tries = process.env['SOAK'] === '1' ? 500 : 6;

  test(`${tries} damaged copies of each give a result or an AppError`, async () => {
    for (const [name] of readable) {
      const bytes = bytesOf(name);
      if (bytes.length > 200_000) continue;
      for (let seed = 1; seed <= tries; seed += 1) {
        const file = sniffableFile('a.dcm', damaged(bytes, seed));
        try {
          const { signals } = await dicomExtractor.extract(file, {
            timezone: 'UTC',
            previews: true,
          });
          const source = signals[0]?.previewOf?.();
          if (source?.kind === 'image') {
            expect(source.pixels).toHaveLength(source.width * source.height * source.channels);
          }
        } catch (error) {
          if (!isAppError(error)) throw new Error(`${name}, seed ${seed}`, { cause: error });
        }
        expect(file.bytesRead).toBeLessThan(80 * 1024 * 1024);
      }
    }
  });

  test('cut at any place', async () => {
    const bytes = bytesOf('test_files/MR_small_RLE.dcm');
    let failed = 0;
    for (let length = 0; length < bytes.length; length += 41) {
      try {
        const { signals } = await read(bytes.subarray(0, length));
        signals[0]?.previewOf?.();
      } catch (error) {
        if (!isAppError(error)) throw new Error(`Cut at ${length}`, { cause: error });
        failed += 1;
      }
    }
    // Not even the pixels are whole in any of them.
    expect(failed).toBeGreaterThan(bytes.length / 41 / 2);
  });
});
