import { AppError } from '../../errors.js';
import type { ExtractContext, ExtractedSignal, ExtractedFile, Extractor } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { wallTime } from './binary/serial-date.js';
import { readEmiObjects, type EmiObject } from './ser/emi-objects.js';
import { addEmiMetadata, serKindOf } from './ser/ser-metadata.js';
import { xmlAsJson } from './xml/xml-tree.js';

const MAX_WARNINGS = 20;

/**
 * Documents of FEI TIA (.emi) without their series: beside a .ser they are its companion. The layout of their data is not
 * documented, so that only the state of the microscope is read.
 */
export const emiExtractor: Extractor = {
  id: 'emi',
  version: 2,
  extensions: ['.emi'],
  promisedFormat: 'a TIA metadata file',

  sniff: ({ bytes, extension }) => extension === '.emi' && bytes.toString('latin1', 0, 2) === 'JK',

  extract(file, context): ExtractedFile {
    const warnings: string[] = [];
    const objects = readEmiObjects(file, (sentence) => warnings.push(sentence));
    // Others are curves and labels drawn over the data.
    const recorded = objects.filter(({ kind }) => kind !== 'unknown');
    if (recorded.length === 0) {
      throw new AppError('FORMAT_INVALID', `${file.fileName} describes nothing that was recorded.`);
    }
    const series = `${file.fileName.slice(0, -file.extension.length)}_1.ser`;
    warnings.push(
      file.sibling(series) === null
        ? 'The data inside an .emi file cannot be read: its .ser files are not beside it.'
        : `The data are in the .ser files beside it (${series}).`,
    );
    return {
      format: 'FEI TIA document',
      signals: recorded.map((object) => signalOf(object, context, warnings)),
      warnings: warnings.slice(0, MAX_WARNINGS),
      tags: recorded.map(({ xml }) => xmlAsJson(xml)),
    };
  },
};

function signalOf(
  object: EmiObject,
  { timezone }: ExtractContext,
  warnings: string[],
): ExtractedSignal {
  const kind = serKindOf(object);
  const time = object.wallMs === null ? null : wallTime(object.wallMs, timezone);
  const metadata = new MetadataBuilder()
    .text('Acquisition Time', time?.iso)
    .text('Signal', kind.technique)
    .text(
      'Data Type',
      object.kind === 'images'
        ? `${kind.mode}_Imaging`
        : `${kind.mode}_${kind.technique ?? 'Spectrum'}`,
    );
  addEmiMetadata(metadata, object, kind, warnings);
  return {
    title: null,
    type: object.kind === 'images' ? 'Image' : 'Spectrum',
    role: 'Experimental',
    metadata: metadata.build(),
    shape: [],
    calibration: [],
    dtype: null,
    acquiredMs: time?.epochMs ?? null,
    previewOf: null,
  };
}
