import { isAppError, toError } from '../errors.js';
import { escapeControls, maskSecrets } from '../log-values.js';

const MAX_CAUSES = 5;

/** Shown safely: each line of ours stays a line, control characters of others do not reach the terminal. */
function shown(text: string): string {
  return maskSecrets(text).split('\n').map(escapeControls).join('\n  ');
}

/**
 * What a person reads when a command ends in an error: message, what went wrong below, what helps. A defect of ours
 * comes with its stack and says where to report it.
 */
export function describeError(thrown: unknown, reportTo: string): string {
  const error = toError(thrown);
  const lines = [`error: ${shown(error.message)}`];
  let cause = error.cause;
  let said = error.message;
  for (let count = 0; cause !== undefined && count < MAX_CAUSES; count += 1) {
    const below = toError(cause);
    // A generic cause often repeats what the error above it says already.
    if (!said.includes(below.message)) lines.push(`  cause: ${shown(below.message)}`);
    said = `${said}\n${below.message}`;
    cause = below.cause === cause ? undefined : below.cause;
  }
  if (isAppError(thrown) && thrown.code !== 'INTERNAL') {
    if (thrown.remedy !== undefined) lines.push(`  remedy: ${shown(thrown.remedy)}`);
  } else {
    lines.push(`  ${shown(error.stack ?? '(no stack)')}`);
    lines.push(
      `  This is a defect of recordsmith. Please report it, with the lines above: ${reportTo}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
