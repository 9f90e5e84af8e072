import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../errors.js';

/** One SQLite file. */
export interface SqliteSettings {
  readonly client: 'sqlite';
  /** Absolute or relative path of the database file. */
  readonly file: string;
}

/** A PostgreSQL database. */
export interface PostgresSettings {
  readonly client: 'postgres';
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Most connections this process opens. @default 10 */
  readonly pool?: number;
  /** Schema that holds the tables. @default 'public' */
  readonly schema?: string;
  /** Make the schema when it does not exist. @default false */
  readonly createSchema?: boolean;
}

/** Where the database is. */
export type DatabaseSettings = SqliteSettings | PostgresSettings;

/**
 * Reads a database address: `postgres://...` (with `?schema=NAME` and `&create_schema=true` of our own), `sqlite:PATH`,
 * `file:///PATH` or a plain path of an SQLite file.
 * @throws AppError INPUT_INVALID for an unknown scheme.
 */
export function parseDatabaseUrl(address: string): DatabaseSettings {
  if (/^postgres(ql)?:\/\//i.test(address)) {
    if (!URL.canParse(address)) {
      throw new AppError('INPUT_INVALID', 'The address of the PostgreSQL database is no URL.', {
        remedy: 'Write postgres://user:password@host:5432/database.',
      });
    }
    const url = new URL(address);
    const schema = url.searchParams.get('schema');
    const createSchema = url.searchParams.get('create_schema') === 'true';
    url.searchParams.delete('schema');
    url.searchParams.delete('create_schema');
    return {
      client: 'postgres',
      url: url.toString(),
      ...(schema === null ? {} : { schema }),
      ...(createSchema ? { createSchema } : {}),
    };
  }
  if (/^file:\/\//i.test(address)) return { client: 'sqlite', file: fileURLToPath(address) };
  const sqlite = /^sqlite3?:(?:\/\/(?=\/))?(.+)$/i.exec(address);
  if (sqlite?.[1] !== undefined) return { client: 'sqlite', file: resolve(sqlite[1]) };
  if (/^[a-z][a-z0-9+.-]+:/i.test(address) || address.trim() === '') {
    throw new AppError('INPUT_INVALID', 'The address of the database has an unknown scheme.', {
      remedy: 'Use postgres://..., sqlite:PATH or the path of an SQLite file.',
    });
  }
  return { client: 'sqlite', file: resolve(address) };
}
