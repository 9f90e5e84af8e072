import { byteText } from '../domain/byte-text.js';
import type { FileVerdict, Verdict } from '../domain/found-file.js';
import { decodeLocation, displayName } from '../domain/location.js';
import { filterBox } from './filter-box.js';
import { markup, type Html } from './html.js';
import { countText, type PageTimes } from './page-texts.js';

/** Rows of the table; what is left out of a huge session is said. */
const MOST_ROWS = 5000;
/** Up to so many files the table is unfolded. */
const OPEN_UP_TO = 40;

const TAKEN: readonly Verdict[] = ['in', 'included'];

/** Every file looked at, why it is in or out: those left out first. */
export function verdictSection(
  verdicts: readonly FileVerdict[],
  otherFileCount: number,
  times: PageTimes,
): Html {
  const sorted = [...verdicts.filter((one) => !isTaken(one)), ...verdicts.filter(isTaken)];
  const unread = verdicts.filter(({ verdict }) => verdict === 'unreadable').length;
  const out = verdicts.filter((one) => !isTaken(one)).length;
  const rest = Math.max(0, sorted.length - MOST_ROWS);
  const summary = `${countText(verdicts.length, 'file')}: ${verdicts.length - out} in the record, ${out} left out${
    unread === 0 ? '' : `, of which ${unread} could not be read`
  }.`;
  const far = `${countText(otherFileCount, 'further file')} of the folder lie far from these times.`;
  return markup`<section aria-labelledby="verdicts-title">
<h2 id="verdicts-title">Files looked at</h2>
<p>${summary} ${otherFileCount === 0 ? null : far}</p>
<details class="verdicts"${verdicts.length <= OPEN_UP_TO ? markup` open` : null}>
<summary>Why each file is in the record or not</summary>
${filterBox('file-filter', '#verdicts tbody tr', 'Filter the files', 'files')}
<div class="wide"><table id="verdicts">
<thead><tr><th scope="col">File</th><th scope="col">Verdict</th><th scope="col">Why</th><th scope="col">Size</th><th scope="col">Modified</th></tr></thead>
<tbody>
${sorted.slice(0, MOST_ROWS).map((verdict) => verdictRow(verdict, times))}</tbody>
</table></div>
${rest === 0 ? null : markup`<p class="left-out">${countText(rest, 'further file')} in the record: left out of this table.</p>`}
</details>
</section>
`;
}

function isTaken({ verdict }: FileVerdict): boolean {
  return TAKEN.includes(verdict);
}

function verdictRow(file: FileVerdict, times: PageTimes): Html {
  const { location, verdict, rule, sizeBytes, mtimeNs } = file;
  const name = displayName(decodeLocation(location)).replace(/^\//, '');
  // What cannot be looked at has neither size nor time.
  const [size, modified] =
    mtimeNs === 0n ? ['', ''] : [byteText(sizeBytes), times.full(Number(mtimeNs / 1_000_000n))];
  return markup`<tr class="${isTaken(file) ? 'taken' : 'out'}"><td>${name}</td><td>${verdict}</td><td>${rule}</td><td class="number">${size}</td><td>${modified}</td></tr>
`;
}
