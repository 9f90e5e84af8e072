import { z } from 'zod';
import { TIME_BASES } from '../domain/instrument.js';
import { OPTIONAL_TEXT, TEXT } from './library-input.js';

const folderSchema = z.object({
  path: TEXT,
  timeBasis: z.enum(TIME_BASES),
  clockOffsets: z.array(z.object({ validFromMs: z.number(), offsetMs: z.number() })),
  patterns: z.array(TEXT),
  rootSeenNonemptyAtMs: z.number().nullable(),
});

/** The shape of an instrument; the lengths of its texts and its time zone are looked at when it is written. */
export const INSTRUMENT_SCHEMA = z.object({
  pid: TEXT,
  displayName: TEXT,
  apiUrl: OPTIONAL_TEXT,
  calendarUrl: OPTIONAL_TEXT,
  location: OPTIONAL_TEXT,
  propertyTag: OPTIONAL_TEXT,
  harvester: OPTIONAL_TEXT,
  timezone: TEXT,
  active: z.boolean(),
  userFolder: OPTIONAL_TEXT,
  computerName: OPTIONAL_TEXT,
  computerIp: OPTIONAL_TEXT,
  settings: z.record(z.string(), z.unknown()),
  folders: z.array(folderSchema),
});
