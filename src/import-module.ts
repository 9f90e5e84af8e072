/**
 * Imports a module that is known only while the program runs, or that node alone can load (it waits while it is loaded).
 * The one place for this: a file of its own also beside the bundled program, since code from V8's code cache cannot import.
 * @param specifier a package's name or a URL
 * @returns the module's exports, which the caller checks
 * @throws whatever the module throws while it is loaded
 */
export function importModule(specifier: string): Promise<unknown> {
  return import(specifier);
}
