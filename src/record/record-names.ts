import { createHash } from 'node:crypto';
import { usageEventIdOf } from '../domain/session.js';
import { zonedTime } from '../domain/zoned-time.js';

/** How records lie in their folder: by year, or all in one folder as NexusLIMS has them. */
export const RECORD_LAYOUTS = ['by-year', 'flat'] as const;
export type RecordLayout = (typeof RECORD_LAYOUTS)[number];

/** What the names of a record come from. */
export interface RecordNameInput {
  readonly sessionIdentifier: string;
  readonly sessionKey: string;
  readonly instrumentPid: string;
  /** IANA. */
  readonly timezone: string;
  /** START, epoch milliseconds. */
  readonly startMs: number;
  readonly layout: RecordLayout;
  /** Another session already has the plain name. */
  readonly collides: boolean;
}

/** Paths relative to the records folder, with `/` between folder and file. */
export interface RecordPaths {
  readonly xml: string;
  readonly json: string;
}

/** What common file systems take as one name. */
const MAX_NAME_BYTES = 255;
const EXTENSION_BYTES = '.json'.length;
/** A dot and 16 hexadecimal digits in the names of versions. */
const VERSION_BYTES = 17;

/** Percent-encodes all but letters, digits, `-`, `_`, `~` and dots; the result is ASCII. */
function encodeName(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9._~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

function hexOf(identifier: string): string {
  return createHash('sha256').update(identifier, 'utf8').digest('hex').slice(0, 8);
}

/**
 * Text as part of a file name: unsafe characters percent-encoded, shortened to end at 255 bytes with what is added.
 * @param addedBytes of extensions and the like
 */
export function safeFileName(text: string, addedBytes: number): string {
  return shorten(encodeName(text), MAX_NAME_BYTES - addedBytes);
}

/** Shortens a name without cutting a %XX in two. */
function shorten(name: string, maxBytes: number): string {
  return name.length <= maxBytes ? name : name.slice(0, maxBytes).replace(/%[0-9A-F]?$/, '');
}

interface BaseName {
  readonly year: string;
  readonly stem: string;
}

/** `{date}_{pid}_{suffix}`, short enough for `reservedBytes` more; what is shortened is told apart by its hash. */
function baseName(input: RecordNameInput, reservedBytes: number): BaseName {
  const start = zonedTime(input.startMs, input.timezone);
  const suffix = usageEventIdOf(input.sessionIdentifier) ?? input.sessionKey;
  const stem = encodeName(`${start.toFormat('yyyy-MM-dd')}_${input.instrumentPid}_${suffix}`);
  const maxBytes = MAX_NAME_BYTES - reservedBytes;
  const year = start.toFormat('yyyy');
  if (!input.collides && stem.length <= maxBytes) return { year, stem };
  return { year, stem: `${shorten(stem, maxBytes - 9)}_${hexOf(input.sessionIdentifier)}` };
}

function both(stem: string): RecordPaths {
  return { xml: `${stem}.xml`, json: `${stem}.json` };
}

/**
 * The public names of a record: `{YYYY}/{YYYY-MM-DD}_{pid}_{suffix}.xml` and `.json`, date of START in the instrument's
 * zone, suffix the usage event id of NEMO or else the session key. Unsafe characters are percent-encoded, a name ends at
 * 255 bytes; where another session has the name, 8 hex digits of the identifier's sha256 follow.
 */
export function publicPaths(input: RecordNameInput): RecordPaths {
  const { year, stem } = baseName(input, EXTENSION_BYTES);
  return both(input.layout === 'flat' ? stem : `${year}/${stem}`);
}

/**
 * The names of one immutable version, from its own inputs: the public name with 16 digits of the record's fingerprint.
 * The identifier's hash is always part of it, so that two sessions never share one.
 */
export function versionPaths(input: RecordNameInput, fingerprint: string): RecordPaths {
  const { year, stem } = baseName({ ...input, collides: true }, EXTENSION_BYTES + VERSION_BYTES);
  return both(`versions/${year}/${stem}.${fingerprint.slice(0, 16)}`);
}

/** Where an invalid record is kept aside. */
export function invalidPaths(input: RecordNameInput, fingerprint: string): RecordPaths {
  const { stem } = baseName({ ...input, collides: true }, EXTENSION_BYTES + VERSION_BYTES);
  return both(`invalid/${stem}.${fingerprint.slice(0, 16)}`);
}

/**
 * Whether a file under `versions/` or `invalid/` is named after a session: by its identifier's hash, which two sessions out of
 * some thousand million may share.
 */
export function isNamedAfter(fileName: string, sessionIdentifier: string): boolean {
  const match = /_([0-9a-f]{8})\.[0-9a-f]{16}\.(?:xml|json)$/.exec(fileName);
  return match?.[1] === hexOf(sessionIdentifier);
}
