import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../src/db/database.js';
import { insertInstrument } from '../../src/db/instrument-store.js';
import { insertLog } from '../../src/db/insert-log.js';
import { edaxSpectrumBytes } from '../support/edax-bytes.js';
import { unnumberedName } from '../support/unnumbered-name.js';

export const CLI = fileURLToPath(
  new URL('../../../../dist/program/recordsmith.js', import.meta.url),
);
const CACHE = fileURLToPath(new URL('../../../', import.meta.url));
const SAMPLES = join(CACHE, 'samples');
/** No real .spc may be had: spectra written from the layout. */
const WRITTEN = join(CACHE, 'bench', 'written');

/** A new folder on the disk of the project. @returns its absolute path */
export async function makeBenchFolder(name: string): Promise<string> {
  return mkdtemp(join(CACHE, 'bench', `${name}-`));
}

/** The instrument files a session consists of, in equal parts of dm3, dm4, FEI TIFF, msa, spc and ser. */
const KINDS: readonly (readonly string[])[] = [
  [
    'dm3_2D_data/test_STEM_image.dm3',
    'dm3_2D_data/test_diffraction_pattern.dm3',
    'dm3_1D_data/test-EELS_spectrum.dm3',
    'dm3_1D_data/test-EDS_spectrum.dm3',
    'tiff_files/test_dm_image_um_unit.dm3',
  ],
  [
    'dm4_2D_data/test-1.dm4',
    'dm4_2D_data/test-MonarcCL_mono-image.dm4',
    'dm4_1D_data/test-MonarcCL_spectrum-ccd.dm4',
    'dm4_1D_data/test-MonoCL_spectrum-pmt.dm4',
    'dm4_3D_data/EELS_SI.dm4',
  ],
  [
    'tiff_files/tiff_FEI_Helios/FEI-Helios-Ebeam-16bits.tif',
    'tiff_files/tiff_FEI_Helios/FEI-Helios-Ebeam-8bits.tif',
    'tiff_files/tiff_FEI_Helios/FEI-Helios-navcam.tif',
  ],
  ['msa_files/example1.msa', 'msa_files/example2.msa', 'msa_files/example1_wrong_date.msa'],
  ['1000.spc', '2000.spc', '4000.spc'],
  [
    'FEI_old/64x64_TEM_images_acquire_1.ser',
    'FEI_old/64x64_diffraction_acquire_1.ser',
    'FEI_old/16x16-point_spectrum-1x1024_1.ser',
    'FEI_new/128x128-TEM_search_1.ser',
  ],
];

function writeSpectrum(name: string): string {
  const path = join(WRITTEN, name);
  const channels = Number.parseInt(name, 10);
  const counts = Array.from({ length: channels }, (_, channel) =>
    Math.round(200 + 4000 * Math.exp(-(((channel - channels / 5) / 12) ** 2)) + (channel % 17)),
  );
  mkdirSync(WRITTEN, { recursive: true });
  writeFileSync(path, edaxSpectrumBytes({ counts, elements: [14, 26] }));
  return path;
}

/** The samples of a session of so many files, one after the other of each kind. */
export function sampleFiles(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const kind = KINDS[index % KINDS.length] ?? [];
    const name = kind[Math.floor(index / KINDS.length) % kind.length] ?? '';
    return name.endsWith('.spc') ? writeSpectrum(name) : join(SAMPLES, name);
  });
}

const DAY_S = 86_400;
const FIRST_START_S = 1_700_000_000;

/**
 * Makes a lab of one instrument with sessions of so many files each (one file every 25 s), long over and not built.
 */
export async function makeBuildLab(
  folder: string,
  lab: { readonly sessions: number; readonly filesPerSession: number },
): Promise<void> {
  execFileSync(process.execPath, [CLI, 'init'], { cwd: folder, stdio: 'ignore' });
  const samples = sampleFiles(lab.filesPerSession);
  const database = await openDatabase({
    client: 'sqlite',
    file: join(folder, 'recordsmith.sqlite'),
  });
  await database.createScope(() =>
    insertInstrument({
      pid: 'FEI-Titan',
      displayName: 'FEI Titan',
      apiUrl: null,
      calendarUrl: null,
      location: null,
      propertyTag: null,
      harvester: null,
      timezone: 'America/New_York',
      active: true,
      userFolder: null,
      computerName: null,
      computerIp: null,
      settings: {},
      folders: [
        {
          path: 'Titan',
          timeBasis: 'mtime',
          clockOffsets: [],
          patterns: [],
          rootSeenNonemptyAtMs: null,
        },
      ],
    }),
  );
  for (let session = 0; session < lab.sessions; session += 1) {
    const startS = FIRST_START_S + session * DAY_S;
    const place = join(folder, 'data', 'Titan', `session-${session}`);
    await mkdir(place, { recursive: true });
    for (const [index, sample] of samples.entries()) {
      const target = join(place, `${unnumberedName(index)}-${sample.split('/').at(-1) ?? ''}`);
      await cp(sample, target);
      await utimes(target, startS + 60 + index * 5, startS + 60 + index * 5);
    }
    for (const [eventType, atS] of [
      ['START', startS],
      ['END', startS + 120 + samples.length * 5],
    ] as const) {
      await database.createScope(() =>
        insertLog({
          sessionIdentifier: `bench-${session}`,
          instrumentPid: 'FEI-Titan',
          eventType,
          at: atS * 1000,
          user: 'bench',
        }),
      );
    }
  }
  await database.close();
  // Else the first thing that the program makes durable would wait until all these files are on disk.
  execFileSync('sync');
}
