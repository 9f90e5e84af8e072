import type { Config } from '../config/schema.js';
import { listInstruments } from '../db/instrument-store.js';
import { databaseChecks, sourceChecks } from '../http/database-checks.js';
import { Readiness, type ReadinessCheck } from '../http/readiness.js';
import type { Application } from '../main.js';
import { checkSpace, nearestFolder, writtenFolders } from './doctor/check-folders.js';
import { checkFolder } from './doctor/check-instruments.js';
import type { CheckResult } from './doctor/check-result.js';
import { readMountinfo, type DoctorEnvironment } from './doctor/doctor-environment.js';

async function lookingFrom(application: Application, config: Config): Promise<DoctorEnvironment> {
  const { stores } = application.environment;
  return { config, stores, mountinfo: await readMountinfo() };
}

function faultOf(result: CheckResult): string | null {
  return result.state === 'fail' ? result.message : null;
}

async function listStores(
  application: Application,
  config: Config,
): Promise<readonly ReadinessCheck[]> {
  const instruments = await application.database.createScope(() => listInstruments());
  const environment = await lookingFrom(application, config);
  return instruments
    .filter(({ active }) => active)
    .flatMap((instrument) =>
      instrument.folders.map((folder) => ({
        name: `store ${instrument.pid} ${folder.path}`,
        run: async () => faultOf(await checkFolder(environment, instrument, folder)),
      })),
    );
}

async function listSpaces(
  application: Application,
  config: Config,
): Promise<readonly ReadinessCheck[]> {
  const environment = await lookingFrom(application, config);
  return [...writtenFolders(environment)].map(([key, path]) => ({
    name: `space ${key}`,
    run: async () => {
      // First looked at in a process of its own: one that hangs must not take this one with it.
      const nearest = await nearestFolder(environment, path);
      if (nearest.kind === 'away') return nearest.reason;
      for await (const result of checkSpace(key, nearest.place)) {
        const fault = faultOf(result);
        if (fault !== null) return fault;
      }
      return null;
    },
  }));
}

/** What the daemon needs to do its work: database, stores of active instruments, room in its own folders, sources. */
export function readinessOf(application: Application, config: Config): Readiness {
  const { database } = application;
  const sources = config.sources.map(({ name }) => name);
  return new Readiness({
    groups: [
      { name: 'database', list: () => Promise.resolve(databaseChecks(database)) },
      { name: 'stores', list: () => listStores(application, config) },
      { name: 'space', list: () => listSpaces(application, config) },
      { name: 'sources', list: () => Promise.resolve(sourceChecks(database, sources)) },
    ],
  });
}
