// Imported before all else that the command line needs, which loads while the child process starts.
import { startChildAhead } from '../child-ahead.js';

if (process.argv.includes('--run-once')) startChildAhead();
