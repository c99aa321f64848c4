/** A slice of `npm run fuzz`: the command line. */
import { fuzzed } from './slice.ts';

fuzzed('command-line');
