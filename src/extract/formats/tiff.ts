import { AppError } from '../../errors.js';
import type { ExtractedFile, Extractor } from '../extractor.js';
import { tiffSignals } from './tiff/tiff-signals.js';
import { readTiffStructure } from './tiff/tiff-structure.js';
import { tagsOf } from './tiff/tiff-tags.js';
import type { TiffVendorAnswer } from './tiff-vendors/tiff-vendor.js';
import { TIFF_VENDORS } from './tiff-vendors/tiff-vendors.js';

const MAX_WARNINGS = 20;

/** TIFF and BigTIFF, with the metadata of the vendors in tiff-vendors/. */
export const tiffExtractor: Extractor = {
  id: 'tiff',
  version: 5,
  extensions: ['.tif', '.tiff', '.stk', '.lsm'],
  promisedFormat: 'a TIFF file',
  companions: [
    { main: '(.+)\\.tiff?', companions: ['$1.hdr'], holds: '\\[MAIN\\]' },
    // JEOL, Hitachi.
    {
      main: '(.+)\\.tiff?',
      companions: ['$1.txt'],
      holds: 'SEM_DATA_VERSION|\\[(?:Sem|Tem)ImageFile\\]',
    },
  ],

  sniff({ bytes }) {
    const magic = bytes.toString('latin1', 0, 4);
    return ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(magic);
  },

  extract(file, context): ExtractedFile {
    const structure = readTiffStructure(file);
    const first = structure.groups[0];
    let vendorName: string | null = null;
    let answer: TiffVendorAnswer | null = null;
    for (const vendor of TIFF_VENDORS) {
      answer = vendor.read({
        file,
        context,
        container: structure.container,
        directory: first?.directory ?? null,
        directories: structure.groups.map(({ directory }) => directory),
        layout: first?.layout ?? null,
        pages: first?.pages.length ?? 0,
        damaged: structure.damaged,
      });
      if (answer !== null) {
        vendorName = vendor.name;
        break;
      }
    }
    if (answer === null && first === undefined) {
      throw new AppError('FORMAT_INVALID', structure.warnings[0] ?? 'The TIFF has no page.');
    }
    const warnings = [...structure.warnings, ...(answer?.warnings ?? [])];
    const { timezone } = context;
    const signals = tiffSignals({ file, structure, answer, timezone, warnings });
    const kind = structure.container?.bigTiff === true ? 'BigTIFF' : 'TIFF';
    return {
      format: vendorName === null ? kind : `${kind} (${vendorName})`,
      signals,
      warnings: warnings.slice(0, MAX_WARNINGS),
      tags: {
        ...(structure.container === null || first === undefined
          ? {}
          : { TIFF: tagsOf(structure.container, first.directory) }),
        ...(vendorName === null || answer === null ? {} : { [vendorName]: answer.tags }),
      },
    };
  },
};
