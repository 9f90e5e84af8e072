import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { AppError, systemErrorCode } from '../errors.js';

/** The compiled functions of a bundle, made by the build for one version of V8 and one kind of processor. */
export function codeCacheOf(bundle: string): string {
  return `${bundle}.${process.versions.v8}.${process.arch}.cache`;
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Runs a bundle of the build, an expression whose value is a function with the parameters of a CommonJS module. With its
 * code cache it starts, and does its work for the first time, without compiling: a third of the time of a short run. The
 * cache is V8's own format, which V8 leaves aside when it does not fit (other version, other flags). Code from it cannot
 * import modules by itself (importModule does).
 * @param bundle absolute path; ASCII text
 * @throws AppError INTERNAL when the file is no bundle; errors of the file system when it cannot be read
 */
export function runBundle(bundle: string): void {
  // V8 takes a cache only under the flags that it was made under. The heap has had its limit since the process began:
  // here only the flag goes back to its default, so that one cache fits whatever limits are configured.
  setFlagsFromString('--max-old-space-size=0');
  const cachedData = readIfThere(codeCacheOf(bundle));
  const script = new Script(readFileSync(bundle, 'latin1'), {
    filename: bundle,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  const program: unknown = script.runInThisContext();
  if (typeof program !== 'function') {
    throw new AppError('INTERNAL', `${bundle} is no bundle of recordsmith.`, {
      remedy: 'Install recordsmith again.',
    });
  }
  const module = { exports: {} };
  const parameters = [module.exports, createRequire(bundle), module, bundle, dirname(bundle)];
  Reflect.apply(program, undefined, parameters);
}
