import type { Knex } from 'knex';
import { z } from 'zod';
import type { Project } from '../domain/record.js';
import { AppError } from '../errors.js';
import { boundedText, cleanOptionalText } from './clean-text.js';
import { raiseAnnotated } from './raise-annotated.js';
import { scopedSession } from './scope.js';
import { OPTIONAL_TEXT, requireInput, requireText, TEXT, WHOLE_NUMBER } from './library-input.js';
import type { Dialect } from './dialect.js';
import { lockedSession } from './locked-session.js';
import type { ProjectRow } from './tables.js';

/** A project as stored; its name is always known. */
export interface StoredProject extends Project {
  readonly id: number;
  readonly name: string;
}

function toProject(row: ProjectRow): StoredProject {
  return {
    id: row.id,
    name: row.name,
    division: row.division,
    group: row.group,
    projectId: row.project_id,
    ref: row.ref,
  };
}

const projectSchema = z.object({
  name: TEXT,
  division: OPTIONAL_TEXT,
  group: OPTIONAL_TEXT,
  projectId: OPTIONAL_TEXT,
  ref: OPTIONAL_TEXT,
});

/**
 * Adds a project, or changes the one of this name; then the records of its sessions are made anew.
 * @returns its id.
 * @throws AppError INPUT_INVALID, DATABASE_CONSTRAINT when another project has the same projectId.
 */
export async function saveProject(
  project: Project & { readonly name: string },
  author: string,
): Promise<number> {
  requireInput(projectSchema, project, 'The project');
  const unit = scopedSession();
  const transaction = await unit.writer();
  const columns = {
    division: cleanOptionalText(project.division),
    group: cleanOptionalText(project.group),
    project_id: cleanOptionalText(project.projectId),
    ref: cleanOptionalText(project.ref),
    author: boundedText('The author', author, 255),
  };
  const name = boundedText('The name', project.name, 255);
  const before = await transaction<ProjectRow>('projects').where('name', name).first();
  const rows: { id: number }[] = await transaction('projects')
    .insert({ ...columns, name })
    .onConflict(['name'])
    .merge({ ...columns, updated_at: transaction.raw(unit.dialect.now) })
    .returning('id');
  const id = rows[0]?.id;
  if (id === undefined) throw new AppError('INTERNAL', 'The project has no row.');
  if (before !== undefined && differs(before, columns)) {
    await raiseSessions(transaction, unit.dialect, id);
  }
  return id;
}

type ProjectColumns = Pick<ProjectRow, 'division' | 'group' | 'project_id' | 'ref'>;

/** Whether anything that a record says of its project changed. */
function differs(before: ProjectColumns, after: ProjectColumns): boolean {
  return (
    before.division !== after.division ||
    before.group !== after.group ||
    before.project_id !== after.project_id ||
    before.ref !== after.ref
  );
}

async function raiseSessions(transaction: Knex, dialect: Dialect, project: number): Promise<void> {
  const rows = await transaction<{ project: number; session_identifier: string }>(
    'project_sessions',
  )
    .where({ project })
    .select('session_identifier');
  const identifiers = rows.map((row) => row.session_identifier);
  // Always in the same order, so that two that do so wait instead of blocking each other.
  for (const identifier of identifiers.sort()) {
    await dialect.lockSession(transaction, identifier);
    await raiseAnnotated(transaction, dialect, identifier);
  }
}

/** All projects, in order of their names' bytes. */
export async function listProjects(): Promise<readonly StoredProject[]> {
  const unit = scopedSession();
  const rows = await unit
    .reader()<ProjectRow>('projects')
    .orderByRaw(unit.dialect.byteOrder('name'))
    .select();
  return rows.map(toProject);
}

/**
 * Says that a session belongs to a project.
 * @throws AppError SESSION_NOT_FOUND, INPUT_INVALID, DATABASE_CONSTRAINT when there is no such project.
 */
export async function addSessionToProject(
  idOrKey: string,
  projectId: number,
  author: string,
): Promise<void> {
  requireInput(WHOLE_NUMBER, projectId, 'The number of the project');
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const added: unknown[] = await transaction('project_sessions')
    .insert({
      project: projectId,
      session_identifier: session.session_identifier,
      author: boundedText('The author', author, 255),
    })
    .onConflict(['project', 'session_identifier'])
    .ignore()
    .returning('project');
  if (added.length > 0) {
    await raiseAnnotated(transaction, unit.dialect, session.session_identifier);
  }
}

/** The projects of a session. */
export async function listSessionProjects(
  sessionIdentifier: string,
): Promise<readonly StoredProject[]> {
  requireText(sessionIdentifier, 'The session identifier');
  const knex = scopedSession().reader();
  const rows: ProjectRow[] = await knex<ProjectRow>('projects')
    .join('project_sessions', 'project_sessions.project', 'projects.id')
    .where('project_sessions.session_identifier', sessionIdentifier)
    .orderBy('projects.id')
    .select('projects.*');
  return rows.map(toProject);
}
