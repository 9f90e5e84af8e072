import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, systemErrorCode, toError } from '../errors.js';
import type { DemoContentKind } from './demo-contents.js';

/**
 * Files of real instruments that can stand for each kind, by their path in the test data of RosettaSciIO (hyperspy);
 * a kind without any is always written by ourselves.
 */
const SAMPLES: Readonly<Partial<Record<DemoContentKind, readonly string[]>>> = {
  particles: [
    'dm3_2D_data/test_STEM_image.dm3',
    'dm3_locale/Fei HAADF-UK_location.dm3',
    'tiff_files/test_dm_image_um_unit.dm3',
  ],
  diffraction: ['dm3_2D_data/test_diffraction_pattern.dm3'],
  'survey with spectrum': ['dm3_2D_data/multi_signal.dm3'],
  grains: [
    'tiff_files/tiff_FEI_Helios/FEI-Helios-Ebeam-8bits.tif',
    'tiff_files/tiff_FEI_Helios/FEI-Helios-Ebeam-16bits.tif',
  ],
  'x-ray spectrum': ['msa_files/example2.msa', 'msa_files/example1.msa'],
};

/** A folder with the files of real instruments. */
export class DemoSamples {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** The samples in a folder, or null when it holds none of them. @throws AppError FILE_UNREADABLE */
  static async in(folder: string): Promise<DemoSamples | null> {
    const samples = new DemoSamples(folder);
    for (const paths of Object.values(SAMPLES)) {
      for (const path of paths) if ((await samples.#read(path)) !== null) return samples;
    }
    return null;
  }

  /** A sample of the kind, another one for another number; null: this kind has none. @throws AppError FILE_UNREADABLE */
  async sampleOf(kind: DemoContentKind, number: number): Promise<Buffer | null> {
    const paths = SAMPLES[kind] ?? [];
    const path = paths[number % paths.length];
    return path === undefined ? null : this.#read(path);
  }

  async #read(path: string): Promise<Buffer | null> {
    const file = join(this.folder, path);
    try {
      return await readFile(file);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return null;
      throw new AppError('FILE_UNREADABLE', `The sample ${file} cannot be read.`, {
        cause: toError(error),
        remedy: 'Let this user read it, or make the demo without samples: --no-samples.',
        details: { file },
      });
    }
  }
}
