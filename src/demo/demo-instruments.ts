import type { Instrument, InstrumentFolder } from '../domain/instrument.js';

function folder(path: string): InstrumentFolder {
  return { path, timeBasis: 'mtime', clockOffsets: [], patterns: [], rootSeenNonemptyAtMs: null };
}

function instrument(
  facts: Pick<Instrument, 'pid' | 'displayName' | 'location' | 'timezone'> & Partial<Instrument>,
): Instrument {
  return {
    apiUrl: null,
    calendarUrl: null,
    propertyTag: null,
    harvester: null,
    active: true,
    userFolder: null,
    computerName: null,
    computerIp: null,
    settings: {},
    folders: [folder(facts.pid)],
    ...facts,
  };
}

/** Folder below paths.data that is deliberately never made: the store that is away. */
export const MISSING_FOLDER = 'Cryo-TEM';

/** Folder below paths.data of the PC that records x-ray spectra beside the TEM. */
export const SPECTRA_FOLDER = 'Titan-EDS-PC';

/** The instruments of the lab; their files lie in a folder named like them. */
export const DEMO_INSTRUMENTS: readonly Instrument[] = [
  instrument({
    pid: 'Titan-TEM',
    displayName: 'Titan TEM',
    location: 'Building 2, room 14',
    timezone: 'America/New_York',
    folders: [folder('Titan-TEM'), folder(SPECTRA_FOLDER)],
  }),
  instrument({
    pid: 'Helios',
    displayName: 'Helios SEM',
    location: 'Building 5, room 2',
    timezone: 'Europe/Berlin',
  }),
  instrument({
    pid: 'Quattro',
    displayName: 'Quattro SEM',
    location: 'Building 5, room 3',
    timezone: 'Europe/London',
    userFolder: '{username}/**',
  }),
  instrument({
    pid: 'Nano-CT',
    displayName: 'Nano CT',
    location: 'Building 9',
    timezone: 'Asia/Tokyo',
    settings: { build: { limits: { session_files: 3 } } },
  }),
  instrument({
    pid: 'Cryo-TEM',
    displayName: 'Cryo TEM',
    location: 'Building 2, cold room',
    timezone: 'America/Los_Angeles',
    folders: [folder(MISSING_FOLDER)],
  }),
];
