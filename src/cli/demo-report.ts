import { basename, isAbsolute, join, relative } from 'node:path';
import { DEMO_INSTRUMENTS } from '../demo/demo-instruments.js';
import { LATE_FILE_SESSION } from '../demo/demo-plan.js';
import type { ListedDemoSession } from '../demo/list-demo-sessions.js';
import { demoConfigFile } from '../demo/make-demo-lab.js';
import type { CommandContext } from './command-context.js';
import { reportDocument, reportListed } from './report-json.js';
import type { DemoLab } from './run-demo.js';
import type { TableRow } from './text-table.js';

/** Columns beyond which lines are hard to read. */
const WIDEST = 120;
/** An identifier longer than this is shown by its key, which does as well. */
const LONGEST_IDENTIFIER = 20;

/** What `demo --json` prints: as `--run-once --json`, with the sessions that are not built too. */
export function demoDocument({ config, sessions }: DemoLab): unknown {
  return reportDocument(sessions.map((listed) => reportListed(listed, config.paths.records)));
}

/** Prints what was made, how each session came out, and what to type next. */
export function printDemo(context: CommandContext, lab: DemoLab): void {
  const { folder, config, sessions } = lab;
  const path = (absolute: string): string => shownPath(context.workingFolder, absolute);
  context.note(`${introduction(lab, path)}\n`);
  const inLab = (record: string): string => relative(folder, join(config.paths.records, record));
  context.table(
    sessions.map((listed) => tableRow(listed, inLab)),
    Math.min(context.width, WIDEST),
  );
  printProblems(context, sessions);
  context.note(nextSteps(lab, path));
  const warning = environmentWarning(context);
  if (warning !== null) context.note(warning);
}

function introduction({ folder, made }: DemoLab, path: (absolute: string) => string): string {
  const shown = path(folder);
  if (made === null) return `The lab in ${shown} was there already; built what was due.`;
  const { files, realFiles, samplesFolder } = made;
  const origin =
    samplesFolder === null
      ? 'The files are small and genuine: DM3, TIFF and MSA, written by recordsmith itself.'
      : `${realFiles} of the files are of real instruments (${path(samplesFolder)}); as they were acquired years ago, their\nrecords carry a note. The others are small and genuine, written by recordsmith itself.`;
  return `Made a lab in ${shown}: ${DEMO_INSTRUMENTS.length} instruments, their START/END rows, and ${files} files with staged times.\n${origin}`;
}

function tableRow(listed: ListedDemoSession, inLab: (record: string) => string): TableRow {
  const { session, outcome, record, reason } = listed;
  return {
    session: nameOf(listed),
    instrument: session.instrumentPid,
    outcome,
    files: listed.files,
    activities: listed.activities,
    'record or reason':
      record === null || outcome !== 'COMPLETED'
        ? `${listed.remedy === null ? '' : 'problem: '}${reason ?? ''}`
        : `${inLab(record.publicPath)}${remarks(listed, record.version)}`,
  };
}

function nameOf({ session }: ListedDemoSession): string {
  return session.identifier.length > LONGEST_IDENTIFIER ? session.key : session.identifier;
}

function remarks({ filesWithWarning }: ListedDemoSession, version: number): string {
  const parts = [
    ...(version > 1 ? [`version ${version}`] : []),
    ...(filesWithWarning === 0
      ? []
      : [`${filesWithWarning} file${filesWithWarning === 1 ? '' : 's'} with a warning`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function printProblems(context: CommandContext, sessions: readonly ListedDemoSession[]): void {
  const problems = sessions.filter(({ remedy }) => remedy !== null);
  if (problems.length === 0) return;
  context.print('\nProblems that wait for a person:');
  for (const listed of problems) {
    context.print(`  ${nameOf(listed)}: ${listed.reason ?? ''}\n    ${listed.remedy ?? ''}`);
  }
}

function nextSteps(
  { folder, config, sessions }: DemoLab,
  path: (absolute: string) => string,
): string {
  const program = programName(path);
  const options = `--config ${quoted(path(demoConfigFile(folder)))}`;
  const step = (why: string, ...commands: readonly string[]): string =>
    [`  # ${why}`, ...commands.map((command) => `  ${command}`)].join('\n');
  const [fullest] = sessions
    .filter(({ outcome, record }) => outcome === 'COMPLETED' && record !== null)
    .sort((a, b) => b.files - a.files);
  const record =
    fullest?.record == null
      ? null
      : quoted(path(join(config.paths.records, fullest.record.publicPath)));
  const steps = [
    step(
      'why each file near a session is in its record or not',
      `${program} sessions explain overlap-eve ${options}`,
    ),
    step(
      'the history of a session that was built twice',
      `${program} sessions show ${LATE_FILE_SESSION} ${options}`,
    ),
    ...(record === null
      ? []
      : [
          step('a record', `cat ${record}`),
          step('whether it follows its schema', `${program} validate ${record}`),
        ]),
    step('previews and metadata of the files', `ls -R ${quoted(path(config.paths.output))}`),
    step('what is wrong in this lab, with the remedy', `${program} doctor ${options}`),
    ...(sessions.some(({ outcome }) => outcome === 'DEFERRED')
      ? [
          step(
            'in a minute, when the file that was still arriving is there',
            `${program} demo --dir ${quoted(path(folder))}`,
          ),
        ]
      : []),
  ];
  return `\nWhat to type next:\n${steps.join('\n')}`;
}

/** Variables of the shell hold over the lab's configuration file in every command but the demo itself. */
function environmentWarning({ environment }: CommandContext): string | null {
  const names = Object.keys(environment).filter((name) => /^(RECORDSMITH|NX)_/.test(name));
  if (names.length === 0) return null;
  return `\nCareful: ${names.join(', ')} of this shell would hold over the lab's configuration: unset first.`;
}

/** As the path is typed from the working folder: relative inside of it, else absolute. */
function shownPath(workingFolder: string, absolute: string): string {
  const fromHere = relative(workingFolder, absolute);
  return fromHere === '' || fromHere.startsWith('..') || isAbsolute(fromHere) ? absolute : fromHere;
}

/** How the program was called: by its name when it is installed, else as a script of a clone. */
function programName(path: (absolute: string) => string): string {
  const script = process.argv[1] ?? '';
  return basename(script) === 'recordsmith' || !isAbsolute(script)
    ? 'recordsmith'
    : `node ${quoted(path(script))}`;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
