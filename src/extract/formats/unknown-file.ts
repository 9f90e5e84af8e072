import type { ExtractedFile } from '../extractor.js';

/**
 * What is said of a file that no format recognises, or whose reader failed: nothing about its content. Its name, size
 * and time are facts of the file, which every dataset has.
 */
export function unknownFile(): ExtractedFile {
  return {
    format: 'unknown',
    signals: [
      {
        title: null,
        type: 'Unknown',
        role: 'Experimental',
        metadata: {},
        shape: [],
        calibration: [],
        dtype: null,
        acquiredMs: null,
        previewOf: null,
      },
    ],
    warnings: [],
    tags: null,
  };
}
