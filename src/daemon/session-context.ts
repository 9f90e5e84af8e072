import { listAttributes, listExperimenters, listNotes } from '../db/annotation-store.js';
import { listSessionProjects } from '../db/project-store.js';
import type { Note, Person, Project } from '../domain/record.js';
import type { Session } from '../domain/session.js';
import type { SourceDetails } from '../domain/source-answer.js';
import type { SessionDetails } from '../record/record-model.js';

/** What people and sources said about a session, besides its times. */
export interface SessionContext {
  readonly details: SessionDetails;
  readonly annotations: readonly Note[];
}

/**
 * Puts together what people noted of a session and what its source says, people's word first. Runs in a scope.
 * @param source null: no source says anything
 */
export async function sessionContext(
  session: Session,
  source: SourceDetails | null,
): Promise<SessionContext> {
  const notes = await listNotes(session.identifier);
  const attributes = await listAttributes(session.identifier);
  const experimenters = await listExperimenters(session.identifier);
  const projects = await listSessionProjects(session.identifier);
  return {
    details: {
      title: source?.title ?? null,
      reservationId: source?.reservationId ?? null,
      ref: source?.ref ?? addressOf(session.identifier),
      ...peopleOf(session.user, experimenters, source),
      motivation: source?.motivation ?? null,
      samples: source?.samples ?? [],
      projects: withSourceProjects(projects, source?.projects ?? []),
    },
    annotations: [
      ...(source === null || source.notes.length === 0
        ? []
        : [{ source: session.source ?? 'event source', paragraphs: source.notes }]),
      ...notes.map(({ author, note }) => ({ source: author, paragraphs: [note] })),
      ...attributes.map(({ author, name, value }) => ({
        source: author,
        paragraphs: [`${name}: ${attributeText(value)}`],
      })),
    ],
  };
}

function addressOf(identifier: string): string | null {
  return /^https?:\/\//i.test(identifier) ? identifier : null;
}

/**
 * The session's user is the experimenter, also where a person corrected what the source says: then the source's own is
 * not of this session.
 */
function peopleOf(
  user: string | null,
  annotated: readonly Person[],
  source: SourceDetails | null,
): Pick<SessionDetails, 'experimenter' | 'collaborators'> {
  const fromSource = source === null ? [] : [source.experimenter, ...source.collaborators];
  const known = [...annotated, ...fromSource.flatMap((person) => person ?? [])];
  const experimenter =
    user === null
      ? (source?.experimenter ?? null)
      : (known.find((person) => person.username === user && person.fullName !== null) ??
        known.find((person) => person.username === user) ?? { username: user, fullName: null });
  const seen = new Set([experimenter?.username]);
  const collaborators: Person[] = [];
  for (const person of [...(source?.collaborators ?? []), ...annotated]) {
    if (seen.has(person.username)) continue;
    seen.add(person.username);
    collaborators.push(person);
  }
  return { experimenter, collaborators };
}

/** A project that people gave the session themselves is not told twice. */
function withSourceProjects(
  projects: readonly Project[],
  fromSource: readonly Project[],
): readonly Project[] {
  const isSame = (a: Project, b: Project): boolean =>
    a.name === null ? a.projectId === b.projectId : a.name === b.name;
  return [
    ...projects,
    ...fromSource.filter((project) => !projects.some((given) => isSame(project, given))),
  ];
}

type AttributeValue = Awaited<ReturnType<typeof listAttributes>>[number]['value'];

function attributeText(value: AttributeValue): string {
  if (value.kind === 'text') return value.text;
  return value.kind === 'json' ? JSON.stringify(value.json) : `${value.bytes.length} bytes`;
}
