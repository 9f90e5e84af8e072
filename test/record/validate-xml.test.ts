import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadXmlValidator } from '../../src/record/validate-xml.js';

const NAMESPACE = 'https://data.nist.gov/od/dm/nexus/experiment/v1.0';
const validator = await loadXmlValidator();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recordsmith-validate-'));
});
afterAll(async () => {
  validator.dispose();
  await rm(folder, { recursive: true });
});

function experiment(content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Experiment xmlns="${NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n${content}\n</Experiment>\n`;
}

/** A record as NexusLIMS writes it, with every part of the schema. */
const NEXUSLIMS_RECORD = `<?xml version='1.0' encoding='UTF-8'?>
<nx:Experiment xmlns="${NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:nx="${NAMESPACE}" pid="https://hdl.example.org/1">
  <title>EELS mapping</title>
  <id>87</id>
  <summary ref="https://nemo.example.org/event_details/reservation/87/">
    <experimenter>Ada Lovelace (ada)</experimenter>
    <collaborator>Grace Hopper</collaborator>
    <instrument pid="FEI-Titan-TEM-635816_n" ref="https://nemo.example.org/tool/1">FEI Titan TEM</instrument>
    <reservationStart>2021-08-02T11:00:00-06:00</reservationStart>
    <reservationEnd>2021-08-02T16:00:00.123456-06:00</reservationEnd>
    <motivation>Interfaces
 of two kinds</motivation>
  </summary>
  <sample id="s1" ref="pid-77">
    <name>Ni-20Cr</name>
    <description>thin foil</description>
    <notes source="ada"><entry xsi:type="nx:TextEntry"><p>One.</p><p>Two.</p></entry></notes>
    <elements><Og/><H/><Cr/></elements>
  </sample>
  <project/>
  <project>
    <name>Alloys</name><division>641</division><group>04</group><project_id>A-1</project_id>
    <ref>https://projects.example.org/A-1</ref>
  </project>
  <acquisitionActivity seqno="0">
    <startTime>2021-08-02T11:00:00.5-06:00</startTime>
    <sampleID>s1</sampleID>
    <setup><param name="Voltage (V)" warning="true">300000.0</param><param name="x" unit="nm">1</param></setup>
    <notes source="recordsmith">
      <entry xsi:type="ImageEntry"><imageURL>https://x.example.org/a.png</imageURL></entry>
      <entry xsi:type="TableEntry"><table><title>T</title><header><column id="c">C</column></header>
        <rows><row seqno="0"><cell colid="c">1</cell></row></rows></table></entry>
      <entry/>
    </notes>
    <dataset type="SpectrumImage" role="Experimental">
      <name>a.dm3</name><location>/a.dm3</location><format>DM3</format>
      <description>first</description><description>second</description>
      <preview>/a.dm3.thumb.png</preview><meta name="y">(2048, 2048)</meta>
    </dataset>
    <dataset><name/><location/></dataset>
  </acquisitionActivity>
  <notes/>
</nx:Experiment>
`;

describe('the schema of the package', () => {
  test('takes a record of NexusLIMS with every part', () => {
    expect(validator.validate(NEXUSLIMS_RECORD)).toStrictEqual({ valid: true });
  });

  const activity = (content: string) =>
    `<summary/>\n<acquisitionActivity>${content}</acquisitionActivity>`;
  test.each([
    ['no summary', '<title>x</title>', 2],
    ['title after summary', '<summary/>\n<title>x</title>', 4],
    ['notes before activities', '<summary/>\n<notes/>\n<acquisitionActivity/>', 5],
    [
      'an element twice in elements',
      '<summary/>\n<sample><elements><H/>\n<H/></elements></sample>',
      5,
    ],
    ['an unknown element', '<summary/>\n<sample><elements>\n<Xx/></elements></sample>', 5],
    ['a time without form', '<summary>\n<reservationStart>today</reservationStart></summary>', 4],
    ['an unknown type', activity('\n<dataset type="Movie"><name/><location/></dataset>'), 5],
    ['an unknown role', activity('\n<dataset role="Raw"><name/><location/></dataset>'), 5],
    ['location before name', activity('<dataset>\n<location/><name/></dataset>'), 5],
    [
      'meta before preview',
      activity('<dataset><name/><location/><meta/>\n<preview/></dataset>'),
      5,
    ],
    ['a sequence number that is none', '<summary/>\n<acquisitionActivity seqno="a"/>', 4],
    ['a warning that is no truth value', activity('<setup>\n<param warning="maybe"/></setup>'), 5],
    ['an unknown attribute', '<summary/>\n<project pid="1"/>', 4],
    ['an entry of an unknown kind', '<summary/>\n<notes><entry xsi:type="Other"/></notes>', 4],
    ['paragraphs in a bare entry', '<summary/>\n<notes><entry>\n<p/></entry></notes>', 4],
    [
      'a curation that this version does not have',
      activity('<dataset><name/><location/>\n<curation/></dataset>'),
      5,
    ],
  ])('refuses %s, naming the line', (_, content, line) => {
    const verdict = validator.validate(experiment(content));
    expect(verdict).toMatchObject({ valid: false });
    const [fault] = verdict.valid ? [] : verdict.faults;
    expect(fault?.line).toBe(line);
    expect(fault?.column).toBeGreaterThan(0);
    expect(fault?.message).not.toBe('');
  });
});

describe('a hostile document', () => {
  test.each([
    [
      'an external entity',
      '<?xml version="1.0"?>\n<!DOCTYPE Experiment [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<Experiment>&x;</Experiment>',
    ],
    [
      'a billion laughs',
      `<!DOCTYPE x [<!ENTITY a0 "ha">${Array.from({ length: 12 }, (_, index) => `<!ENTITY a${index + 1} "${`&a${index};`.repeat(10)}">`).join('')}]><x a="&a12;">&a12;</x>`,
    ],
    [
      'a comment before the document type',
      '<!-- <a> -->\n\n<!DOCTYPE x SYSTEM "http://x.example.org/"><x/>',
    ],
    ['no XML', 'hello'],
    ['nothing', ''],
    ['a tag that does not end', experiment('<summary>')],
    ['nesting beyond measure', '<a>'.repeat(100_000)],
  ])('with %s is refused without an exception', (_, xml) => {
    const verdict = validator.validate(xml);
    expect(verdict).toMatchObject({ valid: false });
    expect(JSON.stringify(verdict)).not.toContain('root:');
  });

  test('that is not UTF-8 is refused', async () => {
    const path = join(folder, 'latin1.xml');
    await writeFile(
      path,
      Buffer.from(experiment('<summary/>').replace('summary', 'sümmary'), 'latin1'),
    );
    expect(await validator.validateFile(path)).toMatchObject({ valid: false });
  });
});

describe('a large record', () => {
  const dataset = (index: number) =>
    `<dataset type="Image"><name>a > "${index}"</name><location/>\n<meta name='m>"'>${'x'.repeat(60)}</meta><!-- <dataset> --></dataset>\n`;

  /** About 2.5 MB: validated piece by piece. */
  async function writeLarge(name: string, special: (index: number) => string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, NEXUSLIMS_RECORD.replace(/<\/acquisitionActivity>[^]*/, '\n'));
    for (let block = 0; block < 6; block += 1) {
      let text = '';
      for (let index = 0; index < 3000; index += 1) {
        text += dataset(index) + special(block * 3000 + index);
      }
      await appendFile(path, text);
    }
    await appendFile(path, '</acquisitionActivity>\n</nx:Experiment>\n');
    return path;
  }
  /** The line on which the dataset `index` ends and what is put after it begins. */
  const lineAfter = (index: number) =>
    NEXUSLIMS_RECORD.slice(0, NEXUSLIMS_RECORD.indexOf('</acquisitionActivity>')).split('\n')
      .length +
    1 +
    2 * (index + 1);

  test('of other prefixes is cut as well', async () => {
    const path = await writeLarge('prefix.xml', () => '');
    const text = (await readFile(path, 'utf8'))
      .replaceAll(/<(\/?)(?=[a-z])(?!nx:)/gi, '<$1nx:')
      .replaceAll('xsi:type="', 'xsi:type="nx:')
      .replaceAll('nx:nx:', 'nx:')
      .replace('xmlns="', 'xmlns:other="');
    await writeFile(path, text);
    expect(await validator.validateFile(path)).toStrictEqual({ valid: true });
  });

  test('is valid as a whole when it is', async () => {
    const path = await writeLarge('good.xml', () => '');
    expect(await validator.validateFile(path)).toStrictEqual({ valid: true });
  });

  test.each([
    ['a wrong dataset', '<dataset><location/><name/></dataset>\n'],
    ['an element out of order', '<setup/>\n'],
    ['a sample after an activity', '</acquisitionActivity><sample/><acquisitionActivity>\n'],
    ['an undefined entity', '<dataset><name>&x;</name><location/></dataset>\n'],
    ['a stray end', '</dataset>\n'],
  ])('with %s near its end is refused with the right line', async (_, wrong) => {
    const path = await writeLarge('bad.xml', (index) => (index === 17_000 ? wrong : ''));
    const verdict = await validator.validateFile(path);
    expect(verdict).toMatchObject({ valid: false });
    expect(verdict.valid ? 0 : verdict.faults[0]?.line).toBe(lineAfter(17_000));
  });

  test('that is cut off is refused', async () => {
    const path = await writeLarge('cut.xml', (index) => (index === 12_000 ? '<!-- ' : ''));
    expect(await validator.validateFile(path)).toMatchObject({ valid: false });
  });
});

describe("a site's own schema", () => {
  test('replaces the one of the package', async () => {
    const path = join(folder, 'own.xsd');
    await writeFile(
      path,
      '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="mine" type="xs:int"/></xs:schema>',
    );
    const own = await loadXmlValidator(path);
    expect(own.validate('<mine>1</mine>')).toStrictEqual({ valid: true });
    expect(own.validate('<mine>x</mine>')).toMatchObject({ valid: false });
    own.dispose();
  });

  test('that is missing or no schema is named', async () => {
    await expect(loadXmlValidator(join(folder, 'none.xsd'))).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
    const path = join(folder, 'broken.xsd');
    await writeFile(path, '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:odd/>');
    await expect(loadXmlValidator(path)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
