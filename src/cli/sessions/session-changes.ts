import type { WorkingSession } from '../../domain/working-session.js';
import { escapeControls } from '../../log-values.js';
import { localTimeText } from '../local-time-text.js';
import { isoOrNull } from './session-words.js';

/** What changed of a session: field, value before and after, times as ISO 8601 in UTC. */
export interface SessionChange {
  readonly field: 'start' | 'end' | 'user' | 'instrument' | 'status';
  readonly from: string | null;
  readonly to: string | null;
}

type Compared = Pick<WorkingSession, 'startMs' | 'endMs' | 'user' | 'instrumentPid' | 'status'>;

/** What differs between a session before and after a correction. */
export function sessionChanges(before: Compared, after: Compared): readonly SessionChange[] {
  const all: readonly SessionChange[] = [
    { field: 'start', from: isoOrNull(before.startMs), to: isoOrNull(after.startMs) },
    { field: 'end', from: isoOrNull(before.endMs), to: isoOrNull(after.endMs) },
    { field: 'user', from: before.user, to: after.user },
    { field: 'instrument', from: before.instrumentPid, to: after.instrumentPid },
    { field: 'status', from: before.status, to: after.status },
  ];
  return all.filter(({ from, to }) => from !== to);
}

/** The changes for people, a line each. @param zone in which times are shown */
export function changeLines(changes: readonly SessionChange[], zone: string): string[] {
  return changes.map(({ field, from, to }) => {
    const isTime = field === 'start' || field === 'end';
    const text = (value: string | null): string => {
      if (value === null) return 'none';
      return isTime ? localTimeText(Date.parse(value), zone) : escapeControls(value);
    };
    return `  ${field}: ${text(from)} is now ${text(to)}`;
  });
}

/**
 * What a person has to know after the inputs of a session changed.
 * @param version of the current record; null: none
 */
export function changeRemarks(
  before: Compared,
  after: Compared & Pick<WorkingSession, 'key'>,
  version: number | null,
): readonly string[] {
  const remarks: string[] = [];
  const isBuiltAgain = after.status === 'TO_BE_BUILT' && version !== null;
  if (isBuiltAgain && before.status !== after.status) {
    remarks.push(
      `The next pass builds it again; version ${version} of its record stays until then.`,
    );
  }
  const isNarrower =
    (before.startMs ?? -Infinity) < (after.startMs ?? -Infinity) ||
    (before.endMs ?? Infinity) > (after.endMs ?? Infinity) ||
    before.instrumentPid !== after.instrumentPid;
  if (version !== null && isNarrower) {
    remarks.push(
      'Files of the record that are outside now stay in it, marked as missing. ' +
        `To drop them: recordsmith sessions retry ${after.key} --fresh`,
    );
  }
  return remarks;
}

/** Warnings about times that have not come yet. @param nowMs epoch milliseconds */
export function futureWarnings(
  { startMs, endMs }: Pick<WorkingSession, 'startMs' | 'endMs'>,
  nowMs: number,
): readonly string[] {
  const isFuture = (epochMs: number | null): boolean => epochMs !== null && epochMs > nowMs;
  return [
    ...(isFuture(startMs) ? ['The START lies in the future: is it the right day and zone?'] : []),
    ...(isFuture(endMs)
      ? ['The END lies in the future: the record is not built before it has passed.']
      : []),
  ];
}
