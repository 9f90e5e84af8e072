import { createHash } from 'node:crypto';
import type { ObservedUsageEvent } from '../db/take-usage-event.js';
import type { MappedInstrument } from '../db/tool-mapping.js';
import type { FormAnswers } from '../sources/nemo/form-answers.js';
import type { NemoClient } from '../sources/nemo/nemo-client.js';
import type { Tool } from '../sources/nemo/nemo-lookups.js';
import type { UsageEvent } from '../sources/nemo/nemo-rows.js';
import type { NemoTime } from '../sources/nemo/nemo-times.js';
import { isAppError } from '../errors.js';
import type { NemoSource } from './nemo-source.js';

/** Who the tools of a source belong to. */
export interface ToolFamilies {
  /** The instrument of a tool, or of the tool that it is an alternate of; null: none of ours. */
  instrumentOf(toolId: number): MappedInstrument | null;
  /** Tools of active instruments. */
  readonly toolIds: readonly number[];
}

/** @param tools all tools of the source, for the parents of child tools; empty: not known */
export function toolFamilies(
  mapping: ReadonlyMap<number, MappedInstrument>,
  tools: readonly Tool[],
): ToolFamilies {
  const parents = new Map(tools.map(({ id, parentToolId }) => [id, parentToolId]));
  return {
    instrumentOf: (toolId) => {
      const parent = parents.get(toolId) ?? null;
      return mapping.get(toolId) ?? (parent === null ? null : (mapping.get(parent) ?? null));
    },
    toolIds: [...mapping].filter(([, { active }]) => active).map(([toolId]) => toolId),
  };
}

/** Of all answers that were given at the tool; null: none were. */
function digestOf(forms: readonly FormAnswers[]): string | null {
  const texts = forms.map((form) => ('text' in form ? form.text : null));
  if (texts.every((text) => text === null)) return null;
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex');
}

function reported({ epochMs, text }: NemoTime): {
  readonly epochMs: number;
  readonly text: string;
} {
  return { epochMs, text };
}

/** The usage event in our words, with the names that its ids stand for. */
export class UsageEventObserver {
  readonly #source: NemoSource;
  #isProjectRefused = false;

  constructor(source: NemoSource) {
    this.#source = source;
  }

  /**
   * @param client reads the names of users and projects; null: there is no token to read them
   * @param isConfirmed whether the event was read from NEMO, and not only pushed by it
   * @throws AppError as the reads of NemoClient
   */
  async observe(
    event: UsageEvent,
    families: ToolFamilies,
    {
      client,
      signal,
      isConfirmed,
      names,
    }: {
      readonly client: NemoClient | null;
      readonly signal: AbortSignal;
      readonly isConfirmed: boolean;
      /** User names by id, as far as they are known without asking. */
      readonly names?: ReadonlyMap<number, string>;
    },
  ): Promise<ObservedUsageEvent> {
    const instrument = families.instrumentOf(event.toolId);
    // The names of what is none of ours are not asked for.
    const asked = instrument === null ? null : client;
    const nameOf = async (userId: number): Promise<string | null> =>
      names?.get(userId) ?? (await asked?.user(userId, { signal }))?.username ?? null;
    const customer = await nameOf(event.userId);
    const operator = event.operatorId === event.userId ? customer : await nameOf(event.operatorId);
    return {
      source: this.#source.name,
      eventId: event.id,
      sessionIdentifier: sessionIdentifierOf(this.#source.url, event.id),
      toolId: event.toolId,
      instrumentPid: instrument?.instrumentPid ?? null,
      start: reported(event.start),
      end: event.end === null ? null : reported(event.end),
      hasEnded: event.hasEnded,
      userId: event.userId,
      operatorId: event.operatorId,
      customer,
      operator,
      user: this.#source.user === 'operator' ? operator : customer,
      projectId: event.projectId,
      project: asked === null ? null : await this.#projectName(asked, event.projectId, signal),
      training: event.training ?? false,
      remoteWork: event.remoteWork ?? false,
      waived: event.waived ?? false,
      validated: event.validated ?? false,
      answersSha256: digestOf([event.runData, event.preRunData]),
      isConfirmed,
    };
  }

  /** A session without the name of its project is better than none: the right to read projects may lack. */
  async #projectName(client: NemoClient, id: number, signal: AbortSignal): Promise<string | null> {
    if (this.#isProjectRefused) return null;
    try {
      return (await client.project(id, { signal }))?.name ?? null;
    } catch (error) {
      if (!isAppError(error) || error.code !== 'SOURCE_REFUSED') throw error;
      this.#isProjectRefused = true;
      this.#source.log.warn('NEMO does not let us read projects; sessions do without them.', {
        source: this.#source.name,
        error,
      });
      return null;
    }
  }
}

/** As NexusLIMS has it, so that its sessions are ours too. @param url of the REST interface, with its last slash */
export function sessionIdentifierOf(url: string, eventId: number): string {
  return `${url}usage_events/?id=${eventId}`;
}
