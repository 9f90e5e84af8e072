/** The options of `run`, as runOnce and dryRun get them. */
export interface RunOptions {
  readonly runOnce?: boolean;
  readonly dryRun?: boolean;
  /** Session identifiers or keys; empty: all that is due. */
  readonly session: readonly string[];
  /** instrument_pid */
  readonly instrument?: string;
  readonly json?: boolean;
  /** False: no event source is asked. */
  readonly harvest?: boolean;
  /** Bounds of what is harvested, as given. */
  readonly from?: string;
  readonly to?: string;
  /** Hidden: this is the process of a session whose builds died. */
  readonly alone?: boolean;
  /** Hidden: named sessions too are built only when their next attempt is due. */
  readonly whenDue?: boolean;
}
