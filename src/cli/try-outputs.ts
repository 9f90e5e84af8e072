import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { GatheredDatasets } from '../daemon/gather-datasets.js';
import type { Look } from '../daemon/look-at-session.js';
import type { Dataset } from '../domain/dataset.js';
import type { ExperimentRecord } from '../domain/record.js';
import { zonedTime } from '../domain/zoned-time.js';
import { pathBelow } from '../extract/output-locations.js';
import { PagePictures } from '../page/page-pictures.js';
import { sessionPagePieces } from '../page/session-page.js';
import { describeRecord } from '../record/describe-record.js';
import { safeFileName } from '../record/record-names.js';
import type { XmlValidator } from '../record/validate-xml.js';
import { writeTryFiles, type TryPaths } from './try-files.js';

/** Bytes of `_9999.json`, which may follow a name. */
const ADDED_BYTES = 10;

/** What the outputs of a trial are made from. */
export interface TryOutputsOptions {
  readonly record: ExperimentRecord;
  readonly gathered: Pick<GatheredDatasets, 'verdicts'>;
  readonly look: Pick<Look, 'otherFileCount'>;
  /** The folder that was tried. */
  readonly folder: string;
  /** The folder that the previews were staged in. */
  readonly stagedIn: string;
  /** The folder for the results. */
  readonly out: string;
  readonly replaces: boolean;
  readonly validator: XmlValidator;
  /** Version of recordsmith. */
  readonly version: string;
  readonly signal: AbortSignal;
}

/** Where the outputs lie, and how many previews the page has no room for. Throws as writeTryFiles does. */
export async function writeTryOutputs(
  options: TryOutputsOptions,
): Promise<{ readonly paths: TryPaths; readonly previewsLeftOut: number }> {
  const { record, gathered, look, folder, out, validator, signal } = options;
  const { timezone, startMs } = record.summary;
  const start = zonedTime(startMs, timezone);
  const pictures = await picturesOf(options);
  const paths = await writeTryFiles({
    folder: out,
    stem: safeFileName(`${start.toFormat('yyyy-MM-dd')}_${basename(folder)}`, ADDED_BYTES),
    replaces: options.replaces,
    document: describeRecord(withoutPreviews(record)),
    validator,
    pageOf: ({ xml, json }) =>
      sessionPagePieces({
        record,
        folder,
        verdicts: gathered.verdicts,
        otherFileCount: look.otherFileCount,
        recordFiles: { xml: basename(xml), json: basename(json) },
        generator: `recordsmith ${options.version}`,
        pictureOf: (dataset) => pictures.pictureOf(dataset),
        previewsLeftOut: () => pictures.leftOut,
      }),
    signal,
  });
  return { paths, previewsLeftOut: pictures.leftOut };
}

async function picturesOf({ record, stagedIn }: TryOutputsOptions): Promise<PagePictures<Dataset>> {
  const pathOf = ({ preview }: Dataset): Buffer => pathBelow(stagedIn, preview ?? '');
  const previews: { readonly key: Dataset; readonly sizeBytes: number }[] = [];
  for (const { datasets } of record.activities) {
    for (const key of datasets) {
      if (key.preview !== null) previews.push({ key, sizeBytes: (await stat(pathOf(key))).size });
    }
  }
  return new PagePictures({ previews, read: (dataset) => readFile(pathOf(dataset)) });
}

/** The previews are in the page and nowhere else: the record names only what there is. */
function withoutPreviews(record: ExperimentRecord): ExperimentRecord {
  return {
    ...record,
    activities: record.activities.map((activity) => ({
      ...activity,
      datasets: activity.datasets.map((dataset) => ({ ...dataset, preview: null })),
    })),
  };
}
