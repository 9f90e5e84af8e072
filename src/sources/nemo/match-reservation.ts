import type { NemoClient, ReadOptions } from './nemo-client.js';
import type { Tool } from './nemo-lookups.js';
import { isValidReservation, type Reservation, type UsageEvent } from './nemo-rows.js';

/**
 * Finds the reservation that a use of a tool was booked by: of those of the tool's family (the tool, its parent and the other
 * alternates) that hold, the one that overlaps it most. Of equals, one of the same person goes first, then the one made later.
 * Cancelled, missed and shortened ones do not hold; what took their place is a reservation of its own, with their answers.
 * @param endMs of the use, epoch milliseconds
 */
export async function findReservation(
  client: Pick<NemoClient, 'tools' | 'reservations'>,
  event: UsageEvent,
  endMs: number,
  options: ReadOptions,
): Promise<Reservation | null> {
  const startMs = event.start.epochMs;
  const family = await familyOf(client, event.toolId, options);
  const candidates: Reservation[] = [];
  for (const toolId of family) {
    // A use without duration lies in a reservation too.
    const found = await client.reservations(toolId, startMs, Math.max(endMs, startMs + 1), options);
    candidates.push(...found.filter((one) => isValidReservation(one) && one.descendantId === null));
  }
  return bestOf(candidates, event, startMs, endMs);
}

/** The tool and all that share its calendar with it. */
async function familyOf(
  client: Pick<NemoClient, 'tools'>,
  toolId: number,
  options: ReadOptions,
): Promise<readonly number[]> {
  const isKnown = (list: readonly Tool[]): boolean => list.some(({ id }) => id === toolId);
  const remembered = await client.tools(options);
  // A tool that was made since has its reservations at its parent.
  const tools = isKnown(remembered)
    ? remembered
    : await client.tools({ ...options, refresh: true });
  const head = tools.find(({ id }) => id === toolId)?.parentToolId ?? toolId;
  const members = tools.filter(({ id, parentToolId }) => id === head || parentToolId === head);
  return [...new Set([toolId, ...members.map(({ id }) => id)])];
}

function bestOf(
  candidates: readonly Reservation[],
  event: UsageEvent,
  startMs: number,
  endMs: number,
): Reservation | null {
  const overlapMs = ({ start, end }: Reservation): number =>
    Math.min(end.epochMs, endMs) - Math.max(start.epochMs, startMs);
  const isOfUser = ({ userId }: Reservation): number => Number(userId === event.userId);
  const createdMs = ({ creationTime }: Reservation): number => creationTime?.epochMs ?? 0;
  const isInstant = endMs <= startMs;
  const [best] = candidates
    .filter((one) => (isInstant ? overlapMs(one) >= 0 : overlapMs(one) > 0))
    .sort(
      (a, b) =>
        overlapMs(b) - overlapMs(a) ||
        isOfUser(b) - isOfUser(a) ||
        createdMs(b) - createdMs(a) ||
        b.id - a.id,
    );
  return best ?? null;
}
