/**
 * The file that child processes run: whatever a pool needs done is among their jobs. It is the bundle also where the modules
 * themselves are in use, since a child starts from it in a third of the time; the build sets the folder right in bundles.
 */
export const CHILD_ENTRY = new URL('./program/child-process.js', import.meta.url);

/** Memory that a child process may take unless the configuration says otherwise, bytes. */
export const CHILD_MEMORY_BYTES = 1024 ** 3;
