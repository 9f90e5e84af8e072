import type { Context } from './context.js';
import { instantOf, type Instant, type Time } from './instants.js';
import { newReservation } from './new-rows.js';
import type { ReservationRow, UsageEventRow } from './rows.js';

/** A reservation that counts. */
function isValid({ cancelled, missed, shortened }: ReservationRow): boolean {
  return !cancelled && !missed && !shortened;
}

/** Times are never changed in place: a copy with the answers follows the old row. */
function replaced(
  context: Context,
  id: number,
  times: { readonly start: Instant; readonly end: Instant },
  mark: Partial<ReservationRow>,
): ReservationRow {
  const { reservations } = context.database;
  const descendant = reservations.put({
    ...reservations.get(id),
    ...times,
    id: reservations.nextId(),
    creation_time: context.clock.now(),
  });
  reservations.update(id, { ...mark, descendant: descendant.id });
  return descendant;
}

/** The end of a use shortens the user's reservation that runs. */
export function shortenReservation(context: Context, event: UsageEventRow, end: Instant): void {
  const running = context.database.reservations
    .all()
    .find(
      (reservation) =>
        isValid(reservation) &&
        reservation.tool === event.tool &&
        reservation.user === event.user &&
        reservation.start < end &&
        reservation.end > end,
    );
  if (running === undefined) return;
  replaced(context, running.id, { start: running.start, end }, { shortened: true });
}

/** What people do in the calendar. */
export function reservationControls(context: Context) {
  const { database, clock } = context;

  function addReservation(
    values: Partial<Omit<ReservationRow, 'start' | 'end'>> &
      Pick<ReservationRow, 'user'> & { readonly start: Time; readonly end: Time },
  ): ReservationRow {
    return database.reservations.put(
      newReservation({
        ...{ id: database.reservations.nextId(), creation_time: clock.now(), creator: values.user },
        ...values,
        start: instantOf(values.start),
        end: instantOf(values.end),
      }),
    );
  }

  /** Moves or resizes: the old row is cancelled, or shortened when only its end came nearer. */
  function moveReservation(
    id: number,
    times: { readonly start: Time; readonly end: Time },
  ): ReservationRow {
    const old = database.reservations.get(id);
    const start = instantOf(times.start);
    const end = instantOf(times.end);
    const isShortened = start === old.start && end < old.end;
    const cancelled = { cancelled: true, cancellation_time: clock.now(), cancelled_by: old.user };
    return replaced(context, id, { start, end }, isShortened ? { shortened: true } : cancelled);
  }

  function cancelReservation(id: number, by?: number): ReservationRow {
    return database.reservations.update(id, {
      cancelled: true,
      cancellation_time: clock.now(),
      cancelled_by: by ?? database.reservations.get(id).user,
    });
  }

  /** Its user answers otherwise, as newer versions let them. */
  function changeReservation(
    id: number,
    changes: Partial<Omit<ReservationRow, 'id'>>,
  ): ReservationRow {
    return database.reservations.update(id, changes);
  }

  return { addReservation, moveReservation, cancelReservation, changeReservation };
}

export type ReservationControls = ReturnType<typeof reservationControls>;
