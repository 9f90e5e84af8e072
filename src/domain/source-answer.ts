import type { Person, Project, Sample } from './record.js';

/** What an event source says of a session beyond its times, for the record. Texts are bounded and cleaned. */
export interface SourceDetails {
  readonly title: string | null;
  /** Id of the reservation that matched; null: none did. */
  readonly reservationId: string | null;
  /** Page of the event. */
  readonly ref: string | null;
  /** Whose session it is by the source. */
  readonly experimenter: Person | null;
  /** Who ran the instrument, when not the experimenter. */
  readonly collaborators: readonly Person[];
  readonly motivation: string | null;
  readonly samples: readonly Omit<Sample, 'id'>[];
  readonly projects: readonly Project[];
  /** Sentences: remote work, training, what of the answers was left out. */
  readonly notes: readonly string[];
}

/** What an event source says of a session that rules decide by. */
export interface SourceFacts {
  /** Name of the project. */
  readonly project: string | null;
  /** Who pays: the account of the project. */
  readonly group: string | null;
  readonly training: boolean;
  /** Staff worked for the customer. */
  readonly remoteWork: boolean;
}
