// @ts-check
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import vm from 'node:vm';
import { codeCacheOf } from '../dist/processes/run-bundle.js';

/*
 * Loaded before a bundle by the build: at the end of the process its functions that were needed, compiled, become the
 * bundle's code cache.
 */
// Functions are kept even when they rest for a while.
setFlagsFromString('--no-flush-bytecode');

vm.Script = class extends vm.Script {
  /**
   * @param {string} code
   * @param {vm.ScriptOptions} options
   */
  constructor(code, options) {
    super(code, options);
    const { filename } = options;
    if (filename === undefined) return;
    process.on('exit', () => {
      // A cache is only taken under the flags that it was made under.
      setFlagsFromString('--flush-bytecode');
      const cache = codeCacheOf(filename);
      const data = this.createCachedData();
      // Of several child processes the one that did most.
      const isChild = process.send !== undefined;
      if (isChild && existsSync(cache) && statSync(cache).size >= data.length) return;
      writeFileSync(`${cache}.${process.pid}`, data);
      renameSync(`${cache}.${process.pid}`, cache);
    });
  }
};
syncBuiltinESMExports();
