import { z } from 'zod';
import { id, key, parseRow } from './nemo-rows.js';

export interface Tool {
  readonly id: number;
  readonly name: string;
  readonly visible: boolean;
  /** Not null: an alternate tool of the one with this id. */
  readonly parentToolId: number | null;
}

export interface NemoUser {
  readonly id: number;
  readonly username: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly isActive: boolean;
}

export interface Project {
  readonly id: number;
  readonly name: string;
  readonly applicationIdentifier: string;
  readonly accountId: number;
}

export interface Account {
  readonly id: number;
  readonly name: string;
}

const toolRow = z
  .object({ id, name: z.string(), visible: z.boolean(), parent_tool: key.nullish() })
  .transform(({ parent_tool, ...row }) => ({ ...row, parentToolId: parent_tool ?? null }));

const userRow = z
  .object({
    id,
    username: z.string(),
    first_name: z.string(),
    last_name: z.string(),
    email: z.string(),
    is_active: z.boolean(),
  })
  .transform((row) => ({
    id: row.id,
    username: row.username,
    firstName: row.first_name,
    lastName: row.last_name,
    email: row.email,
    isActive: row.is_active,
  }));

const projectRow = z
  .object({ id, name: z.string(), application_identifier: z.string().nullish(), account: key })
  .transform((row) => ({
    id: row.id,
    name: row.name,
    applicationIdentifier: row.application_identifier ?? '',
    accountId: row.account,
  }));

const namedRow = z.object({ id, name: z.string() });
/** A row of `tools`. Throws as parseRow. */
export function parseTool(row: unknown): Tool {
  return parseRow('tool', toolRow, row);
}

/** A row of `users`. Throws as parseRow. */
export function parseUser(row: unknown): NemoUser {
  return parseRow('user', userRow, row);
}

/** A row of `projects`. Throws as parseRow. */
export function parseProject(row: unknown): Project {
  return parseRow('project', projectRow, row);
}

/** A row of `accounts`. Throws as parseRow. */
export function parseAccount(row: unknown): Account {
  return parseRow('account', namedRow, row);
}

/** The ids with those of their child tools, whose use is use of the instrument. */
export function withChildTools(toolIds: readonly number[], tools: readonly Tool[]): number[] {
  const wanted = new Set(toolIds);
  const children = tools.filter(
    ({ parentToolId }) => parentToolId !== null && wanted.has(parentToolId),
  );
  return [...new Set([...toolIds, ...children.map(({ id }) => id)])];
}
