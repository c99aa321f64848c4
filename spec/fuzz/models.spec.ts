/** A slice of `npm run fuzz`: checkpoints, exported folders, models and tokenisers of others. */
import { fuzzed } from './slice.ts';

fuzzed('checkpoint', 'import', 'pretrained', 'tokenizer');
