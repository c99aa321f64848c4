/** Table 2 of Kitaev et al. 2020: a model trained with one number of hashes, evaluated with another. */

import { loadModel } from '../checkpoint.ts';
import { evaluate } from '../evaluate.ts';
import { reattended } from '../reattend.ts';
import { readAndEnd } from '../run.ts';
import { openTask } from '../tasks/registry.ts';
import { hashing } from './hashes.ts';

/** The columns. */
export const EVALUATED = ['all', 8, 4, 2, 1] as const;
const EXAMPLES = 256;

/** For each column, the share of correct targets, as in the paper, and the share of sequences with all targets correct. */
export interface HashRow {
  targets: number[];
  sequences: number[];
}

/** The row of a model of the recipe `hashes`, or of Reformer in `duplication`. Throws FileFormatError for another file. */
export function hashRow(checkpoint: string): HashRow {
  const trained = loadModel(checkpoint);
  const { settings } = trained;
  const { name, ...own } = settings.task;
  const task = openTask(name, own);
  const look = { examples: EXAMPLES, batch: settings.batch, seed: settings.seed };
  const row: HashRow = { targets: [], sequences: [] };
  return readAndEnd(trained.learner, () => {
    for (const hashes of EVALUATED) {
      const learner = reattended(trained, { reformer: hashing(hashes) });
      readAndEnd(learner, () => {
        row.targets.push(evaluate(learner, { ...task, accuracy: 'target' }, look).accuracy);
        row.sequences.push(evaluate(learner, task, look).accuracy);
      });
    }
    return row;
  });
}
