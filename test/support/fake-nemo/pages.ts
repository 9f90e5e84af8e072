import type { Settings } from './settings.js';

/** A list as the API answers it: everything, one page in its envelope, or no such page. */
export type Paged<Entry> =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'page';
      readonly entries: readonly Entry[];
      readonly next: string | null;
      readonly previous: string | null;
    }
  | { readonly kind: 'no-page' };

/** Rows on a page, null when the answer is the whole list: that depends on the site's settings as much as on the query. */
function rowsOnPage(query: URLSearchParams, html: boolean, settings: Settings): number | null {
  const { paging, pageSize, version } = settings;
  const asked = query.get('page_size');
  if (paging === 'none') return null;
  if (asked === null && !html && !(version === '4.x' && paging === 'plain')) return null;
  if (paging === 'plain' || asked === null) return pageSize;
  return /^\d+$/.test(asked) && Number(asked) > 0 ? Number(asked) : pageSize;
}

/** As Django REST framework makes it: parameters sorted by name, the first page without its number. */
function linkTo(page: number, url: URL, origin: string): string {
  const query = new URLSearchParams(url.searchParams);
  query.delete('page');
  if (page > 1) query.set('page', String(page));
  query.sort();
  const text = query.toString();
  return `${origin}${url.pathname}${text === '' ? '' : `?${text}`}`;
}

/** The page the query asks for. `url` is the request's, with the host the client used. */
export function paged<Entry>(
  entries: readonly Entry[],
  url: URL,
  html: boolean,
  settings: Settings,
): Paged<Entry> {
  const size = rowsOnPage(url.searchParams, html, settings);
  if (size === null) return { kind: 'all' };
  const last = Math.max(1, Math.ceil(entries.length / size));
  const asked = url.searchParams.get('page') ?? '1';
  const page = asked === 'last' ? last : Number(asked);
  if (!Number.isInteger(page) || page < 1 || page > last) return { kind: 'no-page' };
  const origin = settings.publicOrigin ?? url.origin;
  return {
    kind: 'page',
    entries: entries.slice((page - 1) * size, page * size),
    next: page < last ? linkTo(page + 1, url, origin) : null,
    previous: page > 1 ? linkTo(page - 1, url, origin) : null,
  };
}
