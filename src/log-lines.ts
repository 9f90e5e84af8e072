import { escapeControls, escapeInJson, type LogFields } from './log-values.js';

/** From the gravest to the most talkative. ERROR: a person must act; WARN: heals itself; INFO: a session's story. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How lines look. */
export const LOG_FORMATS = ['auto', 'pretty', 'json', 'journald'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Whether text for people may be coloured: a terminal, and nobody objects (https://no-color.org). */
export function wantsColour(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const objection = environment['NO_COLOR'];
  return stream.isTTY === true && (objection === undefined || objection === '');
}

/** One line of the log before it becomes text; fields are plain JSON, secrets masked. */
export interface LogLine {
  readonly level: LogLevel;
  /** Epoch milliseconds. */
  readonly timeMs: number;
  readonly message: string;
  readonly fields: LogFields;
}

/** sd-daemon(3): the kernel's priorities, which the journal reads from the start of a line. */
const JOURNAL_PRIORITIES = { error: 3, warn: 4, info: 6, debug: 7 } as const;
const COLOURS = { error: 31, warn: 33, info: 32, debug: 90 } as const;
const RESERVED = new Set(['time', 'level', 'message']);

/** The line as one JSON document; a field whose name the line needs itself gets a trailing `_`. */
export function jsonLine(line: LogLine): string {
  const document: Record<string, unknown> = {
    time: new Date(line.timeMs).toISOString(),
    level: line.level,
    message: line.message,
  };
  for (const [name, value] of Object.entries(line.fields)) {
    document[RESERVED.has(name) ? `${name}_` : name] = value;
  }
  // JSON leaves these characters as they are; some readers take them for the end of a line.
  return escapeInJson(JSON.stringify(document));
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') {
    const safe = escapeControls(value);
    return safe === value && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(safe);
  }
  return escapeControls(JSON.stringify(value));
}

function withoutStacks(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'stack')
      .map(([name, entry]) => [name, withoutStacks(entry)]),
  );
}

function fieldsText(fields: LogFields, colour: boolean): string {
  return Object.entries(fields)
    .map(([name, value]) => {
      const shown = escapeControls(name);
      return ` ${colour ? `\u001b[2m${shown}=\u001b[0m` : `${shown}=`}${fieldText(value)}`;
    })
    .join('');
}

/** `<6>message field=value ...` for the journal, which has its own time stamp. */
export function journalLine(line: LogLine): string {
  return `<${JOURNAL_PRIORITIES[line.level]}>${escapeControls(line.message)}${fieldsText(line.fields, false)}`;
}

function localTime(timeMs: number): string {
  const time = new Date(timeMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** `12:03:04.567 WARN  message field=value` for people; stacks only on debug lines, since one line is one event. */
export function prettyLine(line: LogLine, colour: boolean): string {
  const level = line.level.toUpperCase().padEnd(5);
  const shownLevel = colour ? `\u001b[${COLOURS[line.level]}m${level}\u001b[0m` : level;
  const fields =
    line.level === 'debug'
      ? line.fields
      : Object.fromEntries(
          Object.entries(line.fields).map(([name, value]) => [name, withoutStacks(value)]),
        );
  return `${localTime(line.timeMs)} ${shownLevel} ${escapeControls(line.message)}${fieldsText(fields, colour)}`;
}
