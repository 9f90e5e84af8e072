import type { Activity } from './activity.js';

/** A person of the record. */
export interface Person {
  readonly username: string;
  readonly fullName: string | null;
}

export interface Sample {
  readonly id: string;
  readonly ref: string | null;
  readonly name: string | null;
  readonly description: string | null;
  /** Chemical symbols. */
  readonly elements: readonly string[];
}

export interface Project {
  readonly name: string | null;
  readonly division: string | null;
  readonly group: string | null;
  readonly projectId: string | null;
  readonly ref: string | null;
}

/** A note in the record: a warning of the build, or a person's note or attribute. */
export interface Note {
  /** Who says it: `recordsmith`, or a person's user name. */
  readonly source: string;
  readonly paragraphs: readonly string[];
}

/** The record of one session as a value; record/ writes it as XML and JSON. */
export interface ExperimentRecord {
  /** Stable identifier of the record (Experiment@pid). */
  readonly pid: string;
  readonly title: string;
  readonly id: string;
  readonly sessionIdentifier: string;
  readonly sessionKey: string;
  readonly summary: {
    readonly ref: string | null;
    readonly experimenter: Person | null;
    readonly collaborators: readonly Person[];
    readonly instrument: { readonly pid: string; readonly displayName: string };
    /** Instrument's zone, IANA: every time in the record is written with its offset. */
    readonly timezone: string;
    /** Epoch milliseconds. */
    readonly startMs: number;
    readonly endMs: number;
    readonly motivation: string | null;
  };
  readonly samples: readonly Sample[];
  readonly projects: readonly Project[];
  readonly activities: readonly Activity[];
  readonly notes: readonly Note[];
  /** Verdict counts of the look that the record is made from. */
  readonly verdictCounts: Readonly<Record<string, number>>;
}
