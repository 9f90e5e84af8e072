import { randomBytes } from 'node:crypto';
import { detail, type Answer } from './answers.js';

/** What the service account may do by default: read everything, write usage events. */
export const ALL_PERMISSIONS: readonly string[] = [
  ...['view_usageevent', 'view_tool', 'view_user', 'view_project', 'view_account'],
  ...['view_reservation', 'view_adjustmentrequest', 'view_contenttype'],
  ...['add_usageevent', 'change_usageevent', 'delete_usageevent'],
];

interface Account {
  permissions: ReadonlySet<string>;
  isActive: boolean;
}

/** The tokens an administrator made, and what their users may do. */
export class Tokens {
  readonly #accounts = new Map<string, Account>();

  add(permissions: readonly string[] = ALL_PERMISSIONS): string {
    const token = randomBytes(20).toString('hex');
    this.#accounts.set(token, { permissions: new Set(permissions), isActive: true });
    return token;
  }

  allow(token: string, permissions: readonly string[]): void {
    this.#get(token).permissions = new Set(permissions);
  }

  deactivate(token: string): void {
    this.#get(token).isActive = false;
  }

  remove(token: string): void {
    this.#accounts.delete(token);
  }

  /** The answer when the request is not allowed, null when it is. `permission` null: any user. */
  refusal(authorization: string | undefined, permission: string | null): Answer | null {
    const [scheme, token, ...more] = (authorization ?? '').split(/\s+/);
    if (scheme?.toLowerCase() !== 'token')
      return unauthorized('Authentication credentials were not provided.');
    if (token === undefined || token === '')
      return unauthorized('Invalid token header. No credentials provided.');
    if (more.length > 0)
      return unauthorized('Invalid token header. Token string should not contain spaces.');
    const account = this.#accounts.get(token);
    if (account === undefined) return unauthorized('Invalid token.');
    if (!account.isActive) return unauthorized('User inactive or deleted.');
    if (permission !== null && !account.permissions.has(permission))
      return detail(403, 'You do not have permission to perform this action.');
    return null;
  }

  #get(token: string): Account {
    const account = this.#accounts.get(token);
    if (account === undefined) throw new Error('There is no such token.');
    return account;
  }
}

function unauthorized(text: string): Answer {
  return detail(401, text, { 'WWW-Authenticate': 'Token' });
}
