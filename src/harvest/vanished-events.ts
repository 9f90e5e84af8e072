import { passFailed, passSucceeded, sourceCursor } from '../db/source-cursor-store.js';
import { forgetUsageEvent } from '../db/forget-usage-event.js';
import { isAppError } from '../errors.js';
import type { HarvestPass, NemoSource, ReadableSource } from './nemo-source.js';

/** As many may vanish in one pass without anybody asking why. */
const MOST_VANISHED = 5;
const MOST_VANISHED_SHARE = 0.05;

/** Usage events that NEMO did not answer with. */
export interface MissingEvents {
  /** The pass that found it. */
  readonly pass: HarvestPass;
  readonly eventIds: readonly number[];
  /** How many were looked for. */
  readonly of: number;
}

/**
 * Has the sessions of usage events go that NEMO has no more. More than 5 events and 5 % of those looked for at once are no
 * deletions but a NEMO restored from a backup, another database behind the address, or a right that was taken away: then
 * nothing changes and somebody has to look.
 * @returns how many are gone
 * @throws AppError as NemoClient.usageEvent
 */
export async function forgetVanished(
  source: ReadableSource,
  { pass, eventIds, of }: MissingEvents,
  signal: AbortSignal,
): Promise<number> {
  if (eventIds.length > MOST_VANISHED && eventIds.length > of * MOST_VANISHED_SHARE) {
    await raiseAlarm(source, { pass, eventIds, of });
    return 0;
  }
  await liftAlarm(source, pass);
  let gone = 0;
  for (const eventId of eventIds) {
    if (await isThere(source, eventId, signal)) continue;
    const nowMs = source.clock.now().toMillis();
    const session = await source.database.createScope(() =>
      forgetUsageEvent(source.name, eventId, nowMs),
    );
    if (session === 'nothing to do') continue;
    gone += 1;
    source.log.info('NEMO no longer has a usage event.', {
      source: source.name,
      eventId,
      session,
    });
  }
  return gone;
}

/** A list may have left out what moved between two of its pages, and what cannot be read: the event itself is asked for. */
export async function isThere(
  { client }: Pick<ReadableSource, 'client'>,
  eventId: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await client.usageEvent(eventId, { signal })) !== null;
  } catch (error) {
    if (isAppError(error) && error.code === 'SOURCE_ANSWER_INVALID') return true;
    throw error;
  }
}

/** Under what `source_cursors` keeps that many events were missing. */
function alarmOf(pass: HarvestPass): string {
  return `${pass}-vanished`;
}

async function liftAlarm({ name, clock, database }: NemoSource, pass: HarvestPass): Promise<void> {
  const alarm = alarmOf(pass);
  const nowMs = clock.now().toMillis();
  await database.createScope(async () => {
    const { failures } = await sourceCursor(name, alarm);
    if (failures > 0) await passSucceeded(name, alarm, { positionMs: null, nowMs });
  });
}

/** Told once, and kept for whoever asks how the source is, until a comparison goes well. */
async function raiseAlarm(
  { name, log, clock, database }: NemoSource,
  { pass, eventIds, of }: MissingEvents,
): Promise<void> {
  const alarm = alarmOf(pass);
  const remedy =
    'See whether NEMO shows them and the token may read them. If they were deleted, cancel their sessions: recordsmith sessions cancel ID...';
  const reason = `${eventIds.length} of ${of} usage events vanished at once, from ${eventIds.slice(0, 5).join(', ')} on.`;
  const nowMs = clock.now().toMillis();
  const isNew = await database.createScope(async () => {
    const { failures } = await sourceCursor(name, alarm);
    await passFailed(name, alarm, {
      reason: `${reason} ${remedy}`,
      nowMs,
      nextAttemptAtMs: null,
    });
    return failures === 0;
  });
  if (!isNew) return;
  log.error('Many usage events vanished from NEMO at once; nothing was changed.', {
    source: name,
    vanished: eventIds.length,
    of,
    eventIds: eventIds.slice(0, 20),
    remedy,
  });
}
