/** What the training steps of all peers have in common; bench/pytorch has the same numbers. See us-training-step.ts. */

export const WEIGHTS = ['wq', 'wk', 'wv', 'wo', 'wy'] as const;
export const LEARNING_RATE = 0.1;
/** Losses before each of these many steps are compared. */
export const COMPARED_STEPS = 4;

/** Keeps the size of what a weight is applied to. */
export function weightDeviation(width: number): number {
  return 1 / Math.sqrt(width);
}
