import type { Project } from '../domain/record.js';
import { AppError } from '../errors.js';
import { boundedText, cleanOptionalText } from './clean-text.js';
import { raiseInputs } from './refresh-session.js';
import { scopedSession } from './scope.js';
import { lockedSession } from './session-steering.js';
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

/** Adds a project, or changes the one of this name. @returns its id. */
export async function saveProject(
  project: Project & { readonly name: string },
  author: string,
): Promise<number> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const columns = {
    division: cleanOptionalText(project.division),
    group: cleanOptionalText(project.group),
    project_id: cleanOptionalText(project.projectId),
    ref: cleanOptionalText(project.ref),
    author: boundedText('The author', author, 255),
  };
  const rows: { id: number }[] = await transaction('projects')
    .insert({ ...columns, name: boundedText('The name', project.name, 255) })
    .onConflict(['name'])
    .merge({ ...columns, updated_at: transaction.raw(unit.dialect.now) })
    .returning('id');
  const id = rows[0]?.id;
  if (id === undefined) throw new AppError('INTERNAL', 'The project has no row.');
  return id;
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

/** Says that a session belongs to a project. */
export async function addSessionToProject(
  idOrKey: string,
  projectId: number,
  author: string,
): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  await transaction('project_sessions')
    .insert({
      project: projectId,
      session_identifier: session.session_identifier,
      author: boundedText('The author', author, 255),
    })
    .onConflict(['project', 'session_identifier'])
    .ignore();
  await raiseInputs(transaction, unit.dialect, session.session_identifier, null);
}

/** The projects of a session. */
export async function listSessionProjects(
  sessionIdentifier: string,
): Promise<readonly StoredProject[]> {
  const knex = scopedSession().reader();
  const rows: ProjectRow[] = await knex<ProjectRow>('projects')
    .join('project_sessions', 'project_sessions.project', 'projects.id')
    .where('project_sessions.session_identifier', sessionIdentifier)
    .orderBy('projects.id')
    .select('projects.*');
  return rows.map(toProject);
}
