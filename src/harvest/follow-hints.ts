import { z } from 'zod';
import { toolMapping } from '../db/tool-mapping.js';
import { forgetUsageEvent } from '../db/forget-usage-event.js';
import { knownUsageEvent, type KnownUsageEvent } from '../db/usage-event-store.js';
import { takeUsageEvent } from '../db/take-usage-event.js';
import {
  finishHints,
  putOffHints,
  takeDueHints,
  type TakenHints,
} from '../db/webhook-hint-store.js';
import { isAppError } from '../errors.js';
import { parseUsageEvent, type UsageEvent } from '../sources/nemo/nemo-rows.js';
import type { NemoHarvester } from './nemo-harvester.js';
import type { NemoSource } from './nemo-source.js';
import { toolFamilies, UsageEventObserver } from './observe-usage-event.js';

/** Messages that are followed up together. */
const BATCH = 100;
/** Nobody else follows them up meanwhile: longer than NEMO is waited for. */
const CLAIM_SECONDS = 120;
/**
 * A message is sent before its transaction is committed: that NEMO does not have the event is believed only after these waits,
 * in seconds.
 */
const GRACE_SECONDS = [1, 2, 4, 8, 15] as const;
const LONGEST_WAIT_SECONDS = 300;

/** What following up came to. */
export interface FollowedHints {
  /** Usage events that began a session or changed one. */
  readonly changed: number;
  /** Messages that wait for another try. */
  readonly putOff: number;
}

/**
 * Follows up what a NEMO pushed, where it can be read: the message says only which usage event to look at.
 * @throws AppError SOURCE_* as NemoHarvester.refresh; the messages wait for another try.
 */
export async function followHints(
  source: NemoSource,
  harvester: NemoHarvester,
  signal: AbortSignal,
): Promise<FollowedHints> {
  const { database, name, clock } = source;
  let changed = 0;
  let putOff = 0;
  for (;;) {
    const taken = await takeBatch(source);
    if (taken.length === 0) return { changed, putOff };
    try {
      const ids = taken.map(({ eventId }) => eventId);
      const result = await harvester.refresh(ids, signal);
      changed += result.started + result.changed;
      for (const hints of taken) {
        const isMissing = result.missing.includes(hints.eventId);
        const wait = isMissing ? graceOf(hints) : null;
        await database.createScope(async () => {
          if (wait !== null) {
            await putOffHints(hints, wait);
            return;
          }
          if (isMissing) await forgetUsageEvent(name, hints.eventId, clock.now().toMillis());
          await finishHints(hints);
        });
        if (wait !== null) putOff += 1;
      }
    } catch (error) {
      await putOffAll(source, taken);
      throw error;
    }
  }
}

/** Seconds until an event that is not there is asked for again; null: it is gone. */
function graceOf({ messages, tries }: TakenHints): number | null {
  if (messages.at(-1)?.action === 'deleted') return null;
  return GRACE_SECONDS[tries] ?? null;
}

function takeBatch({ database, name }: NemoSource): Promise<readonly TakenHints[]> {
  return database.createScope(() =>
    takeDueHints({ source: name, limit: BATCH, claimSeconds: CLAIM_SECONDS }),
  );
}

async function putOffAll({ database }: NemoSource, taken: readonly TakenHints[]): Promise<void> {
  await database.createScope(async () => {
    for (const hints of taken) {
      await putOffHints(hints, Math.min(2 ** hints.tries, LONGEST_WAIT_SECONDS));
    }
  });
}

/** User names in an expanded `user` or `operator`. */
const person = z.object({ id: z.int(), username: z.string().min(1) });

/**
 * Follows up what a NEMO pushed that cannot be read for want of a token: the messages themselves are taken in, as far as
 * they lead forward.
 */
export async function applyPayloads(
  source: NemoSource,
  observer: UsageEventObserver,
  signal: AbortSignal,
): Promise<FollowedHints> {
  const { database, name, url } = source;
  let changed = 0;
  for (;;) {
    const taken = await takeBatch(source);
    if (taken.length === 0) return { changed, putOff: 0 };
    const families = toolFamilies(await database.createScope(() => toolMapping(name, url)), []);
    for (const hints of taken) {
      for (const message of hints.messages) {
        const event = payloadOf(source, hints.eventId, message.payload);
        if (event === null) continue;
        const observed = await observer.observe(event, families, {
          ...{ client: null, signal, isConfirmed: false },
          names: namesIn(message.payload),
        });
        changed += await database.createScope(async () => {
          const nowMs = source.clock.now().toMillis();
          if (message.action === 'deleted') {
            const session = await forgetUsageEvent(name, hints.eventId, nowMs);
            return session === 'nothing to do' ? 0 : 1;
          }
          const known = await knownUsageEvent(name, hints.eventId);
          const isNew = known === null;
          if (isNew && !isWanted(source, observed.start.epochMs)) return 0;
          if (isNew && families.instrumentOf(event.toolId)?.active !== true) return 0;
          if (!isNew && !leadsForward(known, event)) return 0;
          const effect = await takeUsageEvent(observed, nowMs);
          return effect === 'started' || effect === 'changed' ? 1 : 0;
        });
      }
      await database.createScope(() => finishHints(hints));
    }
  }
}

function isWanted({ sinceMs }: NemoSource, startMs: number): boolean {
  return sinceMs === null || startMs >= sinceMs;
}

/**
 * Whether a message may be newer than what is known. Messages overtake each other, and nothing in them says when the row was
 * so: an event that ended is not reopened and one that is gone does not return by them, and the end that NEMO counted later
 * wins.
 */
function leadsForward(known: KnownUsageEvent, event: UsageEvent): boolean {
  if (known.hasVanished) return false;
  if (known.endMs === null) return true;
  if (event.end === null) return false;
  return (event.hasEnded ?? 0) >= (known.hasEnded ?? 0);
}

function payloadOf(
  { name, readTimes, log }: NemoSource,
  eventId: number,
  payload: TakenHints['messages'][number]['payload'],
): UsageEvent | null {
  if (payload === null) return null;
  try {
    return parseUsageEvent(payload, readTimes);
  } catch (error) {
    if (!isAppError(error)) throw error;
    log.warn('A pushed usage event cannot be read and is left out.', {
      source: name,
      eventId,
      error,
    });
    return null;
  }
}

function namesIn(payload: TakenHints['messages'][number]['payload']): ReadonlyMap<number, string> {
  const people = [payload?.['user'], payload?.['operator']].map((value) => person.safeParse(value));
  return new Map(
    people.flatMap(({ data }) => (data === undefined ? [] : [[data.id, data.username]])),
  );
}
