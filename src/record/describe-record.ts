import type { Activity } from '../domain/activity.js';
import type { Metadata, MetadataValue } from '../domain/file-metadata.js';
import type { Dataset } from '../domain/dataset.js';
import type { ExperimentRecord, Note, Person, Sample } from '../domain/record.js';
import { chemicalElementsOf } from '../domain/chemical-elements.js';
import { replaceForbidden } from './forbidden-characters.js';
import type {
  ActivitySource,
  DocumentDataset,
  DocumentNotes,
  DocumentParameter,
  DocumentProject,
  DocumentSample,
  RecordSource,
} from './record-document.js';
import { describeSeries } from './describe-series.js';
import { toUriReference } from './uri-reference.js';
import { zonedInstant } from './zoned-instant.js';

/** Compares by code points, which is not the order of UTF-16 units beyond the basic plane. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    if (a.charCodeAt(index) !== b.charCodeAt(index)) {
      return (a.codePointAt(index) ?? 0) - (b.codePointAt(index) ?? 0);
    }
  }
  return a.length - b.length;
}

function sortKeys(keys: readonly string[]): string[] {
  return keys
    .map((key) => ({ key, lower: key.toLowerCase() }))
    .sort((a, b) => compareCodePoints(a.lower, b.lower) || compareCodePoints(a.key, b.key))
    .map(({ key }) => key);
}

/** Datasets of one format have the same keys one after the other: their order is sorted once. */
class KeyOrder {
  #keys: readonly string[] = [];
  #sorted: readonly string[] = [];

  sorted(metadata: Metadata): readonly string[] {
    const keys = Object.keys(metadata);
    const same =
      keys.length === this.#keys.length && keys.every((key, index) => key === this.#keys[index]);
    if (!same) {
      this.#keys = keys;
      this.#sorted = sortKeys(keys);
    }
    return this.#sorted;
  }
}

/** XML Schema's words for what JSON has no number for. */
function numberWord(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'INF' : '-INF';
}

function documentValue(value: MetadataValue['value']): DocumentParameter['value'] {
  if (typeof value === 'string') return replaceForbidden(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : numberWord(value);
  if (typeof value === 'boolean') return value;
  const numbers: number[] = [];
  const texts: string[] = [];
  for (const item of value) {
    if (typeof item === 'number' && Number.isFinite(item)) {
      numbers.push(item);
      texts.push(String(item));
    } else {
      texts.push(typeof item === 'number' ? numberWord(item) : replaceForbidden(item));
    }
  }
  return numbers.length === texts.length ? numbers : texts;
}

function parameters(metadata: Metadata, order: KeyOrder): DocumentParameter[] {
  const list: DocumentParameter[] = [];
  for (const name of order.sorted(metadata)) {
    const value = metadata[name];
    if (value === undefined) continue;
    list.push({
      name: replaceForbidden(name),
      value: documentValue(value.value),
      ...(value.unit === undefined ? {} : { unit: replaceForbidden(value.unit) }),
      ...(value.warning === true ? { warning: true } : {}),
    });
  }
  return list;
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function describeDataset(dataset: Dataset, timezone: string, order: KeyOrder): DocumentDataset {
  const series = describeSeries(dataset, timezone);
  return {
    type: dataset.type,
    role: dataset.role,
    name: replaceForbidden(dataset.name),
    location: dataset.location,
    format: replaceForbidden(dataset.format),
    descriptions: [series?.text ?? null, dataset.description].flatMap((description) =>
      description === null ? [] : [replaceForbidden(description)],
    ),
    previews: dataset.preview === null ? [] : [dataset.preview],
    metadata: parameters(dataset.metadata, order),
    extensions: {
      sizeBytes: dataset.sizeBytes,
      modifiedNs: dataset.mtimeNs.toString(),
      timeNs: dataset.timeNs.toString(),
      ...(dataset.acquiredMs === null
        ? {}
        : { acquired: zonedInstant(dataset.acquiredMs, timezone) }),
      shape: [...dataset.shape],
      calibration: dataset.calibration.map((axis) => ({
        scale: finiteOrNull(axis.scale),
        origin: finiteOrNull(axis.origin),
        unit: replaceForbidden(axis.unit),
      })),
      ...(dataset.dtype === null ? {} : { dtype: replaceForbidden(dataset.dtype) }),
      reader: replaceForbidden(dataset.reader),
      signalNumber: dataset.signalNumber,
      signalCount: dataset.signalCount,
      warnings: dataset.warnings.map(replaceForbidden),
      ...(dataset.missingSinceMs === null
        ? {}
        : { missingSince: zonedInstant(dataset.missingSinceMs, timezone) }),
      ...(series === null ? {} : { series: series.extension }),
    },
  };
}

/** The warnings of an activity's datasets as its notes, since a dataset has no place for notes in XML. */
function activityNotes(activity: Activity, timezone: string): DocumentNotes[] {
  const paragraphs: string[] = [];
  for (const dataset of activity.datasets) {
    for (const warning of dataset.warnings) {
      paragraphs.push(replaceForbidden(`${dataset.name}: ${warning}`));
    }
    if (dataset.missingSinceMs !== null) {
      const since = zonedInstant(dataset.missingSinceMs, timezone);
      paragraphs.push(replaceForbidden(`${dataset.name}: missing since ${since}`));
    }
  }
  return paragraphs.length === 0 ? [] : [{ source: 'recordsmith', entries: [{ paragraphs }] }];
}

function* describeActivities(record: ExperimentRecord): Generator<ActivitySource> {
  const { timezone } = record.summary;
  const setupOrder = new KeyOrder();
  const datasetOrder = new KeyOrder();
  // With several samples nobody said which one was in the instrument: then the activity points to none.
  const [sample, ...otherSamples] = record.samples;
  for (const activity of record.activities) {
    yield {
      seqno: activity.seqno,
      startTime: zonedInstant(activity.startMs, timezone),
      ...(sample !== undefined && otherSamples.length === 0
        ? { sampleID: replaceForbidden(sample.id) }
        : {}),
      setup: parameters(activity.setup, setupOrder),
      notes: activityNotes(activity, timezone),
      datasets: (function* () {
        for (const dataset of activity.datasets) {
          yield describeDataset(dataset, timezone, datasetOrder);
        }
      })(),
      extensions: { endTime: zonedInstant(activity.endMs, timezone) },
    };
  }
}

function personName(person: Person): string {
  return replaceForbidden(
    person.fullName === null ? person.username : `${person.fullName} (${person.username})`,
  );
}

/** Present texts only, cleaned; keys keep their order. */
function present<Key extends string>(
  values: Readonly<Record<Key, string | null>>,
): Partial<Record<Key, string>> {
  const kept: Partial<Record<Key, string>> = {};
  for (const key in values) {
    const value = values[key];
    if (value !== null) kept[key] = replaceForbidden(value);
  }
  return kept;
}

function describeSample(sample: Sample): DocumentSample {
  const elements = chemicalElementsOf(sample.elements);
  return {
    ...present({ id: sample.id, ref: sample.ref, name: sample.name }),
    descriptions: sample.description === null ? [] : [replaceForbidden(sample.description)],
    notes: [],
    ...(elements.length === 0 ? {} : { elements }),
  };
}

function describeProjects(record: ExperimentRecord): DocumentProject[] {
  return record.projects
    .map((project) =>
      present({
        name: project.name,
        division: project.division,
        group: project.group,
        projectId: project.projectId,
        ref: project.ref === null ? null : toUriReference(project.ref),
      }),
    )
    .filter((project) => Object.keys(project).length > 0);
}

function describeNotes(note: Note): DocumentNotes {
  return {
    source: replaceForbidden(note.source),
    entries: [{ paragraphs: note.paragraphs.map(replaceForbidden) }],
  };
}

/** Up to so many datasets a document is held whole, since it is written more than once; larger ones would fill memory. */
const MOST_HELD_DATASETS = 2000;

function activitiesOf(record: ExperimentRecord): Iterable<ActivitySource> {
  const count = record.activities.reduce((sum, { datasets }) => sum + datasets.length, 0);
  if (count > MOST_HELD_DATASETS) return { [Symbol.iterator]: () => describeActivities(record) };
  return Array.from(describeActivities(record), (activity) => ({
    ...activity,
    datasets: [...activity.datasets],
  }));
}

/**
 * Turns a record into the document that is written as XML and JSON. Of large records activities and datasets are made
 * one by one as they are asked for; they can be asked for again.
 * @throws AppError TIME_INVALID when the zone or a time is none (of large records: while activities are read)
 */
export function describeRecord(record: ExperimentRecord): RecordSource {
  const { summary } = record;
  const sorted = Object.entries(record.verdictCounts).sort(([a], [b]) => compareCodePoints(a, b));
  return {
    ...present({ pid: record.pid, title: record.title, id: record.id }),
    summary: {
      ...(summary.ref === null ? {} : { ref: toUriReference(summary.ref) }),
      experimenters: summary.experimenter === null ? [] : [personName(summary.experimenter)],
      collaborators: summary.collaborators.map(personName),
      instruments: [
        {
          name: replaceForbidden(summary.instrument.displayName),
          pid: replaceForbidden(summary.instrument.pid),
        },
      ],
      reservationStart: zonedInstant(summary.startMs, summary.timezone),
      reservationEnd: zonedInstant(summary.endMs, summary.timezone),
      ...present({ motivation: summary.motivation }),
    },
    samples: record.samples.map(describeSample),
    projects: describeProjects(record),
    activities: activitiesOf(record),
    notes: record.notes.filter((note) => note.paragraphs.length > 0).map(describeNotes),
    extensions: {
      sessionIdentifier: replaceForbidden(record.sessionIdentifier),
      sessionKey: record.sessionKey,
      timezone: summary.timezone,
      verdictCounts: Object.fromEntries(sorted),
    },
  };
}
