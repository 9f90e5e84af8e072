/** Partial copies and thumbnails' databases: never datasets. */
export const DEFAULT_IGNORE_PATTERNS = ['*.part', '*.tmp', '~$*', '*.db'] as const;

/** Folders that file servers and programs keep for themselves. */
export const DEFAULT_IGNORED_FOLDERS = [
  '.snapshot',
  '~snapshot',
  '$RECYCLE.BIN',
  'System Volume Information',
  '@eaDir',
  '.git',
] as const;
