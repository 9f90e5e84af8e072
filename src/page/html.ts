import { escapeControls } from '../log-values.js';

/** Text that is HTML already. Only `markup` and `trustedHtml` make it, so that nothing gets into a page unescaped. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template; null: nothing. */
export type HtmlValue = string | number | Html | null | readonly HtmlValue[];

const SPECIAL: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text as it stands in HTML, in elements and in quoted attributes. Line feeds stay; other controls, direction overrides
 * and lone surrogates are shown as escapes, since names come from files and may be made to deceive.
 */
export function escapeHtml(text: string): string {
  const lines = text.split('\n').map(escapeControls).join('\n');
  return lines.replace(/[&<>"']/g, (character) => SPECIAL[character] ?? '');
}

function textOf(value: HtmlValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if (value instanceof Html) return value.toString();
  return value.map(textOf).join('');
}

/** A template of HTML: every value in it is escaped unless it is HTML itself. Attributes need quotes. */
export function markup(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = strings[0] ?? '';
  values.forEach((value, index) => {
    text += textOf(value) + (strings[index + 1] ?? '');
  });
  return new Html(text);
}

/** A constant of this program as it is: a style sheet, a script. Never for what comes from files or people. */
export function trustedHtml(text: string): Html {
  return new Html(text);
}
