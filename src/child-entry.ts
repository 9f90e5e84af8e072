/** The file that child processes run: whatever a pool needs done is among their jobs. */
export const CHILD_ENTRY = new URL('./child-process.js', import.meta.url);

/** Memory that a child process may take unless the configuration says otherwise, bytes. */
export const CHILD_MEMORY_BYTES = 1024 ** 3;
