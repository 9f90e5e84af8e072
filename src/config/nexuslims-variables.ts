import { join } from 'node:path';

/** A NexusLIMS variable read as one of our keys. */
export interface NexusLimsAlias {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: (text: string) => string;
  /** Only what NexusLIMS derives itself: yields to the configuration file. */
  readonly derived?: true;
}

const same = (text: string): string => text;

/**
 * NexusLIMS 2.x's variables (nexusLIMS/config.py of its repository) that have a counterpart here, so that an existing
 * environment file works; later entries win over earlier ones.
 */
export const NEXUSLIMS_ALIASES: readonly NexusLimsAlias[] = [
  { variable: 'NX_FILE_STRATEGY', path: ['build', 'strategy'], value: same },
  { variable: 'NX_IGNORE_PATTERNS', path: ['build', 'ignore_patterns'], value: same },
  { variable: 'NX_FILE_DELAY_DAYS', path: ['build', 'file_delay_days'], value: same },
  {
    variable: 'NX_CLUSTERING_SENSITIVITY',
    path: ['build', 'clustering', 'sensitivity'],
    value: same,
  },
  { variable: 'NX_INSTRUMENT_DATA_PATH', path: ['paths', 'data'], value: same },
  { variable: 'NX_DATA_PATH', path: ['paths', 'output'], value: same },
  {
    variable: 'NX_DATA_PATH',
    path: ['paths', 'records'],
    value: (text) => join(text, 'records'),
    derived: true,
  },
  { variable: 'NX_RECORDS_PATH', path: ['paths', 'records'], value: same },
  { variable: 'NX_DB_PATH', path: ['database', 'file'], value: same },
  {
    variable: 'NX_LOG_PATH',
    path: ['log', 'file', 'path'],
    value: (text) => join(text, 'recordsmith.log'),
  },
];

/** NexusLIMS variables without a counterpart: said so, since whoever set them expects something of them. */
export const NEXUSLIMS_NOT_READ =
  /^NX_(?:CDCS_(?:URL|TOKEN)|EXPORT_STRATEGY|CERT_BUNDLE(?:_FILE)?|DISABLE_SSL_VERIFY|LOCAL_PROFILES_PATH|EMAIL_[A-Z_]+|ELABFTW_[A-Z_]+|LABARCHIVES_[A-Z_]+)$/;
