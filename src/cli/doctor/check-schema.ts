import { isAppError } from '../../errors.js';
import { loadXmlValidator } from '../../record/validate-xml.js';
import { failedBy, ok, type CheckResult } from './check-result.js';
import type { DoctorEnvironment } from './doctor-environment.js';

/** Does the schema of records load. */
export async function* checkSchema({
  config,
}: DoctorEnvironment): AsyncGenerator<CheckResult, void, undefined> {
  const { schema } = config.record;
  try {
    const validator = await (schema === null ? loadXmlValidator() : loadXmlValidator(schema));
    validator.dispose();
    yield ok('record schema', schema ?? 'the one of the package');
  } catch (error) {
    if (!isAppError(error)) throw error;
    yield failedBy('record schema', error);
  }
}
