import { InvalidArgumentError, Option } from 'commander';
import { RECORD_STATUSES, type RecordStatus } from '../../domain/record-status.js';

function isStatus(text: string): text is RecordStatus {
  return RECORD_STATUSES.some((status) => status === text);
}

/** `--status`, which can be given several times. */
export function statusOption(): Option {
  return new Option(
    '--status <status>',
    `only sessions of this status (repeatable): ${RECORD_STATUSES.join(', ')}`,
  ).argParser((value: string, before: readonly RecordStatus[] | undefined) => {
    const status = value.toUpperCase();
    if (isStatus(status)) return [...(before ?? []), status];
    throw new InvalidArgumentError(`It must be one of ${RECORD_STATUSES.join(', ')}.`);
  });
}
