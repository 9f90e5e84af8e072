import { byteText } from '../domain/byte-text.js';
import type { Activity } from '../domain/activity.js';
import type { Dataset } from '../domain/dataset.js';
import type { AxisCalibration, Metadata, MetadataValue } from '../domain/file-metadata.js';
import { markup, trustedHtml, type Html } from './html.js';
import { countText, valueText, type PageTimes } from './page-texts.js';
import type { PagePicture, SessionPage } from './session-page.js';

/** Pictures made ahead of the one that is written. */
const PICTURES_AHEAD = 4;

/**
 * The section of one activity, dataset by dataset.
 * @param most datasets shown; the others are only counted
 */
export async function* activityPieces(
  activity: Activity,
  most: number,
  times: PageTimes,
  pictureOf: SessionPage['pictureOf'],
): AsyncGenerator<string, void, undefined> {
  const number = activity.seqno + 1;
  const { datasets, setup, startMs, endMs } = activity;
  const facts = `${times.span(startMs, endMs)}, ${countText(datasets.length, 'dataset')}`;
  yield markup`<section class="activity" id="activity-${number}" aria-labelledby="activity-title-${number}">
<h3 id="activity-title-${number}">Activity ${number} <small>${facts}</small></h3>
${metadataDetails(setup, 'Setup: the same in all datasets')}
<ul class="cards">
`.toString();
  const shown = datasets.slice(0, most);
  const due: Promise<PagePicture | null>[] = [];
  for (const [index, dataset] of shown.entries()) {
    while (due.length < PICTURES_AHEAD) {
      const next = shown[index + due.length];
      if (next === undefined) break;
      const picture = next.preview === null ? Promise.resolve(null) : pictureOf(next);
      // Its error is thrown when it is due; until then it is not an unhandled one.
      picture.catch(() => undefined);
      due.push(picture);
    }
    const picture = await due.shift();
    yield card(dataset, picture ?? null, times).toString();
  }
  const rest = datasets.length - shown.length;
  yield markup`</ul>
${rest === 0 ? null : markup`<p class="left-out">${countText(rest, 'further dataset')} of this activity: in the record, left out of this page.</p>`}
</section>
`.toString();
}

function card(dataset: Dataset, picture: PagePicture | null, times: PageTimes): Html {
  const { name, format, type, shape, dtype, warnings } = dataset;
  const timeMs = Number(dataset.timeNs / 1_000_000n);
  const files = dataset.series === undefined ? '' : countText(dataset.series.length, 'file');
  const facts = [format, shapeText(shape, dtype), files, byteText(dataset.sizeBytes)].filter(
    (text) => text !== '',
  );
  return markup`<li class="card">
${pictureBox(dataset, picture)}
<div class="card-text">
<h4>${name}</h4>
<p><span class="kind kind-${type.toLowerCase()}">${type}</span> <time datetime="${times.iso(timeMs)}">${times.full(timeMs)}</time></p>
<p class="quiet">${facts.join(' · ')}</p>
${dataset.description === null ? null : markup`<p class="quiet">${dataset.description}</p>`}
${warnings.map((warning) => markup`<p class="warning">${warning}</p>`)}
${metadataDetails({ ...dataset.metadata, ...factsOf(dataset, times) }, 'Metadata')}
</div>
</li>
`;
}

/** What the record knows of a dataset besides its harmonised metadata. */
function factsOf(dataset: Dataset, times: PageTimes): Metadata {
  const { acquiredMs, calibration, location, reader, role } = dataset;
  return {
    ...(calibration.length === 0 ? {} : { Axes: { value: axesText(dataset) } }),
    ...(acquiredMs === null
      ? {}
      : { 'Acquired (says the file)': { value: times.full(acquiredMs) } }),
    ...(role === 'Experimental' ? {} : { Role: { value: role } }),
    Location: { value: location },
    Reader: { value: reader },
  };
}

function pictureBox({ name, type, preview }: Dataset, picture: PagePicture | null): Html {
  if (picture === null) {
    return markup`<div class="no-picture">${preview === null ? 'no preview' : 'preview left out'}</div>`;
  }
  const address = `data:${picture.mediaType};base64,${Buffer.from(picture.bytes).toString('base64')}`;
  return markup`<button type="button" class="picture" data-caption="${name}"><img loading="lazy" decoding="async" alt="Preview of ${name} (${type})" src="${trustedHtml(address)}"></button>`;
}

/** `2048 × 2048 uint16`, fastest axis first as people say sizes of pictures. */
function shapeText(shape: readonly number[], dtype: string | null): string {
  if (shape.length === 0) return dtype ?? '';
  return `${shape.toReversed().join(' × ')}${dtype === null ? '' : ` ${dtype}`}`;
}

function axesText({ calibration, shape }: Dataset): string {
  return calibration
    .map((axis, index) => axisText(axis, shape[index]))
    .reverse()
    .join('; ');
}

/** `512 × 0.25 nm`, with where it begins if that is not 0. */
function axisText({ scale, origin, unit }: AxisCalibration, length: number | undefined): string {
  const step = `${Number(scale.toPrecision(6))}${unit === '' ? '' : ` ${unit}`}`;
  const start = origin === 0 ? '' : ` from ${Number(origin.toPrecision(6))}`;
  return `${length === undefined ? '' : `${length} × `}${step}${start}`;
}

/** A table of names and values that unfolds; nothing where there is nothing. */
function metadataDetails(metadata: Metadata, title: string): Html | null {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return null;
  entries.sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  return markup`<details class="metadata"><summary>${title} (${entries.length})</summary><table>${entries.map(metadataRow)}</table></details>`;
}

function metadataRow([name, value]: readonly [string, MetadataValue]): Html {
  const note = value.warning === true ? markup` <span class="warning">to be checked</span>` : null;
  return markup`<tr><th scope="row">${name}</th><td>${valueText(value)}${note}</td></tr>`;
}
