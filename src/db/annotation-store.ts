import type { Knex } from 'knex';
import { z } from 'zod';
import { AppError } from '../errors.js';
import { boundedText, cleanOptionalText } from './clean-text.js';
import { instantMs } from './instant.js';
import { jsonColumn } from './json-column.js';
import { OPTIONAL_TEXT, requireInput, requireText, TEXT, WHOLE_NUMBER } from './library-input.js';
import { raiseAnnotated } from './raise-annotated.js';
import { scopedSession } from './scope.js';
import { lockedSession } from './locked-session.js';
import type {
  SessionAttributeRow,
  SessionDirectoryRow,
  SessionExperimenterRow,
  SessionNoteRow,
} from './tables.js';

/** What every annotation of a session has. */
export interface Annotation {
  readonly id: number;
  readonly author: string;
  /** Epoch milliseconds. */
  readonly createdAtMs: number;
}

/** Kinds of annotations. */
const ANNOTATION_KINDS = ['notes', 'attributes', 'directories', 'experimenters'] as const;
export type AnnotationKind = (typeof ANNOTATION_KINDS)[number];

const attributeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), text: TEXT }),
  z.object({ kind: z.literal('json'), json: z.json() }),
  z.object({
    kind: z.literal('bytes'),
    bytes: z.custom((bytes) => ArrayBuffer.isView(bytes), 'expected bytes'),
  }),
]);
const personSchema = z.object({ username: TEXT, fullName: OPTIONAL_TEXT });
const kindSchema = z.enum(ANNOTATION_KINDS);

const anyJson = jsonColumn<unknown>(z.unknown());

/** Writes an annotation with `write` and raises the inputs of its session. */
async function annotate<T>(
  idOrKey: string,
  author: string,
  write: (transaction: Knex, row: { session_identifier: string; author: string }) => Promise<T>,
): Promise<T> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const result = await write(transaction, {
    session_identifier: session.session_identifier,
    author: boundedText('The author', author, 255),
  });
  await raiseAnnotated(transaction, unit.dialect, session.session_identifier);
  return result;
}

function idOf(rows: readonly { id: number }[]): number {
  const id = rows[0]?.id;
  if (id === undefined) throw new AppError('INTERNAL', 'The new annotation has no row.');
  return id;
}

/** Adds a note of at most 1024 characters. @returns its id. */
export function addNote(idOrKey: string, note: string, author: string): Promise<number> {
  return annotate(idOrKey, author, async (transaction, row) =>
    idOf(
      await transaction<SessionNoteRow>('session_notes')
        .insert({ ...row, note: boundedText('The note', note, 1024) })
        .returning('id'),
    ),
  );
}

/** The notes of a session, oldest first. */
export async function listNotes(
  sessionIdentifier: string,
): Promise<readonly (Annotation & { readonly note: string })[]> {
  requireText(sessionIdentifier, 'The session identifier');
  const rows = await scopedSession()
    .reader()<SessionNoteRow>('session_notes')
    .where('session_identifier', sessionIdentifier)
    .orderBy('id')
    .select();
  return rows.map((row) => ({ ...toAnnotation(row), note: row.note }));
}

function toAnnotation(row: { id: number; author: string; created_at: string }): Annotation {
  return { id: row.id, author: row.author, createdAtMs: instantMs(row.created_at) };
}

/** The value of an attribute. */
export type AttributeValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'json'; readonly json: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Buffer };

/**
 * Sets a named value of a session (name at most 32, text at most 2000 characters).
 * @throws AppError INPUT_INVALID, SESSION_NOT_FOUND.
 */
export async function setAttribute(
  idOrKey: string,
  name: string,
  value: AttributeValue,
  author: string,
): Promise<void> {
  requireInput(attributeSchema, value, 'The value');
  return annotate(idOrKey, author, async (transaction, row) => {
    const columns = {
      value: value.kind === 'text' ? boundedText('The value', value.text, 2000) : null,
      value_json: value.kind === 'json' ? anyJson.write(value.json) : null,
      value_bytes: value.kind === 'bytes' ? value.bytes : null,
    };
    await transaction('session_attributes')
      .insert({ ...row, ...columns, name: boundedText('The name', name, 32) })
      .onConflict(['session_identifier', 'name'])
      .merge({ ...columns, author: row.author });
  });
}

/** The named values of a session. */
export async function listAttributes(
  sessionIdentifier: string,
): Promise<readonly (Annotation & { readonly name: string; readonly value: AttributeValue })[]> {
  requireText(sessionIdentifier, 'The session identifier');
  const rows = await scopedSession()
    .reader()<SessionAttributeRow>('session_attributes')
    .where('session_identifier', sessionIdentifier)
    .orderBy('id')
    .select();
  return rows.map((row) => ({ ...toAnnotation(row), name: row.name, value: attributeValue(row) }));
}

function attributeValue(row: SessionAttributeRow): AttributeValue {
  if (row.value_json !== null) return { kind: 'json', json: anyJson.read(row.value_json) };
  if (row.value_bytes !== null) return { kind: 'bytes', bytes: row.value_bytes };
  return { kind: 'text', text: row.value ?? '' };
}

/** Says in which folder (relative to paths.data) the files of a session lie. @returns its id. */
export async function addDirectory(
  idOrKey: string,
  directory: string,
  author: string,
): Promise<number> {
  requireText(directory, 'The directory');
  const cleaned = boundedText('The directory', directory.replaceAll(/\/+$/g, ''), 4096);
  if (cleaned.startsWith('/') || cleaned.split('/').includes('..')) {
    throw new AppError('INPUT_INVALID', `The directory ${cleaned} is not inside paths.data.`, {
      remedy: 'Give it relative to paths.data, without "..".',
    });
  }
  return annotate(idOrKey, author, async (transaction, row) =>
    idOf(
      await transaction<SessionDirectoryRow>('session_directories')
        .insert({ ...row, directory: cleaned })
        .returning('id'),
    ),
  );
}

/** The folders named for a session. */
export async function listDirectories(
  sessionIdentifier: string,
): Promise<readonly (Annotation & { readonly directory: string })[]> {
  requireText(sessionIdentifier, 'The session identifier');
  const rows = await scopedSession()
    .reader()<SessionDirectoryRow>('session_directories')
    .where('session_identifier', sessionIdentifier)
    .orderBy('id')
    .select();
  return rows.map((row) => ({ ...toAnnotation(row), directory: row.directory }));
}

/** Names a person who took part besides the user. */
export async function addExperimenter(
  idOrKey: string,
  person: { readonly username: string; readonly fullName?: string | null },
  author: string,
): Promise<void> {
  requireInput(personSchema, person, 'The person');
  return annotate(idOrKey, author, async (transaction, row) => {
    const fullName = cleanOptionalText(person.fullName);
    await transaction('session_experimenters')
      .insert({
        ...row,
        username: boundedText('The user name', person.username, 255),
        full_name: fullName,
      })
      .onConflict(['session_identifier', 'username'])
      .merge({ full_name: fullName, author: row.author });
  });
}

/** The people named besides the user. */
export async function listExperimenters(
  sessionIdentifier: string,
): Promise<
  readonly (Annotation & { readonly username: string; readonly fullName: string | null })[]
> {
  requireText(sessionIdentifier, 'The session identifier');
  const rows = await scopedSession()
    .reader()<SessionExperimenterRow>('session_experimenters')
    .where('session_identifier', sessionIdentifier)
    .orderBy('id')
    .select();
  return rows.map((row) => ({
    ...toAnnotation(row),
    username: row.username,
    fullName: row.full_name,
  }));
}

/** Removes an annotation. @returns false when the session has none with this id. */
export async function removeAnnotation(
  kind: AnnotationKind,
  idOrKey: string,
  id: number,
  author: string,
): Promise<boolean> {
  requireInput(kindSchema, kind, 'The kind of annotation');
  requireInput(WHOLE_NUMBER, id, 'The number of the annotation');
  return annotate(idOrKey, author, async (transaction, row) => {
    const removed = await transaction(`session_${kind}`)
      .where({ session_identifier: row.session_identifier, id })
      .del();
    return removed > 0;
  });
}
