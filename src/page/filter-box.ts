import { markup, type Html } from './html.js';

/** A box that hides what does not match; only the script makes it useful, so only the script shows it. */
export function filterBox(id: string, selector: string, label: string, things: string): Html {
  return markup`<p class="filter" hidden><label for="${id}">${label}</label>
<input type="search" id="${id}" data-filter="${selector}" data-things="${things}" autocomplete="off" spellcheck="false">
<output for="${id}"></output></p>`;
}
