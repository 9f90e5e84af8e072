import type { KeptAnswer } from '../../db/source-answer-store.js';
import type { Person, Project } from '../../domain/record.js';
import { isoText } from '../report-json.js';

/** What the source answered the last build, as JSON; null: none was asked. */
export function sourceAnswerDocument(answer: KeptAnswer | null): unknown {
  if (answer === null) return null;
  const { source, eventId, outcome, answeredAtMs, details } = answer;
  return { source, event_id: eventId, outcome, answered: isoText(answeredAtMs), details };
}

/** The same in words: name and value of each line. @param time how instants are written */
export function sourceAnswerLines(
  answer: KeptAnswer | null,
  time: (epochMs: number) => string,
): [string, string][] {
  if (answer === null) return [];
  const { source, eventId, outcome, answeredAtMs, details } = answer;
  const lines: [string, string][] = [
    ['asked', `${source}, usage event ${eventId}, ${time(answeredAtMs)}: ${outcome}`],
  ];
  if (details === null) return lines;
  const parts: [string, string | null][] = [
    ['title', details.title],
    ['motivation', details.motivation],
    ['reservation', details.reservationId],
    ['experimenter', details.experimenter === null ? null : personText(details.experimenter)],
    ['collaborators', listed(details.collaborators.map(personText))],
    ['projects', listed(details.projects.map(projectText))],
    ['samples', listed(details.samples.map(({ name, ref }) => name ?? ref ?? 'without name'))],
    ['source says', listed(details.notes)],
  ];
  for (const [name, value] of parts) if (value !== null) lines.push([name, value]);
  return lines;
}

function listed(texts: readonly string[]): string | null {
  return texts.length === 0 ? null : texts.join(', ');
}

function personText({ username, fullName }: Person): string {
  return fullName === null ? username : `${fullName} (${username})`;
}

function projectText({ name, projectId }: Project): string {
  return [name, projectId].filter((part) => part !== null).join(' ');
}
