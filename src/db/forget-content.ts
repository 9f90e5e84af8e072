import type { Knex } from 'knex';
import { generationDetailColumn } from './record-generation.js';
import type {
  BuildAttemptRow,
  FileVerdictRow,
  OutputRemovalRow,
  RecordRow,
  SessionLogRow,
  SessionRow,
  UsageEventRow,
  WebhookHintRow,
} from './tables.js';
import { forgetNamesElsewhere } from './withheld-names.js';

/** Rows written at a time. */
const PAGE = 200;

/**
 * Removes what the database knows of the content of a session without consent: catalogue, verdicts (also those of other
 * sessions on its files), the last look, the source's answers, the project, and the reasons of earlier attempts, which name
 * files. What lies on disk is noted for removal. That there was a session stays: who used which instrument when, the versions
 * with paths and hashes that say nothing of it, and what people wrote about it. In the transaction that enters NO_CONSENT.
 */
export async function forgetContent(transaction: Knex, identifier: string): Promise<void> {
  await noteRemovals(transaction, identifier);
  await transaction('activities')
    .whereIn(
      'record_id',
      transaction<RecordRow>('records').where('session_identifier', identifier).select('id'),
    )
    .del();
  await transaction('file_verdicts').where('session_identifier', identifier).del();
  await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .update({ last_look: null, deferral_reason: null });
  await forgetReasons(transaction, identifier);
  await forgetAnswers(transaction, identifier);
  const session = await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .first('session_identifier', 'instrument', 'start_at', 'end_at', 'clock_offsets');
  if (session !== undefined) await forgetNamesElsewhere(transaction, session);
}

/** Notes the sidecars and previews of every file that a build of the session may have read. */
async function noteRemovals(transaction: Knex, identifier: string): Promise<void> {
  const versions = transaction<RecordRow>('records')
    .where('session_identifier', identifier)
    .select('id');
  const datasets: Pick<OutputRemovalRow, 'location' | 'preview'>[] = await transaction('datasets')
    .whereIn('record_id', versions)
    .distinct('location', 'preview');
  const ofSeries: { location: string }[] = await transaction('series_files')
    .join('datasets', 'datasets.id', 'series_files.dataset_id')
    .whereIn('datasets.record_id', versions.clone())
    .distinct('series_files.location');
  const seen: { location: string }[] = await transaction<FileVerdictRow>('file_verdicts')
    .where('session_identifier', identifier)
    .whereNot('verdict', 'other session')
    .distinct('location');
  const named = new Set(datasets.map(({ location }) => location));
  const others = new Set([...ofSeries, ...seen].map(({ location }) => location));
  const removals = [
    ...datasets,
    ...[...others].filter((location) => !named.has(location)).map((location) => ({ location })),
    // Whatever is named after the session.
    { location: null },
  ].map((removal) => ({ preview: null, ...removal, session_identifier: identifier }));
  for (let first = 0; first < removals.length; first += PAGE) {
    await transaction<OutputRemovalRow>('output_removals').insert(
      removals.slice(first, first + PAGE),
    );
  }
}

/** `waiting: scan_07.emd, 41 GB, still growing` is content too. */
async function forgetReasons(transaction: Knex, identifier: string): Promise<void> {
  await transaction<BuildAttemptRow>('build_attempts')
    .where('session_identifier', identifier)
    .whereNotNull('reason')
    .where((either) => {
      void either.whereNull('outcome').orWhereNot('outcome', 'NO_CONSENT');
    })
    .update({ reason: null });
  const generations = await transaction<SessionLogRow>('session_log')
    .where({ session_identifier: identifier, event_type: 'RECORD_GENERATION' })
    .whereNotNull('detail')
    .select('id_session_log', 'detail');
  for (const { id_session_log, detail } of generations) {
    if (detail === null) continue;
    const said = generationDetailColumn.read(detail);
    if (said.reason === null || said.outcome === 'NO_CONSENT') continue;
    await transaction<SessionLogRow>('session_log')
      .where({ id_session_log })
      .update({
        detail: generationDetailColumn.write({ ...said, reason: null }),
        revision: transaction.raw('revision + 1'),
      });
  }
}

/** What the source told: also a push that could not be followed up may hold answers. */
async function forgetAnswers(transaction: Knex, identifier: string): Promise<void> {
  await transaction('source_answers')
    .where('session_identifier', identifier)
    .update({ details: null });
  const event = await transaction<UsageEventRow>('usage_events')
    .where('session_identifier', identifier)
    .first('source', 'event_id');
  if (event === undefined) return;
  const { source, event_id } = event;
  await transaction<UsageEventRow>('usage_events')
    .where({ source, event_id })
    .update({ project: null, project_id: null });
  await transaction<WebhookHintRow>('webhook_hints')
    .where({ source, event_id })
    .update({ payload: null });
}
