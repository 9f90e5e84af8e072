import { AppError } from '../../errors.js';
import type { ExtractContext, ExtractedFile, Extractor, FileSource } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { energySpectrum } from './binary/spectrum-sums.js';
import { readHypermap } from './bruker/bruker-hypermap.js';
import {
  addSpectrumMetadata,
  brukerElements,
  brukerSpectrum,
  brukerTime,
  instancesOf,
  parseBrukerXml,
} from './bruker/bruker-xml.js';
import { SFS_MAGIC } from './bruker/sfs-container.js';
import { xmlAsJson } from './xml/xml-tree.js';

/** A spectrum with its evaluation has some 100 kB. */
const MAX_SPECTRUM_BYTES = 32 * 1024 * 1024;

/** Bruker Esprit: hypermaps with their electron images (.bcf), spectra (.spx). */
export const brukerExtractor: Extractor = {
  id: 'bruker',
  version: 2,
  extensions: ['.bcf', '.spx'],
  promisedFormat: 'a Bruker file',

  sniff: ({ bytes }) => isContainer(bytes) || isSpectrum(bytes),

  extract: (file, context): ExtractedFile =>
    isContainer(file.readUpTo(0, SFS_MAGIC.length))
      ? readHypermap(file, context)
      : readSpectrum(file, context),
};

function isContainer(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, SFS_MAGIC.length) === SFS_MAGIC;
}

function isSpectrum(bytes: Buffer): boolean {
  return /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?<TRTSpectrum[ >]/.test(
    bytes.toString('latin1', 0, 512),
  );
}

function readSpectrum(file: FileSource, { timezone, previews }: ExtractContext): ExtractedFile {
  if (file.sizeBytes > MAX_SPECTRUM_BYTES) {
    throw new AppError('LIMIT_EXCEEDED', `${file.fileName} is far larger than any spectrum.`);
  }
  const root = parseBrukerXml(file.read(0, file.sizeBytes), file.fileName);
  const xml = instancesOf(root, 'TRTSpectrum')[0];
  if (xml === undefined) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} holds no TRTSpectrum.`);
  }
  const { counts, axis } = brukerSpectrum(xml);
  const time = brukerTime(instancesOf(xml, 'TRTSpectrumHeader')[0], timezone);
  const title = xml.attributes['Name'] ?? null;
  const metadata = new MetadataBuilder()
    .text('Acquisition Time', time?.iso)
    .text('Data Type', 'EDS_Spectrum')
    .text('Signal', 'EDS')
    .text('Title', title)
    .text('Elements', brukerElements(xml).join(', '));
  addSpectrumMetadata(metadata, xml);
  return {
    format: 'Bruker spectrum',
    signals: [
      {
        title,
        type: 'Spectrum',
        role: 'Experimental',
        metadata: metadata.build(),
        shape: [counts.length],
        calibration: [axis],
        dtype: 'uint64',
        acquiredMs: time?.epochMs ?? null,
        previewOf: previews ? () => energySpectrum(counts, axis) : null,
      },
    ],
    warnings: typeof time?.warning === 'string' ? [time.warning] : [],
    tags: xmlAsJson(root),
  };
}
