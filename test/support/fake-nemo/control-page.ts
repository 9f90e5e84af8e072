import type { IncomingMessage } from 'node:http';
import { escaped, type Answer } from './answers.js';
import { isoInZone, zoneNamed } from './instants.js';
import type { ToolRow, UsageEventRow } from './rows.js';
import type { FakeNemo } from './start-fake-nemo.js';

const STYLE =
  'body{font:16px sans-serif;margin:2em;max-width:60em}table{border-collapse:collapse}' +
  'td,th{padding:.3em .8em;border:1px solid #bbb;text-align:left}form{margin:0}';

function page(body: string): Answer {
  return {
    status: 200,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    },
    body:
      '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Fake NEMO</title>' +
      `<style>${STYLE}</style></head><body><h1>Fake NEMO</h1>${body}</body></html>`,
  };
}

function choice(name: string, options: readonly { readonly id: number; readonly label: string }[]) {
  const items = options.map(({ id, label }) => `<option value="${id}">${escaped(label)}</option>`);
  return `<label>${name} <select name="${name}">${items.join('')}</select></label> `;
}

function enableForm(nemo: FakeNemo, tool: ToolRow): string {
  const users = nemo.state.users.all().map(({ id, username }) => ({ id, label: username }));
  const projects = nemo.state.projects.all().map(({ id, name }) => ({ id, label: name }));
  return (
    `<form method="post" action="/enable"><input type="hidden" name="tool" value="${tool.id}">` +
    choice('user', users) +
    choice('operator', users) +
    choice('project', projects) +
    '<label><input type="checkbox" name="remote"> remote</label> ' +
    '<label><input type="checkbox" name="training"> training</label> ' +
    '<button>Enable</button></form>'
  );
}

function disableForm(tool: ToolRow): string {
  return (
    `<form method="post" action="/disable"><input type="hidden" name="tool" value="${tool.id}">` +
    '<label>downtime in minutes <input name="downtime" type="number" min="0" value="0"></label> ' +
    '<label>note <input name="note"></label> <button>Disable</button></form>'
  );
}

function openEvent(nemo: FakeNemo, tool: ToolRow): UsageEventRow | undefined {
  return nemo.state.usageEvents.all().find((event) => event.tool === tool.id && event.end === null);
}

function toolRow(nemo: FakeNemo, tool: ToolRow): string {
  const event = openEvent(nemo, tool);
  const since =
    event === undefined
      ? 'free'
      : `event ${event.id} of ${nemo.state.users.get(event.user).username} since ` +
        isoInZone(event.start, zoneNamed('UTC'));
  const form = event === undefined ? enableForm(nemo, tool) : disableForm(tool);
  return `<tr><td>${tool.id}</td><td>${escaped(tool.name)}</td><td>${escaped(since)}</td><td>${form}</td></tr>`;
}

function tablePage(nemo: FakeNemo, fault: string | null): Answer {
  const rows = nemo.state.tools.all().map((tool) => toolRow(nemo, tool));
  return page(
    (fault === null ? '' : `<p role="alert"><strong>${escaped(fault)}</strong></p>`) +
      `<table><tr><th>id</th><th>tool</th><th>use</th><th></th></tr>${rows.join('')}</table>` +
      `<p>API: ${escaped(nemo.baseUrl)}, ${nemo.state.usageEvents.all().length} usage events</p>`,
  );
}

function act(nemo: FakeNemo, path: string, form: URLSearchParams): void {
  const number = (name: string) => Number(form.get(name));
  if (path === '/enable')
    nemo.enable(number('tool'), number('user'), number('operator'), number('project'), {
      remote: form.has('remote'),
      training: form.has('training'),
    });
  else {
    const note = form.get('note') ?? '';
    nemo.disable(number('tool'), {
      downtimeMinutes: number('downtime'),
      ...(note === '' ? {} : { note }),
    });
  }
}

/** Serves a page at / on which tools are enabled and disabled by hand. */
export function serveControlPage(nemo: FakeNemo): void {
  nemo.serveOtherPaths((request: IncomingMessage, body: string) => {
    const path = request.url ?? '/';
    if (request.method === 'GET' && path === '/') return tablePage(nemo, null);
    if (request.method !== 'POST' || !['/enable', '/disable'].includes(path)) return null;
    try {
      act(nemo, path, new URLSearchParams(body));
    } catch (error) {
      return tablePage(nemo, error instanceof Error ? error.message : String(error));
    }
    return { status: 303, headers: { Location: '/' }, body: '' };
  });
}
