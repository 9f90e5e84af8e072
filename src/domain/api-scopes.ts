/** What a token of the HTTP interface may allow. `admin` allows all the others too. */
export const API_SCOPES = ['ingest', 'read', 'write', 'admin'] as const;

/** One of the scopes. */
export type ApiScope = (typeof API_SCOPES)[number];

/** Whether somebody with these scopes may do what asks for `needed`. */
export function allowsScope(scopes: readonly ApiScope[], needed: ApiScope): boolean {
  return scopes.includes(needed) || scopes.includes('admin');
}
