import { AppError } from '../../errors.js';
import type { ExtractedFile, Extractor, FileHead, FileSource } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { readJeolImage } from './jeol/jeol-image.js';
import { readJeolMap } from './jeol/jeol-map.js';
import { isJeolSpectrum, readJeolSpectrum } from './jeol/jeol-spectrum.js';
import { jeolAsJson, jeolTextAt, readJeolTree } from './jeol/jeol-tree.js';

const HEAD_BYTES = 512;

/**
 * JEOL Analysis Station: electron images (.img), element maps (.map), spectrum images (.pts), spectra (.EDS), and the
 * project that names them (.ASW).
 */
export const jeolExtractor: Extractor = {
  id: 'jeol',
  version: 1,
  extensions: ['.img', '.map', '.pts', '.eds', '.asw'],

  sniff: (head) => kindOf(head) !== null,

  extract(file, context): ExtractedFile {
    const { fileName, extension, sizeBytes } = file;
    const bytes = file.readUpTo(0, HEAD_BYTES);
    switch (kindOf({ bytes, fileName, extension, sizeBytes })) {
      case 'image':
        return readJeolImage(file, context);
      case 'map':
        return readJeolMap(file, context);
      case 'spectrum':
        return readJeolSpectrum(file, context);
      case 'project':
        return readProject(file);
      case null:
        throw new AppError('FORMAT_INVALID', `${fileName} is no file of JEOL Analysis Station.`);
    }
  },
};

function kindOf(head: FileHead): 'image' | 'map' | 'spectrum' | 'project' | null {
  const { bytes } = head;
  if (bytes.length < 64) return null;
  const mark = bytes.readUInt32LE(0);
  if (mark === 52 && bytes.toString('latin1', 4, 8) === 'JED-') return 'image';
  if (mark === 304 && bytes.toString('latin1', 4, 12) === 'PTTDFILE') return 'map';
  if (mark === 0 && bytes.toString('latin1', 17, 25) === 'FileType') return 'project';
  return isJeolSpectrum(head) ? 'spectrum' : null;
}

/** A project holds no data of its own, only the names of samples, views and files. */
function readProject(file: FileSource): ExtractedFile {
  const tree = readJeolTree(file, 12);
  return {
    format: 'JEOL Analysis Station project',
    signals: [
      {
        title: jeolTextAt(tree, 'Memo'),
        type: 'Misc',
        role: 'Experimental',
        metadata: new MetadataBuilder()
          .text('Acquisition Software', jeolTextAt(tree, 'FileType'))
          .text('Title', jeolTextAt(tree, 'Memo'))
          .build(),
        shape: [],
        calibration: [],
        dtype: null,
        acquiredMs: null,
        previewOf: null,
      },
    ],
    warnings: [],
    tags: jeolAsJson(tree),
  };
}
