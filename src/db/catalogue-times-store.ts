import type { Location } from '../domain/location.js';
import { optionalInstantMs } from './instant.js';
import { query } from './query.js';
import { scopedSession } from './scope.js';

/** When a file of a current record says it was acquired, and when it was written. */
export interface CatalogueTimes {
  readonly location: Location;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  /** Epoch milliseconds. */
  readonly acquiredMs: number;
}

/** Sessions back that are looked at, and files of each: enough for a year of daily use, little enough for any store. */
const SESSIONS = 300;
const FILES_A_SESSION = 40;

/**
 * The times of files in the newest records of an instrument that say when they were acquired, in the order of their
 * sessions; a bounded number of each session. What went missing since is left out.
 */
export async function catalogueTimes(instrumentPid: string): Promise<readonly CatalogueTimes[]> {
  const { dialect } = scopedSession();
  const rows = await query(
    `select location, cast(mtime_ns as text) as mtime_ns, ${dialect.instantText('acquired_at')} as acquired
    from (
      select recent.start_at, datasets.seqno, datasets.location, datasets.mtime_ns, datasets.acquired_at,
        row_number() over (partition by datasets.record_id order by datasets.seqno) as place
      from (
        select records.id, sessions.start_at from sessions
        join records on records.session_identifier = sessions.session_identifier
        where sessions.instrument = ? and records.superseded_at is null and records.withdrawn_at is null
        order by sessions.start_at desc limit ${SESSIONS}
      ) as recent
      join datasets on datasets.record_id = recent.id
      where datasets.acquired_at is not null and datasets.missing_since is null and datasets.signal_number = 1
    ) as numbered
    where place <= ${FILES_A_SESSION} order by start_at, seqno`,
    [instrumentPid],
  );
  return rows.flatMap((row) => {
    const acquiredMs = optionalInstantMs(String(row['acquired']));
    const location = String(row['location']);
    return acquiredMs === null
      ? []
      : [{ location, mtimeNs: BigInt(String(row['mtime_ns'])), acquiredMs }];
  });
}
