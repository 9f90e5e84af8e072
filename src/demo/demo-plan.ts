import { DateTime } from 'luxon';
import { AppError } from '../errors.js';
import { extensionOf, type DemoContentKind } from './demo-contents.js';
import { DEMO_INSTRUMENTS, SPECTRA_FOLDER } from './demo-instruments.js';

/** A file of the lab. */
export interface DemoFile {
  /** Below paths.data. */
  readonly folder: string;
  /** As bytes, since not every name is UTF-8. */
  readonly name: Buffer;
  readonly kind: DemoContentKind;
  /** Modification time to be staged. */
  readonly written: DateTime<true>;
  /** The copy broke off: only the first part of it is there. */
  readonly isTruncated: boolean;
  /** It arrives after the first record was made. */
  readonly isLate: boolean;
}

/** A session of the lab. */
export interface DemoSession {
  readonly identifier: string;
  readonly instrumentPid: string;
  readonly user: string;
  /** Null: the log has no START, or no END. */
  readonly start: DateTime<true> | null;
  readonly end: DateTime<true> | null;
  readonly files: readonly DemoFile[];
  /** Why a person cancels it; null: nobody does. */
  readonly cancelledBecause: string | null;
}

/** The session to which a file comes late, so that it is built twice. */
export const LATE_FILE_SESSION = 'late-file';

/** The user whose sessions the lab's rule skips. */
export const SERVICE_USER = 'service';

/** Names a time on an instrument's own clock: 1 and `09:30` is yesterday at half past nine. */
type LocalTime = (daysAgo: number, clock: string) => DateTime<true>;

function valid(time: DateTime<true> | DateTime<false>): DateTime<true> {
  if (!time.isValid) throw new AppError('INTERNAL', 'The demo made an impossible time.');
  return time;
}

function localTimes(pid: string, now: DateTime<true>): LocalTime {
  const zone = DEMO_INSTRUMENTS.find((instrument) => instrument.pid === pid)?.timezone ?? 'utc';
  return (daysAgo, clock) => {
    const day = now.setZone(zone).minus({ days: daysAgo }).toISODate();
    return valid(DateTime.fromISO(`${day ?? ''}T${clock}`, { zone }));
  };
}

type FileOptions = Partial<Pick<DemoFile, 'folder' | 'name' | 'isTruncated' | 'isLate'>>;

/** A file named after its kind and time unless the options say otherwise. */
function file(
  pid: string,
  kind: DemoContentKind,
  written: DateTime<true>,
  options: FileOptions = {},
): DemoFile {
  const name = `${kind.replaceAll(' ', '_')}_${written.toFormat('HHmm')}${extensionOf(kind)}`;
  return {
    folder: `${pid}/${written.toFormat('yyyy-MM-dd')}`,
    name: Buffer.from(name, 'utf8'),
    kind,
    written,
    isTruncated: false,
    isLate: false,
    ...options,
  };
}

function session(
  identifier: string,
  instrumentPid: string,
  user: string,
  time: readonly [start: DateTime<true> | null, end: DateTime<true> | null],
  files: readonly DemoFile[] = [],
  cancelledBecause: string | null = null,
): DemoSession {
  const [start, end] = time;
  return { identifier, instrumentPid, user, start, end, files, cancelledBecause };
}

function titanSessions(now: DateTime<true>): DemoSession[] {
  const pid = 'Titan-TEM';
  const at = localTimes(pid, now);
  const picture = (daysAgo: number, clock: string, options: FileOptions = {}): DemoFile =>
    file(pid, 'particles', at(daysAgo, clock), options);
  return [
    session(
      'three-activities',
      pid,
      'ada',
      [at(1, '09:00'), at(1, '12:30')],
      [
        ...['09:12', '09:14', '09:17'].map((clock) => picture(1, clock)),
        file(pid, 'survey with spectrum', at(1, '10:31')),
        file(pid, 'x-ray spectrum', at(1, '10:33'), { folder: SPECTRA_FOLDER }),
        file(pid, 'x-ray spectrum', at(1, '10:36'), { folder: SPECTRA_FOLDER }),
        file(pid, 'diffraction', at(1, '12:02')),
        file(pid, 'diffraction', at(1, '12:05')),
        file(pid, 'notes', at(1, '12:08')),
      ],
    ),
    session(
      'truncated-file',
      pid,
      'ben',
      [at(1, '14:00'), at(1, '15:30')],
      [picture(1, '14:20'), picture(1, '14:24', { isTruncated: true }), picture(1, '14:29')],
    ),
    session(
      LATE_FILE_SESSION,
      pid,
      'ada',
      [at(2, '10:00'), at(2, '12:00')],
      [
        picture(2, '10:20'),
        picture(2, '10:23'),
        file(pid, 'diffraction', at(2, '11:40'), { isLate: true }),
      ],
    ),
    session('service-visit', pid, SERVICE_USER, [at(4, '08:00'), at(4, '16:00')]),
    session('end-before-start', pid, 'ben', [at(3, '14:00'), at(3, '13:00')]),
    session('no-files-yet', pid, 'ben', [now.minus({ hours: 3 }), now.minus({ minutes: 90 })]),
  ];
}

function heliosSessions(now: DateTime<true>): DemoSession[] {
  const pid = 'Helios';
  const at = localTimes(pid, now);
  // Whole seconds, which every file system keeps: the file is not a moment after END.
  const justNow = now.minus({ seconds: 5 }).startOf('second');
  const named = (clock: string, name: Buffer): DemoFile =>
    file(pid, 'grains', at(2, clock), { name });
  return [
    session(
      'https://nemo.example.org/api/usage_events/?id=101',
      pid,
      'eve',
      [at(1, '09:00'), at(1, '11:30')],
      ['09:20', '09:23', '09:25', '11:02', '11:04'].map((clock) =>
        file(pid, 'grains', at(1, clock)),
      ),
    ),
    session(
      'unusual-names',
      pid,
      'omar',
      [at(2, '14:00'), at(2, '15:00')],
      [
        // As a Windows PC with a western code page writes it: not UTF-8.
        named('14:10', Buffer.from('Körner 1.tif', 'latin1')),
        named('14:12', Buffer.from('Körner 🔬 & <grains> 100%.tif', 'utf8')),
      ],
    ),
    session('no-files', pid, 'eve', [at(5, '10:00'), at(5, '12:00')]),
    session('without-start', pid, 'omar', [null, at(3, '16:00')]),
    session(
      'still-arriving',
      pid,
      'omar',
      [now.minus({ minutes: 50 }), justNow],
      [
        // Written at the very END, so that it is the file that is waited for.
        file(pid, 'grains', justNow),
      ],
    ),
  ];
}

function quattroSessions(now: DateTime<true>): DemoSession[] {
  const pid = 'Quattro';
  const at = localTimes(pid, now);
  const picture = (folder: string, clock: string): DemoFile =>
    file(pid, 'grains', at(1, clock), { folder: `${pid}/${folder}` });
  return [
    session(
      'overlap-eve',
      pid,
      'eve',
      [at(1, '10:00'), at(1, '12:00')],
      [picture('eve', '10:30'), picture('eve', '11:31')],
    ),
    session(
      'overlap-omar',
      pid,
      'omar',
      [at(1, '11:00'), at(1, '13:00')],
      [picture('omar', '11:30'), picture('omar', '12:20')],
    ),
    session(
      'cancelled',
      pid,
      'ben',
      [at(2, '10:00'), at(2, '11:00')],
      [],
      'started on the wrong instrument',
    ),
    session('still-open', pid, 'eve', [now.minus({ minutes: 40 }), null]),
  ];
}

function otherSessions(now: DateTime<true>): DemoSession[] {
  const scanned = localTimes('Nano-CT', now);
  const away = localTimes('Cryo-TEM', now);
  return [
    session(
      'too-many-files',
      'Nano-CT',
      'ben',
      [scanned(2, '09:00'), scanned(2, '10:00')],
      ['09:10', '09:20', '09:30', '09:40'].map((clock) =>
        file('Nano-CT', 'grains', scanned(2, clock)),
      ),
    ),
    session('store-away', 'Cryo-TEM', 'ada', [away(1, '10:00'), away(1, '12:00')]),
  ];
}

/** The sessions of the lab: each shows one way in which a session can come out. Only the times depend on `now`. */
export function planDemo(now: DateTime<true>): readonly DemoSession[] {
  return [
    ...titanSessions(now),
    ...heliosSessions(now),
    ...quattroSessions(now),
    ...otherSessions(now),
  ];
}
