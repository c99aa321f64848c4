/** Who is routed where: which tokens of held-out examples each expert of a model takes. */
import { elements } from '../../core/tensor.ts';
import { type EvaluationSettings, forHeldOut } from '../evaluate.ts';
import type { Learner } from '../learner.ts';
import { evaluation } from '../module.ts';
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
  const layers = new Map<number, RoutedLayer>();
  forHeldOut(learner, task, settings, (drawn) => {
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
  });
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
