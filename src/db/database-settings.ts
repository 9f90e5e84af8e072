import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { AppError } from '../errors.js';
import { requireInput, requireText, TEXT } from './library-input.js';

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

const settingsSchema = z.discriminatedUnion('client', [
  z.object({ client: z.literal('sqlite'), file: TEXT }),
  z.object({
    client: z.literal('postgres'),
    url: TEXT,
    pool: z.int().positive().optional(),
    schema: TEXT.optional(),
    createSchema: z.boolean().optional(),
  }),
]);

/** The settings of a database, from its address where only that is given. @throws AppError INPUT_INVALID. */
export function readDatabaseSettings(where: string | DatabaseSettings): DatabaseSettings {
  if (typeof where === 'string') return parseDatabaseUrl(where);
  requireInput(settingsSchema, where, 'The database');
  return where;
}

/**
 * Reads a database address: `postgres://...` (with `?schema=NAME` and `&create_schema=true` of our own), `sqlite:PATH`,
 * `file:///PATH` or a plain path of an SQLite file.
 * @throws AppError INPUT_INVALID for an unknown scheme, or no text.
 */
export function parseDatabaseUrl(address: string): DatabaseSettings {
  requireText(address, 'The address of the database');
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
