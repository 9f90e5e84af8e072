import { replaceForbidden } from './forbidden-characters.js';

const PATH = "(?:[A-Za-z0-9\\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*";

/** What needs no change: an absolute URI with a plain authority or none, perhaps with a fragment (RFC 3986). */
const PLAIN = new RegExp(
  `^[A-Za-z][A-Za-z0-9+.-]*:(?://[A-Za-z0-9\\-._~]+(?::[0-9]{1,5})?(?=[/?#]|$))?(?!//)${PATH}(?:#${PATH})?$`,
);

function encode(part: string): string {
  return part.replaceAll(/%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]/gu, (found) =>
    encodeURIComponent(found),
  );
}

/**
 * A reference that XML Schema's anyURI accepts, whatever was given. An address of the web keeps its origin, and what no
 * URI may hold is percent-encoded; any other text is encoded as one relative path.
 */
export function toUriReference(text: string): string {
  const cleaned = replaceForbidden(text).trim();
  if (PLAIN.test(cleaned)) return cleaned;
  if (/^https?:/i.test(cleaned) && URL.canParse(cleaned)) {
    const url = new URL(cleaned);
    const fragment = url.hash === '' ? '' : `#${encode(url.hash.slice(1))}`;
    return `${url.origin}${encode(url.pathname + url.search)}${fragment}`;
  }
  return cleaned.split('/').map(encodeURIComponent).join('/');
}
