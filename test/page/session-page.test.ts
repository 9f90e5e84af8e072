import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { ExperimentRecord } from '../../src/domain/record.js';
import { buildRecord } from '../../src/record/record-model.js';
import {
  MOST_DATASETS_SHOWN,
  sessionPagePieces,
  type SessionPage,
} from '../../src/page/session-page.js';
import { activity, dataset, recordInput } from '../record/sample-record.js';

const HOSTILE = '<img src=x onerror=alert(1)>\u202e"\'&.tif';

function recordOf(activities: ExperimentRecord['activities']): ExperimentRecord {
  return buildRecord({ ...recordInput(), activities });
}

async function pageOf(
  record: ExperimentRecord,
  changes: Partial<SessionPage> = {},
): Promise<string> {
  let html = '';
  const pieces = sessionPagePieces({
    record,
    folder: '/data/Titan',
    verdicts: [],
    otherFileCount: 0,
    recordFiles: { xml: 'a.xml', json: 'a.json' },
    generator: 'recordsmith 0',
    pictureOf: () => Promise.resolve({ mediaType: 'image/png', bytes: Buffer.from('picture') }),
    previewsLeftOut: () => 0,
    ...changes,
  });
  for await (const piece of pieces) html += piece;
  return html;
}

/** What stands between two tags, by the first ones. */
function inside(html: string, tag: string): string {
  return new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)?.[1] ?? '';
}

describe('the page of a session', () => {
  test('no text of a file or a person gets into it as markup', async () => {
    const hostile = dataset({
      name: HOSTILE,
      format: HOSTILE,
      description: HOSTILE,
      dtype: HOSTILE,
      reader: HOSTILE,
      warnings: [HOSTILE],
      calibration: [{ scale: 1, origin: 0, unit: HOSTILE }],
      metadata: { [HOSTILE]: { value: HOSTILE, unit: HOSTILE }, List: { value: [HOSTILE] } },
    });
    const record = recordOf([
      activity({ datasets: [hostile], setup: { [HOSTILE]: { value: HOSTILE } } }),
    ]);
    const html = await pageOf(
      {
        ...record,
        title: HOSTILE,
        notes: [{ source: HOSTILE, paragraphs: [HOSTILE] }],
        summary: { ...record.summary, instrument: { pid: HOSTILE, displayName: HOSTILE } },
      },
      {
        folder: HOSTILE,
        generator: HOSTILE,
        recordFiles: { xml: HOSTILE, json: HOSTILE },
        verdicts: [
          {
            location: '/%3Cimg%20src=x%3E',
            verdict: 'in',
            rule: HOSTILE,
            sizeBytes: 1,
            mtimeNs: 1n,
          },
        ],
      },
    );
    expect(html).not.toContain('<img src=x');
    expect(html).not.toContain('\u202e');
    expect(html).not.toMatch(/onerror=alert\(1\)>/);
    expect(
      html.match(/&lt;img src=x onerror=alert\(1\)&gt;\\u202e&quot;&#39;&amp;.tif/g)?.length,
    ).toBeGreaterThan(15);
  });

  test('only its own style and script may run, and nothing may be fetched', async () => {
    const html = await pageOf(recordOf([activity()]));
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
    expect(policy).toContain('default-src &#39;none&#39;');
    for (const tag of ['style', 'script']) {
      const hash = createHash('sha256').update(inside(html, tag), 'utf8').digest('base64');
      expect(policy).toContain(`${tag}-src &#39;sha256-${hash}&#39;`);
    }
    expect(html).not.toMatch(/ (?:style|on[a-z]+)="/);
  });

  test('of a huge session further datasets are counted, not shown', async () => {
    const datasets = Array.from({ length: MOST_DATASETS_SHOWN + 7 }, (_, index) =>
      dataset({ name: `tile ${index}`, preview: null }),
    );
    const html = await pageOf(recordOf([activity({ datasets })]));
    expect(html.match(/<li class="card">/g)).toHaveLength(MOST_DATASETS_SHOWN);
    expect(html).toContain('7 further datasets of this activity');
  });

  test('pictures that are left out are said to be', async () => {
    const html = await pageOf(recordOf([activity()]), {
      pictureOf: () => Promise.resolve(null),
      previewsLeftOut: () => 1,
    });
    expect(html).toContain('preview left out</div>');
    expect(html).toContain('1 preview left out, so that');
  });

  test('a picture that cannot be made ends the page with its error', async () => {
    const datasets = [dataset(), dataset({ name: 'b.dm3' })];
    await expect(
      pageOf(recordOf([activity({ datasets })]), {
        pictureOf: () => Promise.reject(new Error('no picture')),
      }),
    ).rejects.toMatchObject({ message: 'no picture' });
  });

  test('every activity has a band that leads to it, every dataset a mark', async () => {
    const html = await pageOf(
      recordOf([
        activity(),
        activity({ seqno: 1, startMs: 1_694_698_200_000, endMs: 1_694_698_300_000 }),
      ]),
    );
    expect(html.match(/<a href="#activity-[12]" aria-label=/g)).toHaveLength(2);
    expect(html.match(/<section class="activity" id="activity-[12]"/g)).toHaveLength(2);
    expect(html).toContain('Images 2</text>');
    expect(html).not.toContain('NaN');
  });
});
