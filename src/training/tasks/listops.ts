/**
 * ListOps (Nangia & Bowman 2018) at lengths like those of the Long Range Arena (Tay et al. 2021): prefix expressions over
 * digits
 *
 *     [MAX 4 3 [MIN 2 3 ] 1 0 [MED 1 5 8 9 2 ] ]      = 5
 *
 * whose value, a digit, is the class. MIN and MAX; MED, the median, rounded down if two are in the middle; SM, the sum modulo
 * 10. A node is an operator with probability ¼ and a digit otherwise; an operator has 2 to 10 arguments; there are at most 10
 * levels. Expressions must have a quarter of the maximum length to all of it (in the Arena 500 to 2000); others are redrawn.
 */
import { expectInteger } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Task, TaskDefinition } from './task.ts';

/** In the order of their tokens; 0 is padding. */
export const LISTOPS_TOKENS = ['', ...'0123456789', '[MIN', '[MAX', '[MED', '[SM', ']'] as const;

const FIRST_DIGIT = 1;
const FIRST_OPERATOR = 11;
const END = 15;
const OPERATORS = 4;
const OPERATOR_SHARE = 0.25;
const MOST_ARGUMENTS = 10;
const DEEPEST = 10;

export const listops: TaskDefinition = {
  name: 'listops',
  summary: 'Evaluate a nested expression of MIN, MAX, MED and SM',
  source: 'Nangia & Bowman 2018; Tay et al. 2021',
  // In the Arena 2000.
  defaults: { length: 512 },
  brief: { length: 128 },

  make({ length }): Task {
    expectInteger('length', length, 4);
    return {
      name: 'listops',
      kind: 'classification',
      settings: { length },
      vocabulary: LISTOPS_TOKENS.length,
      classes: 10,
      length,
      accuracy: 'target',
      chance: 1 / 10,
      alphabet: 'numbers',
      draw(_, random) {
        for (;;) {
          const tokens: number[] = [];
          const value = drawOperator(1, tokens, length, random);
          if (value !== null && tokens.length >= length / 4) return { tokens, targets: [value] };
        }
      },
    };
  },
};

/** Writes an operator with its arguments and returns its value; null when it does not fit. */
function drawOperator(depth: number, tokens: number[], longest: number, random: Random): number | null {
  const operator = random.integer(OPERATORS);
  const count = 2 + random.integer(MOST_ARGUMENTS - 1);
  const values: number[] = [];
  tokens.push(FIRST_OPERATOR + operator);
  for (let n = 0; n < count; n++) {
    const value = drawNode(depth + 1, tokens, longest, random);
    if (value === null) return null;
    values.push(value);
  }
  tokens.push(END);
  return tokens.length > longest ? null : apply(operator, values);
}

function drawNode(depth: number, tokens: number[], longest: number, random: Random): number | null {
  if (tokens.length >= longest) return null;
  if (depth < DEEPEST && random.uniform() < OPERATOR_SHARE) return drawOperator(depth, tokens, longest, random);
  const digit = random.integer(10);
  tokens.push(FIRST_DIGIT + digit);
  return digit;
}

function apply(operator: number, values: readonly number[]): number {
  if (operator === 0) return Math.min(...values);
  if (operator === 1) return Math.max(...values);
  if (operator === 3) return values.reduce((sum, value) => sum + value, 0) % 10;
  const ordered = [...values].sort((a, b) => a - b);
  const middle = (ordered.length - 1) / 2;
  return Math.floor((ordered[Math.floor(middle)] + ordered[Math.ceil(middle)]) / 2);
}
