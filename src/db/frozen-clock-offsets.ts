import type { Knex } from 'knex';
import { z } from 'zod';
import type { FolderClockOffsets } from '../domain/frozen-clock-offsets.js';
import type { ClockOffset } from '../domain/instrument.js';
import type { Dialect } from './dialect.js';
import { instantMs, instantText, optionalInstantText } from './instant.js';
import { jsonColumn } from './json-column.js';
import { scopedSession } from './scope.js';
import type { SessionRow } from './tables.js';

interface StoredOffset {
  valid_from: string;
  offset_ms: number;
}

const storedOffsets = z.array(z.object({ valid_from: z.iso.datetime(), offset_ms: z.number() }));
const offsetsColumn = jsonColumn<readonly StoredOffset[]>(storedOffsets);
const frozenColumn = jsonColumn<readonly { path: string; offsets: readonly StoredOffset[] }[]>(
  z.array(z.object({ path: z.string(), offsets: storedOffsets })),
);

function toStored(offsets: readonly ClockOffset[]): readonly StoredOffset[] {
  return offsets.map(({ validFromMs, offsetMs }) => ({
    valid_from: instantText(validFromMs),
    offset_ms: offsetMs,
  }));
}

function fromStored(offsets: readonly StoredOffset[]): readonly ClockOffset[] {
  return offsets
    .map((offset) => ({ validFromMs: instantMs(offset.valid_from), offsetMs: offset.offset_ms }))
    .sort((a, b) => a.validFromMs - b.validFromMs);
}

/** The clock offsets in a row of `instrument_folders`, sorted. @throws AppError DATABASE_CONSTRAINT. */
export function readClockOffsets(stored: string): readonly ClockOffset[] {
  return fromStored(offsetsColumn.read(stored));
}

/** What `instrument_folders` keeps of clock offsets. @throws AppError INPUT_INVALID. */
export function writeClockOffsets(offsets: readonly ClockOffset[]): string {
  return offsetsColumn.write(toStored(offsets));
}

/** The clock offsets frozen in a row of `sessions`; null: none yet. @throws AppError DATABASE_CONSTRAINT. */
export function readFrozenOffsets(stored: string | null): readonly FolderClockOffsets[] | null {
  if (stored === null) return null;
  return frozenColumn.read(stored).map(({ path, offsets }) => ({
    path,
    offsets: fromStored(offsets),
  }));
}

function writeFrozenOffsets(frozen: readonly FolderClockOffsets[]): string {
  return frozenColumn.write(
    frozen.map(({ path, offsets }) => ({ path, offsets: toStored(offsets) })),
  );
}

/**
 * Freezes the clock offsets of a session's instrument on the session, once its END is there and has passed. What is
 * frozen already stays. In the caller's transaction and under the session's lock.
 */
export async function freezeClockOffsets(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
): Promise<void> {
  // A folder that was only ever named in `instruments` has no row of its own.
  const rows = await transaction('sessions')
    .join('instruments', 'instruments.instrument_pid', 'sessions.instrument')
    .leftJoin('instrument_folders', 'instrument_folders.instrument_pid', 'sessions.instrument')
    .where('sessions.session_identifier', identifier)
    .whereNull('sessions.clock_offsets')
    .whereRaw(`sessions.end_at <= ${dialect.now}`)
    .select<{ filestore_path: string; path: string | null; clock_offsets: string | null }[]>(
      'instruments.filestore_path',
      'instrument_folders.path',
      'instrument_folders.clock_offsets',
    );
  const [first] = rows;
  if (first === undefined) return;
  const frozen = rows.flatMap(({ path, clock_offsets }) =>
    path === null || clock_offsets === null
      ? []
      : [{ path, offsets: readClockOffsets(clock_offsets) }],
  );
  if (!frozen.some(({ path }) => path === first.filestore_path)) {
    frozen.unshift({ path: first.filestore_path, offsets: [] });
  }
  await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .update({ clock_offsets: writeFrozenOffsets(frozen) });
}

/** What stays frozen in a working row: nothing, once END or the instrument is another. */
export function stillFrozen(
  before: SessionRow,
  now: { readonly instrumentPid: string | null; readonly endMs: number | null },
): string | null {
  const isSame =
    before.instrument === (now.instrumentPid ?? before.instrument) &&
    before.end_at === optionalInstantText(now.endMs);
  return isSame ? before.clock_offsets : null;
}

/** Freezes clock offsets on a session, over what was frozen before. */
export async function saveClockOffsets(
  identifier: string,
  frozen: readonly FolderClockOffsets[],
): Promise<void> {
  const transaction = await scopedSession().writer();
  await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .update({ clock_offsets: writeFrozenOffsets(frozen) });
}
