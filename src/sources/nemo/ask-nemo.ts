import { createHash } from 'node:crypto';
import type { Person, Project as RecordProject } from '../../domain/record.js';
import type { SourceDetails, SourceFacts } from '../../domain/source-answer.js';
import { lineOf, paragraphsOf, textsOf } from './answer-text.js';
import { AnsweredQuestions, type ConsentAnswer } from './answered-questions.js';
import { findReservation } from './match-reservation.js';
import type { NemoClient, ReadOptions } from './nemo-client.js';
import type { Account, NemoUser, Project } from './nemo-lookups.js';
import type { UsageEvent } from './nemo-rows.js';
import { samplesOf, type SampleQuestions } from './sample-answers.js';

/** What of a source's settings decides what its answers mean. */
export interface AskSettings {
  readonly user: 'customer' | 'operator';
  readonly consent: 'required' | 'opt-out' | 'off';
  readonly reservation: 'optional' | 'required';
  /** Names of NEMO's questions. */
  readonly questions: SampleQuestions & {
    readonly consent: string;
    readonly refusals: readonly string[];
    readonly title: string;
    readonly purpose: string;
    readonly project: string;
    readonly samples: string;
  };
}

/** The part of a NEMO's client that is asked. */
export type AskedClient = Pick<
  NemoClient,
  'usageEvent' | 'reservations' | 'tools' | 'user' | 'project' | 'account'
>;

/** A NEMO that can be asked. */
export interface AskedNemo {
  /** Ends in `/api/`. */
  readonly baseUrl: string;
  readonly client: AskedClient;
  readonly settings: AskSettings;
}

/** Which use of a tool is asked about. */
export interface AskedEvent {
  readonly eventId: number;
  /** Epoch milliseconds; counts where NEMO has the use as in progress. */
  readonly endMs: number;
}

/** What NEMO says of a use of a tool. */
export type NemoReply =
  /** NEMO has no such usage event (any more). */
  | { readonly kind: 'gone' }
  /** Nothing may be kept of it: only what rules decide by is told. */
  | {
      readonly kind: 'no-consent';
      readonly why: Exclude<ConsentAnswer, 'given'>;
      readonly hasReservation: boolean;
      readonly facts: SourceFacts;
    }
  | { readonly kind: 'no-reservation'; readonly facts: SourceFacts }
  | {
      readonly kind: 'answered';
      /** `not-asked`: the source's setting is `consent: off`. */
      readonly consent: 'given' | 'not-asked';
      readonly facts: SourceFacts;
      readonly details: SourceDetails;
    };

const LONGEST_LINE = 255;
const LONGEST_MOTIVATION = 10_000;

/**
 * Asks NEMO, afresh, for consent, reservation and the answers of a use of a tool. Answers given at the end of the use stand
 * above those at its start, and these above those of the reservation: see AnsweredQuestions. Names of people, projects and
 * accounts may be some minutes old.
 * @throws AppError SOURCE_UNAVAILABLE, SOURCE_REFUSED, SOURCE_ANSWER_INVALID, ABORTED as the client does: nothing is known then.
 */
export async function askNemo(
  nemo: AskedNemo,
  { eventId, endMs }: AskedEvent,
  options: ReadOptions = {},
): Promise<NemoReply> {
  const { client, settings } = nemo;
  const event = await client.usageEvent(eventId, options);
  if (event === null) return { kind: 'gone' };
  const reservation = await findReservation(client, event, event.end?.epochMs ?? endMs, options);
  const answers = new AnsweredQuestions([
    event.runData,
    event.preRunData,
    ...(reservation === null ? [] : [reservation.questionData]),
  ]);
  const project = await client.project(event.projectId, options);
  const account = project === null ? null : await client.account(project.accountId, options);
  const facts = factsOf(event, project, account);
  const consent = answers.consent(settings.questions.consent, settings.questions.refusals);
  const hasReservation = reservation !== null;
  if (isWithheld(consent, settings)) {
    return { kind: 'no-consent', why: consent, hasReservation, facts };
  }
  if (!hasReservation && settings.reservation === 'required') {
    return { kind: 'no-reservation', facts };
  }
  const details: SourceDetails = {
    ...(await peopleOf(event, settings, client, options)),
    reservationId: reservation === null ? null : String(reservation.id),
    ref: eventPage(nemo.baseUrl, event.id),
    title: lineOf(textOf(answers, settings.questions.title), LONGEST_LINE),
    motivation: paragraphsOf(textOf(answers, settings.questions.purpose), LONGEST_MOTIVATION),
    samples: samplesOf(answers.answerTo(settings.questions.samples), settings.questions),
    projects: projectsOf(project, facts, textOf(answers, settings.questions.project)),
    notes: notesOf(facts, answers),
  };
  return {
    kind: 'answered',
    consent: settings.consent === 'off' ? 'not-asked' : 'given',
    facts,
    details,
  };
}

/**
 * The sha256 (hex) of all of a reply that a record depends on. Where there is no consent nothing of the content is in it.
 */
export function digestOfReply(reply: NemoReply): string {
  const content =
    reply.kind === 'answered'
      ? [reply.kind, reply.facts, reply.details]
      : reply.kind === 'no-consent'
        ? [reply.kind, reply.hasReservation]
        : [reply.kind];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

function isWithheld(
  consent: ConsentAnswer,
  { consent: setting }: AskSettings,
): consent is Exclude<ConsentAnswer, 'given'> {
  if (setting === 'off' || consent === 'given') return false;
  return setting === 'required' || consent !== 'unanswered';
}

/** The page of a usage event, for people. */
function eventPage(baseUrl: string, eventId: number): string {
  return new URL(`../event_details/usage/${eventId}/`, baseUrl).toString();
}

function textOf(answers: AnsweredQuestions, question: string): string {
  return textsOf(answers.answerTo(question)).join('\n');
}

function factsOf(event: UsageEvent, project: Project | null, account: Account | null): SourceFacts {
  return {
    project: project === null ? null : lineOf(project.name, LONGEST_LINE),
    group: account === null ? null : lineOf(account.name, LONGEST_LINE),
    training: event.training === true,
    remoteWork: event.remoteWork === true,
  };
}

async function peopleOf(
  event: UsageEvent,
  { user }: AskSettings,
  client: AskedClient,
  options: ReadOptions,
): Promise<Pick<SourceDetails, 'experimenter' | 'collaborators'>> {
  const { userId, operatorId } = event;
  const customer = await client.user(userId, options);
  if (userId === operatorId) return { experimenter: personOf(customer), collaborators: [] };
  const operator = await client.user(operatorId, options);
  const [first, second] = user === 'customer' ? [customer, operator] : [operator, customer];
  const other = personOf(second);
  return { experimenter: personOf(first), collaborators: other === null ? [] : [other] };
}

function personOf(user: NemoUser | null): Person | null {
  const username = user === null ? null : lineOf(user.username, LONGEST_LINE);
  if (user === null || username === null) return null;
  return { username, fullName: lineOf(`${user.firstName} ${user.lastName}`, LONGEST_LINE) };
}

/** What people write as project is more to the point than the identifier that accounting has. */
function projectsOf(
  project: Project | null,
  { project: name, group }: SourceFacts,
  answered: string,
): readonly RecordProject[] {
  const projectId =
    lineOf(answered, LONGEST_LINE) ?? lineOf(project?.applicationIdentifier ?? '', LONGEST_LINE);
  if (name === null && projectId === null) return [];
  return [{ name, division: group, group: null, projectId, ref: null }];
}

function notesOf({ training, remoteWork }: SourceFacts, answers: AnsweredQuestions): string[] {
  return [
    ...(remoteWork ? ['Staff ran the instrument for the customer (remote work).'] : []),
    ...(training ? ['The session was a training.'] : []),
    ...(answers.hasBroken ? ['Some of the answers given in NEMO cannot be read.'] : []),
  ];
}
