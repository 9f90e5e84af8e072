import { detail, jsonAnswer, NOT_FOUND, type Answer } from './answers.js';
import type { Context } from './context.js';
import { Reads } from './reads.js';
import { RESOURCES, resourceNamed, type Resource } from './resources.js';
import type { Tokens } from './tokens.js';
import { metadata, toolStatus } from './tool-status.js';
import { Writes } from './writes.js';

/** One request as the router needs it. */
export interface ApiRequest {
  readonly method: string;
  /** With the host the client used. */
  readonly url: URL;
  readonly accept: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'view',
  HEAD: 'view',
  POST: 'add',
  PUT: 'change',
  PATCH: 'change',
  DELETE: 'delete',
};

function isServable(accept: string): boolean {
  const types = accept.split(',').map((part) => part.split(';')[0]?.trim() ?? '');
  const servable = ['*/*', 'application/*', 'application/json', 'text/*', 'text/html', ''];
  return types.some((type) => servable.includes(type));
}

function wantsHtml(accept: string): boolean {
  return accept.includes('text/html') && !accept.includes('application/json');
}

/** Answers what lies below /api/. */
export class Router {
  readonly #context: Context;
  readonly #tokens: Tokens;
  readonly #reads: Reads;
  readonly #writes: Writes;

  constructor(context: Context, tokens: Tokens) {
    this.#context = context;
    this.#tokens = tokens;
    this.#reads = new Reads(context);
    this.#writes = new Writes(context);
  }

  answer(request: ApiRequest): Answer {
    const { version, hasApi } = this.#context.settings;
    const { pathname, search } = request.url;
    const [, name = '', id] = /^\/api(?:\/([a-z_]+))?(?:\/([^/]+))?\/?$/.exec(pathname) ?? [];
    const resource = resourceNamed(name, version);
    const isKnown = resource !== undefined || this.#single(name, id);
    if (!hasApi || !isKnown || !pathname.startsWith('/api')) return NOT_FOUND;
    if (!pathname.endsWith('/'))
      return { status: 301, headers: { Location: `${pathname}/${search}` }, body: '' };
    const accept = request.accept ?? '*/*';
    if (!isServable(accept)) return detail(406, 'Could not satisfy the request Accept header.');
    const refusal = this.#tokens.refusal(
      request.authorization,
      permissionOf(request.method, name, resource),
    );
    if (refusal !== null) return refusal;
    return resource === undefined
      ? this.#answerSingle(name, request)
      : this.#answerResource(resource, id, request);
  }

  /** Paths that are no model: the root, the status of the tools, the metadata. */
  #single(name: string, id: string | undefined): boolean {
    if (id !== undefined) return false;
    // tool_status came with 5.2.0.
    return (
      ['', 'metadata'].includes(name) ||
      (name === 'tool_status' && this.#context.settings.version !== '4.x')
    );
  }

  #answerSingle(name: string, { method, url }: ApiRequest): Answer {
    if (method !== 'GET' && method !== 'HEAD') return notAllowed(method);
    if (name === 'tool_status') return toolStatus(this.#context);
    if (name === 'metadata') return metadata(this.#context);
    const names = Object.keys(RESOURCES).filter(
      (known) => resourceNamed(known, this.#context.settings.version) !== undefined,
    );
    return jsonAnswer(
      200,
      Object.fromEntries(names.map((known) => [known, `${url.origin}/api/${known}/`])),
    );
  }

  #answerResource(resource: Resource, id: string | undefined, request: ApiRequest): Answer {
    const { method, url } = request;
    if (method === 'GET' || method === 'HEAD') {
      const read = { url, html: wantsHtml(request.accept ?? '*/*') };
      return id === undefined
        ? this.#reads.list(resource, read)
        : this.#reads.one(resource, Number(id), read);
    }
    // Before 4.5.0 everything was read only; of the rest, this fake writes usage events alone.
    const isOld = this.#context.settings.version === '4.x';
    if (isOld || resource.name !== 'usage_events') return notAllowed(method);
    if (id === undefined)
      return method === 'POST' ? this.#writes.create(request.body) : notAllowed(method);
    if (method === 'DELETE') return this.#writes.remove(Number(id));
    if (method !== 'PATCH' && method !== 'PUT') return notAllowed(method);
    return this.#writes.change(Number(id), request.body, method === 'PATCH');
  }
}

function permissionOf(method: string, name: string, resource: Resource | undefined): string | null {
  if (name === 'tool_status') return 'view_tool';
  if (resource === undefined) return null;
  return `${VERBS[method] ?? 'view'}_${resource.model.toLowerCase()}`;
}

function notAllowed(method: string): Answer {
  return detail(405, `Method "${method}" not allowed.`);
}
