/** Who is routed where: which tokens of held-out examples each expert of a model takes. */
import { noGrad } from '../../core/autograd.ts';
import { expectInteger } from '../../core/errors.ts';
import { expectPlain } from '../../core/expect.ts';
import { Random } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { elements } from '../../core/tensor.ts';
import { expectLearner, expectTask, MOST_EXAMPLES } from '../checks.ts';
import type { EvaluationSettings } from '../evaluate.ts';
import type { Learner } from '../learner.ts';
import { evaluation } from '../module.ts';
import { drawBatch } from '../tasks/batch.ts';
import type { Task } from '../tasks/task.ts';

/** The choices of one layer over all examples. */
export interface RoutedLayer {
  layer: number;
  /** How many experts, or values of a memory, there are. */
  among: number;
  /** Choices of real tokens, of each expert. */
  loads: number[];
  /** Choices that met a full expert. */
  dropped: number;
  /** For each expert, how often it was chosen by which token of the vocabulary. */
  tokens: Map<number, number>[];
}

/**
 * Passes the examples that `evaluate` uses through the model, and counts choices; empty for a model that routes nothing. Keeps
 * no tape. Throws ArgumentError for arguments that do not fit.
 */
export function whoGoesWhere(learner: Learner, task: Task, settings: EvaluationSettings): RoutedLayer[] {
  expectLearner('learner', learner);
  expectTask('task', task);
  expectPlain('settings', settings);
  const { examples, batch, seed } = settings;
  expectInteger('examples', examples, 1, MOST_EXAMPLES);
  expectInteger('batch', batch, 1);
  const random = new Random(seed).split('held-out');
  const layers = new Map<number, RoutedLayer>();
  for (let done = 0; done < examples; done += batch) {
    scope(() =>
      noGrad(() => {
        const drawn = drawBatch(task, 'held-out', random, Math.min(batch, examples - done));
        // Pairs pass the model one text after the other.
        const calls = new Map<number, number>();
        const note: NonNullable<NonNullable<typeof evaluation.auxiliary>['note']> = (layer, routed) => {
          const text = calls.get(layer) ?? 0;
          calls.set(layer, text + 1);
          const { among, choices, perToken, dropped } = routed;
          const known = layers.get(layer) ?? emptyLayer(layer, among);
          layers.set(layer, known);
          const tokens = elements(drawn.sequences[text].tokens);
          known.dropped += dropped;
          for (const [at, expert] of choices.entries()) {
            if (expert < 0) continue;
            const token = tokens[Math.floor(at / perToken)];
            known.loads[expert]++;
            known.tokens[expert].set(token, (known.tokens[expert].get(token) ?? 0) + 1);
          }
        };
        learner.logits(drawn, { ...evaluation, auxiliary: { scale: 0, note } });
      }),
    );
  }
  return [...layers.values()].sort((a, b) => a.layer - b.layer);
}

function emptyLayer(layer: number, among: number): RoutedLayer {
  return {
    layer,
    among,
    loads: new Array<number>(among).fill(0),
    dropped: 0,
    tokens: Array.from({ length: among }, () => new Map<number, number>()),
  };
}
