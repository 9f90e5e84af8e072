// Loaded into processes of the program by `node --import`: writes for each bundle whether V8 took its code cache, a line of
// JSON to the file CODE_CACHE_REPORT.
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import vm from 'node:vm';

const report = process.env['CODE_CACHE_REPORT'] ?? '';

vm.Script = class extends vm.Script {
  /**
   * @param {string} code
   * @param {vm.ScriptOptions} options
   */
  constructor(code, options) {
    super(code, options);
    const bundle = basename(options.filename ?? '').replace(/-[^-]*$/, '');
    // Undefined: there was no cache to take.
    const taken = this.cachedDataRejected === false;
    appendFileSync(report, `${JSON.stringify({ bundle, taken })}\n`);
  }
};
syncBuiltinESMExports();
