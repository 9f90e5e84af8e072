import { DateTime } from 'luxon';
import { AppError } from '../../errors.js';

/** A strptime format as luxon writes it. */
export interface LuxonFormat {
  readonly format: string;
  /** The format says the offset from UTC. */
  readonly hasOffset: boolean;
}

/** What Python's directives are in luxon; `-` (of glibc): without leading zero. Source: Python's datetime, luxon's parsing. */
const TOKENS: Readonly<Record<string, string>> = {
  Y: 'yyyy',
  y: 'yy',
  m: 'MM',
  '-m': 'M',
  d: 'dd',
  '-d': 'd',
  j: 'ooo',
  b: 'LLL',
  B: 'LLLL',
  a: 'ccc',
  A: 'cccc',
  H: 'HH',
  '-H': 'H',
  I: 'hh',
  '-I': 'h',
  M: 'mm',
  '-M': 'm',
  S: 'ss',
  '-S': 's',
  p: 'a',
  // Any number of digits, cut to milliseconds; Python's %f has six.
  f: 'u',
  z: 'ZZZ',
};

const SHORT_FORMS: Readonly<Record<string, string>> = {
  '%F': '%Y-%m-%d',
  '%T': '%H:%M:%S',
  '%R': '%H:%M',
  '%D': '%m/%d/%y',
};

/** How times are read and written in between: English names, whatever the machine speaks. */
export const LUXON_OPTIONS = { locale: 'en-US', numberingSystem: 'latn' } as const;

/** An afternoon, so that a format with hours to twelve and without am/pm shows itself; no number occurs twice. */
const PROBE = DateTime.fromObject(
  { year: 2001, month: 2, day: 3, hour: 16, minute: 5, second: 0 },
  { zone: 'utc', ...LUXON_OPTIONS },
);

function invalid(format: string, why: string): AppError {
  return new AppError('CONFIG_INVALID', `The datetime format '${format.slice(0, 60)}' ${why}.`, {
    remedy: `Write it as the site's REST_FRAMEWORK["DATETIME_FORMAT"], like %m-%d-%Y %H:%M:%S.`,
    details: { format: format.slice(0, 60) },
  });
}

/**
 * The luxon format of a format of Python's strftime/strptime, as DRF's DATETIME_FORMAT and NX_NEMO_STRPTIME_FMT_N of NexusLIMS
 * have it.
 * @throws AppError CONFIG_INVALID for a directive that is not known, and for a format that does not tell year, month, day,
 * hour and minute.
 */
export function luxonFormatOf(strptimeFormat: string): LuxonFormat {
  const expanded = strptimeFormat.replace(/%[FTRD]/g, (short) => SHORT_FORMS[short] ?? short);
  let format = '';
  for (const [part] of expanded.matchAll(/%-?[^]|[^%]+|%/g)) {
    format += part.startsWith('%') ? tokenOf(part, strptimeFormat) : literal(part, strptimeFormat);
  }
  if (!keepsTheProbe(format)) {
    throw invalid(strptimeFormat, 'does not tell year, month, day, hour and minute');
  }
  return { format, hasOffset: expanded.replaceAll('%%', '').includes('%z') };
}

function tokenOf(directive: string, whole: string): string {
  if (directive === '%%') return literal('%', whole);
  const name = directive.slice(1);
  const token = Object.hasOwn(TOKENS, name) ? TOKENS[name] : undefined;
  if (token === undefined) throw invalid(whole, `has the unknown directive '${directive}'`);
  return token;
}

/** Between quotes, within which luxon knows no quote. */
function literal(text: string, whole: string): string {
  if (text.includes("'")) throw invalid(whole, 'has a quote in it');
  return `'${text}'`;
}

/** Whether a time that is written in the format is the same when it is read again. */
function keepsTheProbe(format: string): boolean {
  const written = PROBE.toFormat(format);
  const read = DateTime.fromFormat(written, format, { zone: 'utc', ...LUXON_OPTIONS });
  return read.isValid && read.toMillis() === PROBE.toMillis();
}
