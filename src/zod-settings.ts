import { z } from 'zod';

// Imported first by the entries of the program, since a schema looks at it when it is made. By itself zod writes and
// compiles a function for each schema: in a short run that takes longer than all it has to check.
z.config({ jitless: true });
