import type { Buffer } from 'node:buffer';
import type { Extractor } from '../extractor.js';

const SIGNATURE = '\x89HDF\r\n\x1a\n';

/** HDF5 files of microscopes and their programs: Velox, NCEM/Berkeley EMD, HyperSpy, NeXus, Tofwerk, and any other. */
export const hdf5Extractor: Extractor = {
  id: 'hdf5',
  version: 4,
  extensions: ['.emd', '.hspy', '.nxs', '.h5', '.hdf5'],
  promisedFormat: 'an HDF5 file',

  sniff: ({ bytes }) => hasSignature(bytes),

  async extract(file, context) {
    // Loaded with the first such file: most sessions have none.
    const { readHdf5 } = await import('./hdf5/read-hdf5.js');
    return readHdf5(file, context);
  },
};

/** The signature of the format, behind a block of the user's own of 0, 512, 1024, 2048... bytes (HDF5 specification, II.A). */
function hasSignature(bytes: Buffer): boolean {
  for (let at = 0; at + SIGNATURE.length <= bytes.length; at = at === 0 ? 512 : at * 2) {
    if (bytes.toString('latin1', at, at + SIGNATURE.length) === SIGNATURE) return true;
  }
  return false;
}
