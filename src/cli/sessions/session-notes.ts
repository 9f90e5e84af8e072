import { addNote, listNotes, removeAnnotation } from '../../db/annotation-store.js';
import { getInstrument } from '../../db/instrument-store.js';
import { getSession } from '../../db/session-store.js';
import { AppError } from '../../errors.js';
import { actingUser } from '../acting-user.js';
import type { CommandContext } from '../command-context.js';
import { localTimeText } from '../local-time-text.js';
import { isoText } from '../report-json.js';
import { withDatabase } from '../with-database.js';

/** What `sessions note` was given. */
export interface SessionNotesOptions {
  readonly as?: string;
  /** Number of the note to remove. */
  readonly remove?: number;
}

/**
 * Adds a note to a session or removes one, then prints its notes.
 * @param text the new note; undefined: none
 * @throws AppError SESSION_NOT_FOUND, INPUT_INVALID for an empty or long note or an unknown number, USAGE.
 */
export async function noteAndPrint(
  context: CommandContext,
  id: string,
  text: string | undefined,
  { as, remove }: SessionNotesOptions,
): Promise<void> {
  if (text !== undefined && remove !== undefined) {
    throw new AppError('USAGE', 'Add a note or remove one, one after the other.', {
      remedy: 'recordsmith sessions note --help',
    });
  }
  const { session, zone, notes } = await withDatabase(context, ({ database }) =>
    database.createScope(async () => {
      const { identifier } = await getSession(id);
      const author = as ?? actingUser();
      if (text !== undefined) await addNote(identifier, text, author);
      if (remove !== undefined) await removeNote(identifier, remove, author);
      const noted = await getSession(identifier);
      const { timezone } = await getInstrument(noted.instrumentPid);
      return { session: noted, zone: timezone, notes: await listNotes(identifier) };
    }),
  );
  if (context.json) {
    context.printJson({
      session_identifier: session.identifier,
      session_key: session.key,
      status: session.status,
      notes: notes.map(({ id: number, note, author, createdAtMs }) => ({
        id: number,
        note,
        author,
        created: isoText(createdAtMs),
      })),
    });
    return;
  }
  if (notes.length === 0) context.note(`${session.key} has no notes.`);
  context.table(
    notes.map(({ id: number, note, author, createdAtMs }) => ({
      number,
      written: localTimeText(createdAtMs, zone),
      author,
      note,
    })),
  );
}

async function removeNote(identifier: string, number: number, author: string): Promise<void> {
  const notes = await listNotes(identifier);
  // Looked for first: removing nothing would still have the session built again.
  if (!notes.some((note) => note.id === number)) {
    throw new AppError('INPUT_INVALID', `The session has no note ${number}.`, {
      remedy: 'See `recordsmith sessions note ID` for its notes.',
      details: { note: number },
    });
  }
  await removeAnnotation('notes', identifier, number, author);
}
