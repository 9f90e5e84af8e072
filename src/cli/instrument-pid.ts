import { AppError } from '../errors.js';

/** What names an instrument without trouble anywhere. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** What XML cannot hold or nobody sees: controls, format characters, line separators, lone surrogates, noncharacters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/u;

const RULE = 'Use letters, digits, dots, hyphens and underscores, such as FEI-Titan-TEM.';

/**
 * Checks the key of an instrument that is to be added: it is part of file names, of records and of commands.
 * @returns what is to be said of a key that works and is awkward; null: nothing.
 * @throws AppError INPUT_INVALID with the rule.
 */
export function checkInstrumentPid(pid: string): string | null {
  const fault = faultOf(pid);
  if (fault !== null) {
    throw new AppError('INPUT_INVALID', `instrument_pid ${JSON.stringify(pid)} ${fault}.`, {
      remedy: RULE,
      details: { instrument: pid },
    });
  }
  return PLAIN.test(pid)
    ? null
    : `The file names of its records have %XX for some characters of ${pid}. ${RULE}`;
}

function faultOf(pid: string): string | null {
  if (pid !== pid.trim()) return 'has blanks around it';
  if (UNSEEN.test(pid)) return 'has control or invisible characters in it';
  if (/[/\\]/.test(pid)) return 'has a slash in it';
  if (pid.startsWith('-')) return 'begins with a hyphen, so that commands take it for an option';
  return /^\.+$/.test(pid) ? 'consists of dots' : null;
}
