import { groupBy } from '../domain/group-by.js';
import { decodeLocation, type Location } from '../domain/location.js';

/** What a series is found by. */
export interface SeriesMember {
  readonly location: Location;
}

/** Files of one folder whose names differ in one number only. */
export interface NumberedSeries<Member extends SeriesMember> {
  /** In the order of their numbers; names that stand for the same number (`1`, `01`) in the order of their locations. */
  readonly members: readonly Member[];
}

/** How series are found. */
export interface FindSeriesOptions {
  /** So many files make a series; 0: nothing does. */
  readonly minFiles: number;
  /**
   * Files of each series of the current version of the record. What is left of such a series stays one, also when it has
   * fewer files by now, as long as the version had enough.
   */
  readonly known: readonly (readonly Location[])[];
}

/** A location cut at the numbers of its last part; the extension is never counted through. */
interface NumberedName {
  /** One more than there are numbers: what stands before, between and after them, as Latin-1 text of the bytes. */
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
}

/** A way of seeing files as a series: they are alike but for the number at this place. */
interface Candidate<Member> {
  readonly place: number;
  readonly key: string;
  readonly members: readonly { readonly member: Member; readonly number: string }[];
}

/** Numbers of one name that are tried as the counter: more than any program writes. */
const MOST_NUMBERS = 16;

function splitName(location: Location): NumberedName {
  // The bytes, not the location: its percent escapes hold digits that are none of the name.
  const path = decodeLocation(location).toString('latin1');
  const slash = path.lastIndexOf('/');
  const dot = path.lastIndexOf('.');
  const end = dot > slash + 1 ? dot : path.length;
  const numbers: string[] = [];
  const texts: string[] = [];
  let from = 0;
  const stem = path.slice(slash + 1, end);
  for (const match of stem.matchAll(/[0-9]+/g)) {
    if (numbers.length === MOST_NUMBERS) break;
    texts.push(stem.slice(from, match.index));
    numbers.push(match[0]);
    from = match.index + match[0].length;
  }
  const [first = ''] = texts;
  const rest = stem.slice(from) + path.slice(end);
  const folder = path.slice(0, slash + 1);
  return numbers.length === 0
    ? { texts: [folder + rest], numbers }
    : { texts: [folder + first, ...texts.slice(1), rest], numbers };
}

/** Compares decimal digits of any length by their value. */
function compareNumbers(a: string, b: string): number {
  const [plainA, plainB] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (plainA.length !== plainB.length) return plainA.length - plainB.length;
  if (plainA === plainB) return 0;
  return plainA < plainB ? -1 : 1;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** What files are to have in common that differ in the number at `place` only; `/` occurs in no other text. */
function keyAt({ texts, numbers }: NumberedName, place: number): string {
  const others = numbers.map((number, index) => (index === place ? '' : number));
  return `${place}/${others.join('/')}/${texts.join('//')}`;
}

/** The keys of the series that the current version has: what differs between two of their files is the counter. */
function knownKeys({ known, minFiles }: FindSeriesOptions): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const [first, second, ...others] of known) {
    if (first === undefined || second === undefined || others.length + 2 < minFiles) continue;
    const [name, other] = [splitName(first), splitName(second)];
    const place = name.numbers.findIndex((number, index) => number !== other.numbers[index]);
    if (place >= 0) keys.add(keyAt(name, place));
  }
  return keys;
}

/**
 * Finds the numbered series among files: at least `minFiles` of one folder with the same extension, whose names differ in
 * one number only. Where names hold several numbers that would do, the larger series is taken, then the one whose number
 * stands further back. Each file is in one series at most. The result does not depend on the order of the files.
 */
export function findSeries<Member extends SeriesMember>(
  files: readonly Member[],
  options: FindSeriesOptions,
): { readonly series: readonly NumberedSeries<Member>[]; readonly rest: readonly Member[] } {
  const { minFiles } = options;
  if (minFiles === 0) return { series: [], rest: files };
  const keys = knownKeys(options);
  // Names that are equal but for any of their numbers: most files are ruled out by one look.
  const alike = groupBy(
    files
      .map((member) => ({ member, name: splitName(member.location) }))
      .filter(({ name }) => name.numbers.length > 0),
    ({ name }) => name.texts.join('//'),
  );
  const candidates: Candidate<Member>[] = [];
  for (const group of alike.values()) {
    if (group.length < minFiles && keys.size === 0) continue;
    candidates.push(...candidatesOf(group, minFiles, keys));
  }
  candidates.sort(
    (a, b) =>
      Number(keys.has(b.key)) - Number(keys.has(a.key)) ||
      b.members.length - a.members.length ||
      b.place - a.place ||
      compareText(a.key, b.key),
  );
  const taken = new Set<Member>();
  const series: NumberedSeries<Member>[] = [];
  for (const { key, members } of candidates) {
    const free = members.filter(({ member }) => !taken.has(member));
    if (free.length === 0 || (free.length < minFiles && !keys.has(key))) continue;
    free.sort(
      (a, b) =>
        compareNumbers(a.number, b.number) || compareText(a.member.location, b.member.location),
    );
    for (const { member } of free) taken.add(member);
    series.push({ members: free.map(({ member }) => member) });
  }
  return { series, rest: files.filter((member) => !taken.has(member)) };
}

function candidatesOf<Member extends SeriesMember>(
  group: readonly { readonly member: Member; readonly name: NumberedName }[],
  minFiles: number,
  keys: ReadonlySet<string>,
): Candidate<Member>[] {
  const candidates: Candidate<Member>[] = [];
  const places = group[0]?.name.numbers.length ?? 0;
  for (let place = 0; place < places; place += 1) {
    for (const [key, named] of groupBy(group, ({ name }) => keyAt(name, place))) {
      if (named.length < minFiles && !keys.has(key)) continue;
      const members = named.map(({ member, name }) => ({
        member,
        number: name.numbers[place] ?? '',
      }));
      candidates.push({ place, key, members });
    }
  }
  return candidates;
}

/**
 * What a series is called: its first and last number in the place where they stand, `tile_[0001-0400].tif`, as bytes.
 * @param locations of its files, in the order of their numbers; at least one
 */
export function seriesFileName(locations: readonly Location[]): Buffer {
  const [first = '/', second] = locations;
  const name = splitName(first);
  const last = splitName(locations.at(-1) ?? first);
  const other = second === undefined ? last : splitName(second);
  const place = name.numbers.findIndex((number, index) => number !== other.numbers[index]);
  const text = name.texts
    .map((before, index) => {
      const number = name.numbers[index] ?? '';
      return index === place
        ? `${before}[${number}-${last.numbers[index] ?? ''}]`
        : before + number;
    })
    .join('');
  return Buffer.from(text.slice(text.lastIndexOf('/') + 1), 'latin1');
}
