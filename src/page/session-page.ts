import { createHash } from 'node:crypto';
import { byteText } from '../domain/byte-text.js';
import { filesOfDataset, type Dataset } from '../domain/dataset.js';
import type { FileVerdict } from '../domain/found-file.js';
import type { ExperimentRecord, Note } from '../domain/record.js';
import { activityPieces } from './activity-section.js';
import { filterBox } from './filter-box.js';
import { markup, trustedHtml, type Html } from './html.js';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_STYLE } from './page-style.js';
import { countText, durationText, PageTimes } from './page-texts.js';
import { drawTimeline } from './timeline.js';
import { verdictSection } from './verdict-section.js';

/** A picture as it stands in the page. */
export interface PagePicture {
  readonly mediaType: 'image/png' | 'image/webp';
  readonly bytes: Uint8Array;
}

/** What a page is made of. */
export interface SessionPage {
  readonly record: ExperimentRecord;
  /** The folder that was searched, as people know it. */
  readonly folder: string;
  /** Of every file looked at, sorted by location. */
  readonly verdicts: readonly FileVerdict[];
  /** Files too far from the session for a verdict. */
  readonly otherFileCount: number;
  /** Names of the record's files, which lie beside the page. */
  readonly recordFiles: { readonly xml: string; readonly json: string };
  /** Which program made it: `recordsmith 0.1.0`. */
  readonly generator: string;
  /** The picture of a dataset that has a preview; null: it is left out for the size of the page. */
  readonly pictureOf: (dataset: Dataset) => Promise<PagePicture | null>;
  /** How many pictures were left out so far. */
  readonly previewsLeftOut: () => number;
}

/** Datasets shown with picture and metadata; the others of a huge session are in the record only. */
export const MOST_DATASETS_SHOWN = 5000;

function sourceHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;
}

/** Nothing but our own style and script runs, and nothing is fetched from anywhere: also if an escape were forgotten. */
function contentPolicy(): string {
  return [
    "default-src 'none'",
    'img-src data:',
    `style-src ${sourceHash(PAGE_STYLE)}`,
    `script-src ${sourceHash(PAGE_SCRIPT)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/**
 * The page of a session as HTML in pieces: one document that needs no other file, server or network, and little memory
 * while it is written. Made for a browser; without its script everything but filter and large pictures still works.
 */
export async function* sessionPagePieces(
  page: SessionPage,
): AsyncGenerator<string, void, undefined> {
  const { record } = page;
  const times = new PageTimes(record.summary.timezone);
  yield markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="${page.generator}">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${record.title}</title>
<style>${trustedHtml(PAGE_STYLE)}</style>
</head>
<body>
<a class="skip" href="#datasets">Skip to the datasets</a>
${header(page, times)}
<main>
${warnings(record)}
<section aria-labelledby="timeline-title">
<h2 id="timeline-title">Timeline</h2>
${drawTimeline(record.activities, page.verdicts, times)}
</section>
<section id="datasets" aria-labelledby="datasets-title">
<h2 id="datasets-title">Activities and datasets</h2>
${filterBox('dataset-filter', '#datasets .card', 'Filter the datasets', 'datasets')}
`.toString();
  let room = MOST_DATASETS_SHOWN;
  for (const activity of record.activities) {
    yield* activityPieces(activity, Math.max(0, room), times, page.pictureOf);
    room -= activity.datasets.length;
  }
  yield '</section>\n';
  yield verdictSection(page.verdicts, page.otherFileCount, times).toString();
  yield markup`</main>
${footer(page)}
<dialog id="viewer" aria-label="Large preview">
<figure><img id="viewer-image" alt=""><figcaption id="viewer-caption"></figcaption></figure>
<p class="viewer-buttons"><button type="button" id="viewer-previous">‹ Previous</button>
<button type="button" id="viewer-next">Next ›</button>
<button type="button" id="viewer-close">Close</button></p>
</dialog>
<script>${trustedHtml(PAGE_SCRIPT)}</script>
</body>
</html>
`.toString();
}

function header({ record, folder }: SessionPage, times: PageTimes): Html {
  const { summary, activities } = record;
  const datasets = activities.flatMap((activity) => activity.datasets);
  const sizes = new Map(datasets.map(({ location, sizeBytes }) => [location, sizeBytes]));
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const files = new Set(datasets.flatMap(filesOfDataset).map(({ location }) => location)).size;
  const person = summary.experimenter;
  const facts: readonly (readonly [string, string])[] = [
    ['Instrument', summary.instrument.displayName],
    ...(person === null ? [] : [['Experimenter', person.fullName ?? person.username] as const]),
    ['Time', `${times.span(summary.startMs, summary.endMs)} (${summary.timezone})`],
    ['Duration', durationText(summary.endMs - summary.startMs)],
    ['Files', `${countText(files, 'file')}, ${byteText(bytes)}`],
    [
      'Datasets',
      `${countText(datasets.length, 'dataset')} in ${countText(activities.length, 'activity', 'activities')}`,
    ],
    ['Kinds', kindsText(datasets)],
    ['Folder', folder],
  ];
  const fact = ([name, value]: readonly [string, string]): Html =>
    markup`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return markup`<header>
<h1>${record.title}</h1>
<dl class="facts">${facts.map(fact)}</dl>
</header>`;
}

function kindsText(datasets: readonly Dataset[]): string {
  const counts = new Map<string, number>();
  for (const { type } of datasets) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([type, count]) => `${count.toLocaleString('en-US')} ${type}`)
    .join(', ');
}

/** Sentences shown at once; the others can be unfolded. */
const MOST_OPEN_WARNINGS = 8;

/** What the build has to say, and what people noted. */
function warnings({ notes }: ExperimentRecord): Html | null {
  if (notes.length === 0) return null;
  return markup`<section aria-labelledby="notes-title">
<h2 id="notes-title">Notes and warnings</h2>
${notes.map(noteList)}
</section>`;
}

function noteList({ source, paragraphs }: Note): Html {
  const list = (texts: readonly string[]): Html =>
    markup`<ul class="notes">${texts.map((text) => markup`<li>${text}</li>`)}</ul>`;
  const folded = paragraphs.slice(MOST_OPEN_WARNINGS);
  return markup`${source === 'recordsmith' ? null : markup`<h3>${source}</h3>`}
${list(paragraphs.slice(0, MOST_OPEN_WARNINGS))}
${
  folded.length === 0
    ? null
    : markup`<details><summary>${folded.length.toLocaleString('en-US')} more</summary>${list(folded)}</details>`
}`;
}

function footer({ recordFiles, generator, previewsLeftOut }: SessionPage): Html {
  const leftOut = previewsLeftOut();
  const link = (name: string): Html => markup`<a href="./${encodeURIComponent(name)}">${name}</a>`;
  const note = `${countText(leftOut, 'preview')} left out, so that this page stays small enough to be opened and sent.`;
  return markup`<footer>
${leftOut === 0 ? null : markup`<p>${note}</p>`}
<p>The record itself: ${link(recordFiles.xml)} and ${link(recordFiles.json)}, beside this page. Made by ${generator}.</p>
</footer>`;
}
