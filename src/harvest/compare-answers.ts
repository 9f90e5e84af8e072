import { answeredUsageEvents } from '../db/usage-event-store.js';
import { raiseForAnswers } from '../db/take-usage-event.js';
import { askNemo, digestOfReply } from '../sources/nemo/ask-nemo.js';
import type { ReadableSource } from './nemo-source.js';

/** How long after the end of a use its answers, and those of its reservation, are read again. */
const WATCHED_MS = 7 * 86_400_000;
/** The latest uses alone: each costs several requests. */
const MOST_COMPARED = 500;

/**
 * Compares what NEMO answers now about the uses that were built lately with what their builds were told: an answer of a
 * reservation can change without the usage event showing it. Those that were told something else are to be built again.
 * @returns how many
 * @throws AppError SOURCE_* as NemoClient
 */
export async function compareAnswers(source: ReadableSource, signal: AbortSignal): Promise<number> {
  const { database, name, clock, client, url, asked } = source;
  const nowMs = clock.now().toMillis();
  const events = await database.createScope(() =>
    answeredUsageEvents(name, { endFromMs: nowMs - WATCHED_MS, limit: MOST_COMPARED }),
  );
  let changed = 0;
  for (const { eventId, sessionIdentifier, endMs, detailsSha256 } of events) {
    const nemo = { baseUrl: url, client, settings: asked };
    const reply = await askNemo(nemo, { eventId, endMs }, { signal });
    // One that is gone is found by comparing usage events.
    if (reply.kind === 'gone' || digestOfReply(reply) === detailsSha256) continue;
    await database.createScope(() => raiseForAnswers(sessionIdentifier));
    changed += 1;
  }
  return changed;
}
