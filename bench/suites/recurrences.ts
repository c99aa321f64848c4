/**
 * Our recurrences compared with the plain PyTorch functions of flash-linear-attention and Hugging Face's transformers: token by
 * token, by chunks and over all pairs, whichever there are.
 */
import { hold } from './peers/contest.ts';
import { recurrenceTasks } from './peers/plan.ts';
import type { Suite } from './suite.ts';

export const recurrences: Suite = {
  name: 'recurrences',
  summary: 'recurrences compared with functions in PyTorch, one process for each library, in turns',
  reads: 'venv',
  run: (settings) =>
    hold({ peers: ['us', 'fla', 'transformers'], tasks: recurrenceTasks(settings.quick) }, [], settings),
};
