import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Metadata, MetadataValue } from '../../src/domain/file-metadata.js';
import type { ExperimentRecord } from '../../src/domain/record.js';
import { describeRecord } from '../../src/record/describe-record.js';
import { readXml } from '../../src/record/read-xml.js';
import { parseRecordJson, recordJsonSchema } from '../../src/record/record-document.js';
import { buildRecord } from '../../src/record/record-model.js';
import { loadXmlValidator } from '../../src/record/validate-xml.js';
import { writeJson } from '../../src/record/write-json.js';
import { writeXml } from '../../src/record/write-xml.js';
import { activity, dataset, randomNumbers, recordInput } from './sample-record.js';

const validator = await loadXmlValidator();

function xmlOf(record: ExperimentRecord): string {
  return [...writeXml(describeRecord(record))].join('');
}

function jsonOf(record: ExperimentRecord): string {
  return [...writeJson(describeRecord(record))].join('');
}

function recordWith(metadata: Metadata): ExperimentRecord {
  return buildRecord(
    recordInput({ activities: [activity({ datasets: [dataset({ metadata })] })] }),
  );
}

describe('the XML record', () => {
  test('has the elements of the schema in their order', () => {
    const xml = xmlOf(
      buildRecord(recordInput({ warnings: ['b.dm3 could not be read.'] }), {
        identifierBase: 'https://records.example.org',
      }),
    );
    expect(xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<Experiment xmlns="https://data.nist.gov/od/dm/nexus/experiment/v1.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" pid="https://records.example.org/mfzwizltoq2dcnrx">
  <title>Experiment on the FEI Titan TEM on Thursday Sep. 14, 2023</title>
  <id>42</id>
  <summary ref="https://nemo.example.org/event_details/usage/42/">
    <experimenter>Ada Lovelace (ada)</experimenter>
    <instrument pid="FEI-Titan-TEM">FEI Titan TEM</instrument>
    <reservationStart>2023-09-14T08:30:00.000-04:00</reservationStart>
    <reservationEnd>2023-09-14T12:30:00.000-04:00</reservationEnd>
    <motivation>Grain boundaries</motivation>
  </summary>
  <sample id="sample-cca0c8513dab49fa">
    <name>Ni-20Cr</name>
    <description>thin foil</description>
    <elements>
      <Ni/>
      <Cr/>
    </elements>
  </sample>
  <project>
    <name>Alloys</name>
    <project_id>A-1</project_id>
  </project>
  <acquisitionActivity seqno="0">
    <startTime>2023-09-14T08:30:00.250-04:00</startTime>
    <sampleID>sample-cca0c8513dab49fa</sampleID>
    <setup/>
    <dataset type="Image" role="Experimental">
      <name>map.dm3</name>
      <location>/Titan/map.dm3</location>
      <format>DigitalMicrograph 3</format>
      <preview>/Titan/map.dm3.thumb.png</preview>
      <meta name="Acceleration Voltage" unit="kV">300</meta>
    </dataset>
  </acquisitionActivity>
  <notes source="recordsmith">
    <entry xsi:type="TextEntry">
      <p>b.dm3 could not be read.</p>
    </entry>
  </notes>
</Experiment>
`);
    expect(validator.validate(xml)).toStrictEqual({ valid: true });
  });

  test.each<[MetadataValue['value'], string]>([
    ['a & b < c > d', 'a &amp; b &lt; c &gt; d'],
    ['&amp;', '&amp;amp;'],
    [']]>', ']]&gt;'],
    ['line\r\nnext', 'line&#13;\nnext'],
    ['\u0000\u0001\u001b\ufffe\uffff\ud800', '\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd'],
    ['😀\u0085\u2028', '😀\u0085\u2028'],
    [1e21, '1e+21'],
    [6e-6, '0.000006'],
    [6e-7, '6e-7'],
    [123456.75, '123456.75'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-INF'],
    [true, 'true'],
    [[2048, 2048], '[2048, 2048]'],
  ])('writes %j as %s', (value, text) => {
    const xml = xmlOf(recordWith({ Value: { value } }));
    expect(xml).toContain(`<meta name="Value">${text}</meta>`);
    expect(validator.validate(xml)).toStrictEqual({ valid: true });
  });

  test('escapes names and units as attributes', () => {
    const xml = xmlOf(recordWith({ 'a"<&>\t\n\r': { value: 1, unit: '"%"', warning: true } }));
    expect(xml).toContain(
      '<meta name="a&quot;&lt;&amp;&gt;&#9;&#10;&#13;" unit="&quot;%&quot;" warning="true">1</meta>',
    );
    expect(readXml([xml]).activities[0]?.datasets[0]?.metadata[0]?.name).toBe('a"<&>\t\n\r');
  });

  test('counts what XML cannot hold in one warning', () => {
    const record = recordWith({ 'bad\u0001': { value: 'worse\u0002\ud800' } });
    expect(record.notes[0]).toStrictEqual({
      source: 'recordsmith',
      paragraphs: ['3 characters that XML cannot hold were replaced by U+FFFD.'],
    });
  });

  test('sorts keys by lower-cased code points, ties by the raw key', () => {
    const names = ['b', 'a', 'B', 'A', '10', '9', 'é', '\u{1f600}', '\uffe5', '_'];
    const xml = xmlOf(recordWith(Object.fromEntries(names.map((name) => [name, { value: 1 }]))));
    const written = [...xml.matchAll(/<meta name="([^"]+)"/g)].map((match) => match[1]);
    expect(written).toStrictEqual(['10', '9', '_', 'A', 'a', 'B', 'b', 'é', '\uffe5', '\u{1f600}']);
  });

  test('writes times with the offset that holds at that moment, on both sides of a clock change', () => {
    const starts = ['2023-11-05T05:30:00Z', '2023-11-05T06:30:00Z', '2024-03-10T07:00:00Z'];
    const activities = starts.map((start, seqno) =>
      activity({ seqno, startMs: Date.parse(start), datasets: [] }),
    );
    const xml = xmlOf(buildRecord(recordInput({ activities })));
    expect(
      [...xml.matchAll(/<startTime>(.*)<\/startTime>/g)].map((match) => match[1]),
    ).toStrictEqual([
      '2023-11-05T01:30:00.000-04:00',
      '2023-11-05T01:30:00.000-05:00',
      '2024-03-10T03:00:00.000-04:00',
    ]);
  });

  test('names the warnings of datasets in the notes of their activity', () => {
    const datasets = [
      dataset({ warnings: ['no calibration'], missingSinceMs: Date.UTC(2023, 8, 20) }),
    ];
    const xml = xmlOf(buildRecord(recordInput({ activities: [activity({ datasets })] })));
    expect(xml).toContain('<p>map.dm3: no calibration</p>');
    expect(xml).toContain('<p>map.dm3: missing since 2023-09-19T20:00:00.000-04:00</p>');
    expect(validator.validate(xml)).toStrictEqual({ valid: true });
  });

  test.each([
    'https://nemo.example.org/a b?x=[1]|2#p#q',
    'http://[::1]:8000/x',
    'not a uri at all: <&> %zz \u0001',
    '12:34',
    'http://',
    '\\\\nas\\em',
    'https://user:secret@host/x y',
    'doi:10.1/a#b',
    '#',
    '%',
  ])('gives a valid reference for %j', (ref) => {
    const details = recordInput().details;
    if (details === null) throw new Error('The sample has details.');
    const xml = xmlOf(
      buildRecord(
        recordInput({
          details: {
            ...details,
            ref,
            projects: [{ ...details.projects[0], ref }].flatMap((one) => ({
              name: null,
              division: null,
              group: null,
              projectId: null,
              ...one,
            })),
          },
        }),
      ),
    );
    expect(validator.validate(xml)).toStrictEqual({ valid: true });
    expect(xml).not.toContain('secret');
  });

  test('is the same in another process with another zone and language', async () => {
    const distFolder = new URL('../../dist/', import.meta.url).href;
    const program = `
      const { describeRecord } = await import('${distFolder}record/describe-record.js');
      const { writeXml } = await import('${distFolder}record/write-xml.js');
      const { buildRecord } = await import('${distFolder}record/record-model.js');
      const session = { identifier: 'x', key: 'k', instrumentPid: 'i', user: null, source: null, inputsRevision: 1,
        start: { toMillis: () => 1694694600000 }, end: { toMillis: () => 1694694700000 } };
      const instrument = { pid: 'i', displayName: 'I', timezone: 'Asia/Kolkata' };
      const record = buildRecord({ session, instrument, details: null, warnings: [], annotations: [], verdictCounts: {},
        activities: [{ seqno: 0, startMs: 1694694600000, endMs: 1694694600000, datasets: [],
          setup: { 'İ': { value: 1.5 }, i: { value: 1e-9 }, I: { value: 'x' } } }] });
      process.stdout.write([...writeXml(describeRecord(record))].join(''));`;
    const run = promisify(execFile);
    const outputs = await Promise.all(
      [
        { TZ: 'Pacific/Auckland', LANG: 'ar_EG.UTF-8', LC_ALL: 'ar_EG.UTF-8' },
        { TZ: 'America/St_Johns', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
      ].map(async (environment) => {
        const result = await run(process.execPath, ['--input-type=module', '-e', program], {
          env: { ...process.env, ...environment },
        });
        return result.stdout;
      }),
    );
    expect(outputs[0]).toContain('on Thursday Sep. 14, 2023');
    expect(outputs[0]).toContain('+05:30');
    expect(outputs[1]).toBe(outputs[0]);
  });
});

describe('the JSON record', () => {
  test('follows its JSON Schema, which is the one in the package', async () => {
    const path = fileURLToPath(new URL('../../config/schemas/record.schema.json', import.meta.url));
    const shipped: unknown = JSON.parse(await readFile(path, 'utf8'));
    expect(shipped).toStrictEqual(recordJsonSchema());
    const check = new Ajv2020({ strict: false }).compile(recordJsonSchema());
    const record = buildRecord(recordInput({ warnings: ['w'] }));
    expect(check(JSON.parse(jsonOf(record)))).toBe(true);
    expect(check({ ...JSON.parse(jsonOf(record)), stranger: 1 })).toBe(false);
  });

  test('holds what XML has no place for under extensions', () => {
    const document = parseRecordJson(jsonOf(buildRecord(recordInput())));
    expect(document.extensions?.verdictCounts).toStrictEqual({ ignored: 2, in: 1 });
    expect(document.activities[0]?.datasets[0]?.extensions).toMatchObject({
      sizeBytes: 1024,
      modifiedNs: '1694694600250000001',
      acquired: '2023-09-14T08:29:50.000-04:00',
      calibration: [{ scale: 0.5, origin: 0, unit: 'nm' }],
    });
  });

  test('writes as XML what the record writes as XML', () => {
    const record = recordWith({ a: { value: [1, Number.NaN] }, b: { value: 1e300 } });
    expect([...writeXml(parseRecordJson(jsonOf(record)))].join('')).toBe(xmlOf(record));
  });

  test('names each wrong place', () => {
    expect(() => parseRecordJson('{"title":1}')).toThrow(/title.*summary/);
    expect(() => parseRecordJson('{')).toThrow(expect.objectContaining({ code: 'RECORD_INVALID' }));
  });
});

describe('reading back', () => {
  const characters = ['a', 'B', ' ', '&', '<', '>', '"', "'", '\r', '\n', '\t', '\u0001', '\ud800'];
  const odd = [
    ...characters,
    '😀',
    '\ufffe',
    ']',
    '0',
    '.',
    'e',
    '-',
    '%',
    'é',
    '\u0085',
    '\u2028',
  ];

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('XML -> JSON -> XML is byte-equal (seed %i)', (seed) => {
    const random = randomNumbers(seed);
    const pick = <Item>(items: readonly Item[]): Item => {
      const item = items[Math.floor(random() * items.length)];
      if (item === undefined) throw new Error('The list is empty.');
      return item;
    };
    const words = (): string =>
      Array.from({ length: Math.floor(random() * 8) }, () => pick(odd)).join('');
    const value = (): MetadataValue['value'] =>
      pick<() => MetadataValue['value']>([
        words,
        () => random() < 0.5,
        () => (random() - 0.5) * 10 ** Math.floor(random() * 60 - 30),
        () => pick(['0.10', '1e5', 'Infinity', 'NaN', '-0', '0x10', ' 1', 'true ', '']),
        () => [random(), Number.NaN],
        () => [words(), words()],
      ])();
    const metadata = (): Metadata =>
      Object.fromEntries(
        Array.from({ length: 6 }, (_, index) => [
          `${words()}${index}`,
          { value: value(), ...(random() < 0.5 ? { unit: words(), warning: random() < 0.5 } : {}) },
        ]),
      );
    const record = buildRecord(
      recordInput({
        warnings: [words()],
        annotations: [{ source: words(), paragraphs: [words(), words()] }],
        activities: Array.from({ length: 3 }, (_, seqno) =>
          activity({
            seqno,
            setup: metadata(),
            datasets: Array.from({ length: 4 }, () =>
              dataset({ name: words(), description: words(), metadata: metadata() }),
            ),
          }),
        ),
      }),
    );
    const xml = xmlOf(record);
    expect(validator.validate(xml)).toStrictEqual({ valid: true });
    const middle = Math.floor(xml.length * random());
    const json = [...writeJson(readXml([xml.slice(0, middle), xml.slice(middle)]))].join('');
    expect([...writeXml(parseRecordJson(json))].join('')).toBe(xml);
  });

  test.each([
    ['a document type', '<!DOCTYPE x [<!ENTITY a "b">]><x/>', /document type/],
    ['an unknown entity', '<Experiment xmlns="NS"><title>&x;</title></Experiment>', /entity/],
    ['an unknown element', '<Experiment xmlns="NS"><summary/><odd/></Experiment>', /<odd>/],
    ['another namespace', '<Experiment xmlns="urn:x"/>', /namespace/],
    ['an end too early', '<Experiment xmlns="NS"><summary/>', /Line 1/],
    ['nothing', '', /Line 1/],
  ])('refuses %s', (_, xml, message) => {
    const text = xml.replace('NS', 'https://data.nist.gov/od/dm/nexus/experiment/v1.0');
    expect(() => readXml([text])).toThrow(
      expect.objectContaining({ code: 'RECORD_INVALID', message: expect.stringMatching(message) }),
    );
  });
});
