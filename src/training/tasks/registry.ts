/** Every task, by name. Adding one is one file and one line here. */
import { associativeRecall } from './associative-recall.ts';
import { backcopy } from './backcopy.ts';
import { byteLm, byteMlm } from './byte-lm.ts';
import { copy } from './copy.ts';
import { digits } from './digits.ts';
import { duplication } from './duplication.ts';
import { listops } from './listops.ts';
import { mqar } from './mqar.ts';
import { needle } from './needle.ts';
import { palindrome } from './palindrome.ts';
import { pathfinder } from './pathfinder.ts';
import { retrieval } from './retrieval.ts';
import { selectiveCopy } from './selective-copy.ts';
import { sentenceMlm } from './sentence-mlm.ts';
import { stack } from './stack.ts';
import { stateTracking } from './state-tracking.ts';
import { makeTask, type Task, type TaskDefinition, type TaskSettings, taskNamed } from './task.ts';
import { textClassification } from './text-classification.ts';
import { textNeedle } from './text-needle.ts';

/** Every task that a run can name, in the order in which the command line lists them. */
export const tasks: readonly TaskDefinition[] = [
  duplication,
  copy,
  associativeRecall,
  mqar,
  selectiveCopy,
  palindrome,
  stack,
  needle,
  textNeedle,
  stateTracking,
  backcopy,
  byteLm,
  byteMlm,
  sentenceMlm,
  listops,
  textClassification,
  retrieval,
  pathfinder,
  digits,
];

/**
 * Opens a task by its name, with default values for settings that are left out. Throws ArgumentError for an unknown name, for
 * a setting that the task does not have, and for an invalid value.
 *
 * @example
 * ```ts
 * const task = openTask('copy', { length: 64 });
 * ```
 */
export function openTask(name: string, settings: TaskSettings = {}): Task {
  return makeTask(taskNamed(name, tasks), settings);
}
