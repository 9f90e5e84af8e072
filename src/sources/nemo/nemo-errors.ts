import { AppError, systemErrorCode, toError } from '../../errors.js';

/** What every error of a request says. */
export interface RequestFacts {
  /** The address without query: whose answer it is. */
  readonly address: string;
  /** Path below the base URL: `usage_events/`. */
  readonly path: string;
}

/** The Django permission that each endpoint wants, also for reading. */
const PERMISSIONS: Readonly<Record<string, string>> = {
  usage_events: 'NEMO.view_usageevent',
  reservations: 'NEMO.view_reservation',
  tools: 'NEMO.view_tool',
  users: 'NEMO.view_user',
  projects: 'NEMO.view_project',
  accounts: 'NEMO.view_account',
  adjustment_requests: 'NEMO.view_adjustmentrequest',
  content_types: 'contenttypes.view_contenttype',
};

/** Transient: NEMO, or the way to it, does not work now. `retryAfterMs`: what NEMO asked for, in milliseconds. */
export function unavailable(
  facts: RequestFacts,
  why: string,
  options: { cause?: Error; status?: number; retryAfterMs?: number; remedy?: string } = {},
): AppError {
  const { cause, status, retryAfterMs } = options;
  return new AppError('SOURCE_UNAVAILABLE', `NEMO at ${facts.address} ${why}.`, {
    ...(cause === undefined ? {} : { cause }),
    remedy: options.remedy ?? 'Check that NEMO runs and can be reached from here.',
    details: {
      ...facts,
      ...(status === undefined ? {} : { status }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  });
}

/** NEMO does not do what is asked, and will not until a person changes something. */
export function refused(
  facts: RequestFacts,
  status: number,
  why: string,
  remedy: string,
  details: Readonly<Record<string, unknown>> = {},
): AppError {
  return new AppError('SOURCE_REFUSED', `NEMO at ${facts.address} ${why} (status ${status}).`, {
    remedy,
    details: { ...facts, status, ...details },
  });
}

/** 401 and 403, as DRF answers them; `said` is its `detail`. */
export function notPermitted(facts: RequestFacts, status: number, said: string | null): AppError {
  const why = `refuses the token${said === null ? '' : `: ${said.replace(/\.$/, '')}`}`;
  if (status === 403 && said?.startsWith('Authentication credentials') !== true) {
    const [endpoint = ''] = facts.path.split('/');
    const permission = Object.hasOwn(PERMISSIONS, endpoint) ? PERMISSIONS[endpoint] : undefined;
    const remedy =
      permission === undefined
        ? 'Give the user of the token the permission to read it.'
        : `Give the user of the token the permission ${permission} in NEMO's detailed administration.`;
    return refused(facts, status, why, remedy, permission === undefined ? {} : { permission });
  }
  return refused(
    facts,
    status,
    why,
    "Check the token, that its user is active, that TokenAuthentication is among NEMO's REST_FRAMEWORK settings, and that a " +
      'single sign-on in front of NEMO leaves /api/ alone.',
  );
}

/** A redirect, which is never followed: the token would go to wherever it leads. */
export function redirected(facts: RequestFacts, status: number, location: string | null): AppError {
  const to = location === null ? null : parseUrl(location, facts.address);
  const shown = to === null ? 'nowhere' : `${to.origin}${to.pathname}`;
  return refused(facts, status, `redirects to ${shown}`, redirectRemedy(facts, to), {
    location: shown,
  });
}

function redirectRemedy(facts: RequestFacts, to: URL | null): string {
  const from = new URL(facts.address);
  if (to?.host === from.host && to.pathname === `${from.pathname}/`) {
    return 'Write the address of NEMO with its trailing slash.';
  }
  if (to?.pathname === from.pathname && to.protocol !== from.protocol) {
    return `Write the address of NEMO with ${to.protocol}//.`;
  }
  if (to?.pathname === from.pathname) return `Write the address of NEMO with the host ${to.host}.`;
  return 'Check the address of NEMO; a single sign-on in front of NEMO must leave /api/ alone.';
}

function parseUrl(text: string, base: string): URL | null {
  return URL.canParse(text, base) ? new URL(text, base) : null;
}

/** The answer as a whole is not what the REST interface of NEMO gives. */
export function invalidAnswer(facts: RequestFacts, why: string, remedy?: string): AppError {
  return new AppError('SOURCE_ANSWER_INVALID', `NEMO at ${facts.address} ${why}.`, {
    remedy: remedy ?? 'Check the address of NEMO and what stands between it and recordsmith.',
    details: { ...facts },
  });
}

/** A copy of what fetch threw, and of its causes, in which a secret cannot occur: not in messages and not in stacks. */
export function withoutSecret(thrown: unknown, secret: string, levels = 3): Error {
  const error = toError(thrown);
  const below =
    typeof thrown === 'object' && thrown !== null && 'cause' in thrown ? thrown.cause : undefined;
  const cause =
    below === undefined || levels === 0 ? undefined : withoutSecret(below, secret, levels - 1);
  const copy = new Error(hideSecret(error.message, secret), cause === undefined ? {} : { cause });
  copy.name = error.name;
  const code = systemErrorCode(thrown);
  return code === undefined ? copy : Object.assign(copy, { code });
}

/** The text without the secret. */
export function hideSecret(text: string, secret: string): string {
  return text.replaceAll(secret, '***');
}
