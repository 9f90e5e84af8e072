import type { Activity } from '../domain/activity.js';
import { filesOfDataset } from '../domain/dataset.js';
import type { FileVerdict } from '../domain/found-file.js';
import { markup, type Html } from './html.js';
import { countText, durationText, type PageTimes } from './page-texts.js';
import { timeTicks, type TimeTick } from './time-axis.js';

/** Units of the drawing: it is scaled to the width of the page. */
const WIDTH = 1000;
const LEFT = 92;
const RIGHT = 16;
const BAND_TOP = 8;
const BAND_HEIGHT = 26;
const FILES_TOP = 46;
const LANE_HEIGHT = 16;
const LANE_GAP = 8;
const LEAST_BAND = 3;
const NUMBER_ROOM = 14;
const MOST_TICKS = 9;
/** Files closer than this share a mark. */
const MARK_STEP = 1;
const MARK_WIDTH = 2;

/** The lanes of datasets, with the types in them. */
const LANES = [
  { name: 'Images', types: ['Image'], kind: 'image' },
  { name: 'Diffraction', types: ['Diffraction'], kind: 'diffraction' },
  { name: 'Spectra', types: ['Spectrum', 'SpectrumImage'], kind: 'spectrum' },
  { name: 'Others', types: ['Notes', 'Misc', 'Unknown'], kind: 'misc' },
] as const;

interface Lane {
  readonly name: string;
  readonly kind: string;
  readonly timesMs: readonly number[];
}

interface MarkCount {
  count: number;
  /** Of the first one. */
  readonly epochMs: number;
}

/** Lanes that hold anything; files left out only as far as their times lie on the axis. */
function lanesOf(
  activities: readonly Activity[],
  verdicts: readonly FileVerdict[],
  fromMs: number,
  toMs: number,
): Lane[] {
  const datasets = activities.flatMap((activity) => activity.datasets);
  const lanes: Lane[] = LANES.map(({ name, types, kind }) => ({
    name,
    kind,
    timesMs: datasets
      .filter(({ type }) => types.some((one) => one === type))
      .flatMap(filesOfDataset)
      .map(({ timeNs }) => Number(timeNs / 1_000_000n)),
  }));
  const leftOut = verdicts
    .filter(({ verdict }) => verdict !== 'in' && verdict !== 'included')
    .map(({ mtimeNs }) => Number(mtimeNs / 1_000_000n))
    .filter((time) => time >= fromMs && time <= toMs);
  return [...lanes, { name: 'Left out', kind: 'out', timesMs: leftOut }].filter(
    ({ timesMs }) => timesMs.length > 0,
  );
}

/** The activities as bands and the datasets as marks over time, as SVG. A mark says how many there are. */
export function drawTimeline(
  activities: readonly Activity[],
  verdicts: readonly FileVerdict[],
  times: PageTimes,
): Html {
  const firstMs = Math.min(...activities.map(({ startMs }) => startMs));
  const lastMs = Math.max(...activities.map(({ endMs }) => endMs));
  // Room around, so that the first and last mark are seen; one moment gets a minute.
  const roomMs = Math.max((lastMs - firstMs) * 0.02, firstMs === lastMs ? 30_000 : 500);
  const fromMs = firstMs - roomMs;
  const toMs = lastMs + roomMs;
  const x = (epochMs: number): number =>
    LEFT + ((epochMs - fromMs) / (toMs - fromMs)) * (WIDTH - LEFT - RIGHT);
  const lanes = lanesOf(activities, verdicts, fromMs, toMs);
  const axisY = FILES_TOP + lanes.length * (LANE_HEIGHT + LANE_GAP) + 4;
  const height = axisY + 26;
  const count = activities.reduce((sum, { datasets }) => sum + datasets.length, 0);
  const summary = `${countText(count, 'dataset')} in ${countText(activities.length, 'activity', 'activities')} within ${durationText(lastMs - firstMs)}, ${times.span(firstMs, lastMs)}.`;
  return markup`<p id="timeline-summary">${summary} A band is an activity and leads to it.</p>
<div class="wide"><svg class="timeline" viewBox="0 0 ${WIDTH} ${height}" role="group" aria-labelledby="timeline-title" aria-describedby="timeline-summary">
${timeTicks(fromMs, toMs, MOST_TICKS, times).map((tick) => tickMark(tick, fixed(x(tick.epochMs)), axisY))}
<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${axisY}" y2="${axisY}"/>
<text class="lane" x="${LEFT - 10}" y="${BAND_TOP + BAND_HEIGHT / 2}" text-anchor="end">Activities</text>
${activities.map((activity) => band(activity, x, times))}
${lanes.map((lane, index) => marks(lane, FILES_TOP + index * (LANE_HEIGHT + LANE_GAP), x, times))}
</svg></div>`;
}

function tickMark({ text }: TimeTick, x: string, axisY: number): Html {
  return markup`<line class="grid" x1="${x}" x2="${x}" y1="4" y2="${axisY}"/><text class="tick" x="${x}" y="${axisY + 17}" text-anchor="middle">${text}</text>
`;
}

function band(
  { seqno, startMs, endMs, datasets }: Activity,
  x: (epochMs: number) => number,
  times: PageTimes,
): Html {
  const number = seqno + 1;
  const left = x(startMs);
  const width = Math.max(LEAST_BAND, x(endMs) - left);
  const label = `Activity ${number}: ${times.span(startMs, endMs)}, ${countText(datasets.length, 'dataset')}`;
  const inside =
    width < NUMBER_ROOM
      ? null
      : markup`<text class="band-number" x="${fixed(left + width / 2)}" y="${BAND_TOP + BAND_HEIGHT / 2}" text-anchor="middle">${number}</text>`;
  return markup`<a href="#activity-${number}" aria-label="${label}"><title>${label}</title><rect class="band band-${seqno % 2}" x="${fixed(left)}" y="${BAND_TOP}" width="${fixed(width)}" height="${BAND_HEIGHT}" rx="2"/>${inside}</a>
`;
}

/** One mark for all that falls on the same place. */
function marks(lane: Lane, top: number, x: (epochMs: number) => number, times: PageTimes): Html {
  const counts = new Map<number, MarkCount>();
  for (const epochMs of lane.timesMs) {
    const place = Math.round(x(epochMs) / MARK_STEP) * MARK_STEP;
    const mark = counts.get(place);
    if (mark === undefined) counts.set(place, { count: 1, epochMs });
    else mark.count += 1;
  }
  const total = lane.timesMs.length.toLocaleString('en-US');
  const mark = ([place, { count, epochMs }]: readonly [number, MarkCount]): Html =>
    markup`<rect x="${fixed(place - MARK_WIDTH / 2)}" y="${top}" width="${MARK_WIDTH}" height="${LANE_HEIGHT}"><title>${count === 1 ? '' : `${count} at `}${times.full(epochMs)}</title></rect>`;
  return markup`<text class="lane" x="${LEFT - 10}" y="${top + LANE_HEIGHT / 2}" text-anchor="end">${lane.name} ${total}</text>
<g class="marks mark-${lane.kind}">${[...counts].map(mark)}</g>
`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
