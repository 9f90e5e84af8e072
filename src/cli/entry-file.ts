import { fileURLToPath } from 'node:url';

/** The program's own entry file, for starting it again. */
export const ENTRY_FILE = fileURLToPath(new URL('./recordsmith.js', import.meta.url));
