import type { RecordStatus } from '../domain/record-status.js';

/** Rows as both engines give them: instants and JSON as text, see dialect.ts. SQLite has 0 and 1 for booleans. */
export type Flag = boolean | 0 | 1;

export interface SessionLogRow {
  id_session_log: number;
  session_identifier: string;
  instrument: string;
  timestamp: string;
  timestamp_text: string | null;
  event_type: 'START' | 'END' | 'RECORD_GENERATION';
  record_status: RecordStatus;
  user: string | null;
  source: string | null;
  attempt: number | null;
  detail: string | null;
  created_at: string;
  revision: number;
}

export interface SessionRow {
  session_identifier: string;
  session_key: string;
  instrument: string;
  user: string | null;
  start_at: string | null;
  end_at: string | null;
  source: string | null;
  status: RecordStatus;
  problem: string | null;
  inputs_revision: number;
  lease_owner: string | null;
  lease_expires_at: string | null;
  lease_token: number;
  attempts: number;
  tries: number;
  died_builds: number;
  first_failed_at: string | null;
  next_attempt_at: string | null;
  deferral_reason: string | null;
  held_by_person: Flag;
  built_elsewhere: Flag;
  rebuild_fresh: Flag;
  overrides: string;
  fingerprint: string | null;
  last_look: string | null;
  clock_offsets: string | null;
  store_away_ms: number;
  store_away_since: string | null;
  created_at: string;
  updated_at: string;
}

export interface BuildAttemptRow {
  id: number;
  session_identifier: string;
  attempt: number;
  token: number;
  host: string;
  inputs_revision: number;
  started_at: string;
  ended_at: string | null;
  outcome: string | null;
  reason: string | null;
}

export interface InstrumentRow {
  instrument_pid: string;
  api_url: string | null;
  display_name: string;
  calendar_url: string | null;
  location: string | null;
  property_tag: string | null;
  filestore_path: string;
  harvester: string | null;
  timezone: string;
  active: Flag;
  user_folder: string | null;
  settings: string;
  computer_name: string | null;
  computer_ip: string | null;
  created_at: string;
  updated_at: string;
}

export interface InstrumentFolderRow {
  id: number;
  instrument_pid: string;
  path: string;
  path_key: string;
  position: number;
  clock_offsets: string;
  time_basis: 'mtime' | 'acquired';
  patterns: string;
  root_seen_nonempty_at: string | null;
}

export interface InstrumentToolRow {
  source: string;
  tool_id: string;
  instrument_pid: string;
}

export interface RecordRow {
  id: number;
  session_identifier: string;
  version: number;
  path: string;
  public_path: string;
  sha256: string;
  fingerprint: string;
  cause: string;
  supersedes: number | null;
  created_at: string;
  superseded_at: string | null;
  withdrawn_at: string | null;
  published_at: string | null;
}

export interface ActivityRow {
  id: number;
  record_id: number;
  seqno: number;
  start_at: string;
  end_at: string;
  setup: string;
}

/** The nanosecond columns are selected as text, since they are larger than a number holds exactly. */
export interface DatasetRow {
  id: number;
  record_id: number;
  activity_id: number;
  seqno: number;
  location: string;
  name: string;
  format: string;
  type: string;
  role: string;
  description: string | null;
  preview: string | null;
  size_bytes: number;
  mtime_ns: string;
  time_ns: string;
  acquired_at: string | null;
  metadata: string;
  shape: string;
  calibration: string;
  dtype: string | null;
  reader: string;
  signal_number: number;
  signal_count: number;
  warnings: string;
  missing_since: string | null;
  comment: string | null;
}

/** As in DatasetRow. */
export interface SeriesFileRow {
  dataset_id: number;
  position: number;
  location: string;
  size_bytes: number;
  mtime_ns: string;
  time_ns: string;
  missing_since: string | null;
}

export interface FileVerdictRow {
  session_identifier: string;
  position: number;
  location: string;
  verdict: string;
  rule: string;
  size_bytes: number;
  mtime_ns: string;
}

/** What every annotation row has. */
interface AnnotationRow {
  id: number;
  session_identifier: string;
  author: string;
  created_at: string;
  updated_at: string;
}

export interface SessionNoteRow extends AnnotationRow {
  note: string;
}

export interface SessionAttributeRow extends AnnotationRow {
  name: string;
  value: string | null;
  value_json: string | null;
  value_bytes: Buffer | null;
}

export interface SessionDirectoryRow extends AnnotationRow {
  directory: string;
}

export interface SessionExperimenterRow extends AnnotationRow {
  username: string;
  full_name: string | null;
}

export interface SessionFileRow extends AnnotationRow {
  location: string;
  location_key: string;
  rule: 'include' | 'exclude';
  reason: string | null;
}

export interface ProjectRow {
  id: number;
  name: string;
  division: string | null;
  group: string | null;
  project_id: string | null;
  ref: string | null;
  author: string;
  created_at: string;
  updated_at: string;
}

export interface PauseRow {
  id: number;
  scope: 'all' | 'instrument' | 'source' | 'exports';
  target: string;
  reason: string;
  until_at: string | null;
  author: string;
  created_at: string;
}

/** What a source last said of a usage event. Ids as numbers: both engines give those of bigint columns so, see dialect.ts. */
export interface UsageEventRow {
  source: string;
  event_id: number;
  session_identifier: string;
  tool_id: number;
  instrument: string | null;
  start_at: string;
  end_at: string | null;
  start_text: string | null;
  end_text: string | null;
  has_ended: number | null;
  user_id: number | null;
  username: string | null;
  operator_id: number | null;
  operator: string | null;
  project_id: number | null;
  project: string | null;
  training: Flag;
  remote_work: Flag;
  waived: Flag;
  validated: Flag;
  answers_sha256: string | null;
  details_sha256: string | null;
  is_confirmed: Flag;
  problem: string | null;
  first_seen_at: string;
  last_seen_at: string;
  last_checked_at: string;
  vanished_at: string | null;
}

export interface SourceCursorRow {
  source: string;
  pass: string;
  position_at: string | null;
  succeeded_at: string | null;
  failing_since_at: string | null;
  failures: number;
  next_attempt_at: string | null;
  failure: string | null;
  detail: string | null;
}

export interface WebhookHintRow {
  id: number;
  source: string;
  event_id: number;
  action: string | null;
  payload: string | null;
  received_at: string;
  tries: number;
  next_attempt_at: string;
  claimed_until: string | null;
}

export interface ReplayRow {
  source: string;
  replay_key: string;
  expires_at: string;
}

export interface ApiTokenRow {
  id: number;
  name: string;
  token_sha256: string;
  scopes: string;
  instrument: string | null;
  author: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

export interface IdempotencyKeyRow {
  token_id: number;
  idempotency_key: string;
  request_sha256: string;
  status: number;
  answer: string;
  created_at: string;
}

export interface InstrumentClockRow {
  instrument: string;
  offset_ms: number;
  measured_at: string;
}

export interface SourceAnswerRow {
  session_identifier: string;
  source: string;
  event_id: number;
  outcome: 'answered' | 'no consent' | 'no reservation';
  answered_at: string;
  details: string | null;
}

export interface OutputRemovalRow {
  id: number;
  session_identifier: string;
  location: string | null;
  preview: string | null;
}
