import type { Session } from '../domain/session.js';
import type { WorkingSession } from '../domain/working-session.js';
import type { Log } from '../log.js';
import type { BuildEnvironment } from './build-environment.js';
import type { StagedAttempt } from './staging.js';

/** A session under our lease, with all that its build needs. */
export interface Attempt extends StagedAttempt {
  readonly environment: BuildEnvironment;
  readonly session: Session;
  readonly working: WorkingSession;
  readonly log: Log;
  /** Aborts when the process is to stop or the lease is lost. */
  readonly signal: AbortSignal;
  /** performance.now() of the start. */
  readonly startedAt: number;
}
