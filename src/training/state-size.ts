/** How much a model keeps of what it has read: the states of its layers, as generation holds them. */
import { UnsupportedError } from '../core/errors.ts';
import { scope } from '../core/scope.ts';
import { stateBytes } from '../variants/state.ts';
import { expectLearner, expectTask } from './checks.ts';
import { LanguageModel } from './language-model.ts';
import type { Learner } from './learner.ts';
import type { Task } from './tasks/task.ts';

/**
 * The bytes of the states of all layers after one sequence of the task's length. A recurrence has the same at any length; full
 * attention keeps keys and values of every token. Null for a model that is not causal, and for a variant that cannot generate.
 */
export function bytesOfStates(learner: Learner, task: Task): number | null {
  expectLearner('learner', learner);
  expectTask('task', task);
  const { model } = learner;
  if (!(model instanceof LanguageModel) || !model.config.causal) return null;
  return scope(() => {
    try {
      const generation = model.startGeneration(1);
      try {
        // The size does not depend on which tokens were read.
        generation.read([new Int32Array(task.length)]);
        return generation.states().reduce((sum, state) => sum + stateBytes(state), 0);
      } finally {
        generation.end();
      }
    } catch (error) {
      if (error instanceof UnsupportedError) return null;
      throw error;
    }
  });
}
