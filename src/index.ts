/** The library surface of recordsmith, which the daemon itself uses. */
export { closeDb, configureDb, createScope, scopedSession, UnitOfWork } from './db/scope.js';
export { openDatabase, type Database, type OpenDatabaseOptions } from './db/database.js';
export {
  parseDatabaseUrl,
  type DatabaseSettings,
  type PostgresSettings,
  type SqliteSettings,
} from './db/database-settings.js';
export {
  migrateLatest,
  migrateRollback,
  requireSchema,
  schemaStatus,
  type SchemaStatus,
} from './db/migrate.js';
export {
  insertLog,
  withdrawEnd,
  type InsertLogOptions,
  type InsertLogResult,
  type SessionEvent,
} from './db/insert-log.js';
export {
  insertRecordGenerationEvent,
  type GenerationDetail,
  type RecordGenerationEvent,
} from './db/record-generation.js';
export {
  addDirectory,
  addExperimenter,
  addNote,
  listAttributes,
  listDirectories,
  listExperimenters,
  listNotes,
  removeAnnotation,
  setAttribute,
  type Annotation,
  type AnnotationKind,
  type AttributeValue,
} from './db/annotation-store.js';
export {
  addSessionToProject,
  listProjects,
  listSessionProjects,
  saveProject,
  type StoredProject,
} from './db/project-store.js';
export type { Project } from './domain/record.js';
export { updateSessionStatus } from './db/update-session-status.js';
export { getSessionsToBuild, type SessionsToBuildOptions } from './db/due-sessions.js';
export { query, type QueryBinding } from './db/query.js';
export { jsonColumn, type JsonColumn } from './db/json-column.js';
export {
  insertInstrument,
  listInstruments,
  updateInstrument,
  deleteInstrument,
} from './db/instrument-store.js';
export {
  RECORD_STATUSES,
  EVENT_TYPES,
  type EventType,
  type RecordStatus,
} from './domain/record-status.js';
export type { Instrument, InstrumentFolder } from './domain/instrument.js';
export { sessionKeyOf, type Session } from './domain/session.js';
export type { WorkingSession } from './domain/working-session.js';
export {
  AppError,
  DatabaseNotConfiguredError,
  ERROR_CODES,
  SessionMissingError,
  type ErrorCode,
} from './errors.js';
