import { DateTime } from 'luxon';
import type { Activity } from '../../src/domain/activity.js';
import type { Instrument } from '../../src/domain/instrument.js';
import type { Dataset } from '../../src/domain/dataset.js';
import type { RecordNameInput } from '../../src/record/record-names.js';
import type { RecordInput } from '../../src/record/record-model.js';

export const instrument: Instrument = {
  pid: 'FEI-Titan-TEM',
  displayName: 'FEI Titan TEM',
  apiUrl: null,
  calendarUrl: null,
  location: null,
  propertyTag: null,
  harvester: 'nemo',
  timezone: 'America/New_York',
  active: true,
  userFolder: null,
  computerName: null,
  computerIp: null,
  settings: {},
  folders: [],
};

export function dataset(changes: Partial<Dataset> = {}): Dataset {
  return {
    name: 'map.dm3',
    location: '/Titan/map.dm3',
    format: 'DigitalMicrograph 3',
    type: 'Image',
    role: 'Experimental',
    description: null,
    preview: '/Titan/map.dm3.thumb.png',
    metadata: { 'Acceleration Voltage': { value: 300, unit: 'kV' } },
    sizeBytes: 1024,
    mtimeNs: 1_694_694_600_250_000_001n,
    timeNs: 1_694_694_600_250_000_001n,
    acquiredMs: 1_694_694_590_000,
    shape: [512, 512],
    calibration: [{ scale: 0.5, origin: 0, unit: 'nm' }],
    dtype: 'uint16',
    reader: 'dm@1',
    signalNumber: 1,
    signalCount: 1,
    warnings: [],
    missingSinceMs: null,
    ...changes,
  };
}

export function activity(changes: Partial<Activity> = {}): Activity {
  return {
    seqno: 0,
    startMs: 1_694_694_600_250,
    endMs: 1_694_694_700_000,
    setup: {},
    datasets: [dataset()],
    ...changes,
  };
}

export function recordInput(changes: Partial<RecordInput> = {}): RecordInput {
  const start = DateTime.fromISO('2023-09-14T12:30:00Z', { zone: 'utc' });
  const end = DateTime.fromISO('2023-09-14T16:30:00Z', { zone: 'utc' });
  if (!start.isValid || !end.isValid) throw new Error('These are times.');
  return {
    session: {
      identifier: 'https://nemo.example.org/api/usage_events/?id=42',
      key: 'mfzwizltoq2dcnrx',
      instrumentPid: instrument.pid,
      user: 'ada',
      start,
      end,
      source: 'nemo',
      inputsRevision: 1,
    },
    instrument,
    details: {
      title: null,
      reservationId: null,
      ref: 'https://nemo.example.org/event_details/usage/42/',
      experimenter: { username: 'ada', fullName: 'Ada Lovelace' },
      collaborators: [],
      motivation: 'Grain boundaries',
      samples: [{ ref: null, name: 'Ni-20Cr', description: 'thin foil', elements: ['Ni', 'Cr'] }],
      projects: [{ name: 'Alloys', division: null, group: null, projectId: 'A-1', ref: null }],
    },
    activities: [activity()],
    warnings: [],
    annotations: [],
    verdictCounts: { in: 1, ignored: 2 },
    ...changes,
  };
}

export const nameInput: RecordNameInput = {
  sessionIdentifier: 'https://nemo.example.org/api/usage_events/?id=42',
  sessionKey: 'mfzwizltoq2dcnrx',
  instrumentPid: 'FEI-Titan-TEM',
  timezone: 'America/New_York',
  startMs: Date.UTC(2023, 8, 14, 12, 30),
  layout: 'by-year',
  collides: false,
};

/** mulberry32: the same numbers everywhere. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
