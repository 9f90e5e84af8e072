import type { Clock } from '../clock.js';
import type { ClusterOptions } from '../activities/cluster-by-time.js';
import type { Database } from '../db/database.js';
import type { Adjustment } from '../domain/adjustment.js';
import type { Instrument } from '../domain/instrument.js';
import type { StackPreview } from '../domain/stack-preview.js';
import type { ReaderClaim } from '../extract/facility/reader-claim.js';
import type { ReaderPool } from '../extract/reader-pool.js';
import type { StorePool } from '../files/store-pool.js';
import type { Log } from '../log.js';
import type { RecordOptions } from '../record/record-model.js';
import type { RecordLayout } from '../record/record-names.js';
import type { XmlValidator } from '../record/validate-xml.js';
import type { SessionRule } from '../sessions/match-rule.js';
import type { SourceAsker } from './ask-source.js';

/** How sessions of one instrument are built: the configuration with the instrument's own settings over it. */
export interface BuildPolicy {
  /** `exclusive`: only files that some format claims; `inclusive`: all. */
  readonly strategy: 'exclusive' | 'inclusive';
  readonly ignorePatterns: readonly string[];
  /** Names of folders that are never searched. */
  readonly ignoredFolders: readonly string[];
  /** How long after END a session without files is waited for. */
  readonly fileDelayMs: number;
  /** How long the files of a session must have been quiet before it is built. */
  readonly settleTimeMs: number;
  /** After this long after END it is built although files still arrive, with a warning. */
  readonly settleMaxMs: number;
  readonly endGraceMs: number;
  readonly clustering: ClusterOptions;
  /** Bytes of one file that may be read. */
  readonly fileLimitBytes: number;
  /** Files that one session may have. */
  readonly sessionFileLimit: number;
  readonly previews: boolean;
  readonly stackPreviews: StackPreview;
  /** So many alike files of one folder, numbered, are one dataset; 0: each file is a dataset of its own. */
  readonly seriesMinFiles: number;
  /** Whether attributes of DICOM files that may identify people are kept. */
  readonly dicomIdentity: boolean;
  /** What the instrument is known to write wrongly, put right in what the readers give. */
  readonly adjustments: readonly Adjustment[];
  /** The files that readers of the facility claim, besides those that recordsmith itself reads. */
  readonly facilityClaims: readonly ReaderClaim[];
  /** What happens to a file whose own acquisition time lies more than a day outside of the session. */
  readonly staleFiles: 'note' | 'exclude';
}

/** Everything a build works with, made once by main.ts. */
export interface BuildEnvironment extends SourceAsker {
  readonly database: Database;
  readonly stores: StorePool;
  readonly readers: ReaderPool;
  /** Loaded when the first record is written. */
  readonly validator: () => Promise<XmlValidator>;
  readonly log: Log;
  readonly clock: Clock;
  /** Who claims: host and process. */
  readonly owner: string;
  readonly host: string;
  readonly softwareVersion: string;
  /** Absolute folders. */
  readonly paths: { readonly data: string; readonly output: string; readonly records: string };
  readonly rules: readonly SessionRule[];
  readonly leaseSeconds: number;
  readonly record: RecordOptions & { readonly layout: RecordLayout };
  /**
   * The policy for an instrument.
   * @throws AppError CONFIG_INVALID when the instrument's settings are wrong.
   */
  readonly policyOf: (instrument: Instrument) => BuildPolicy;
}
