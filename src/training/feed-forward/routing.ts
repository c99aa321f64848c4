/**
 * Who goes where in a mixture of experts: the best experts of each token, and which of them have room. All of it is decided
 * by comparisons, outside the tape; gradients reach the router through the gates and its losses alone.
 */
import { elements, type Tensor } from '../../core/tensor.ts';

/** Rows of choices, grouped by expert; within an expert in the order in which they were let in. */
export interface Dispatch {
  /** The token of each row. */
  tokens: Int32Array;
  /** The place of each row's choice in the list of all choices, [tokens × choices]. */
  choices: Int32Array;
  /** The expert of each row. */
  experts: Int32Array;
  /** Rows begins[e] … begins[e + 1] − 1 are those of expert e. */
  begins: number[];
  /** The row of each choice; −1: none. */
  rows: Int32Array;
  /** Choices that met a full expert. */
  dropped: number;
}

/**
 * The `count` most probable experts of each token, the best first and of equals the first: [tokens × count].
 * `probabilities` is [tokens, experts].
 */
export function bestExperts(probabilities: Tensor, count: number): Int32Array {
  const [tokens, experts] = probabilities.shape;
  const p = elements(probabilities);
  const best = new Int32Array(tokens * count);
  for (let t = 0; t < tokens; t++) {
    for (let c = 0; c < count; c++) {
      let found = -1;
      for (let e = 0; e < experts; e++) {
        if (c > 0 && isIn(best, t * count, t * count + c, e)) continue;
        if (found < 0 || p[t * experts + e] > p[t * experts + found]) found = e;
      }
      best[t * count + c] = found;
    }
  }
  return best;
}

function isIn(list: Int32Array, begin: number, end: number, entry: number): boolean {
  for (let n = begin; n < end; n++) if (list[n] === entry) return true;
  return false;
}

/**
 * Lets choices in until their expert holds `capacity`: first choices of all tokens in order, then second ones (Lepikhin et
 * al. 2020, algorithm 1).
 */
export function dispatch(choices: Int32Array, perToken: number, experts: number, capacity: number): Dispatch {
  const tokens = choices.length / perToken;
  const loads = new Int32Array(experts);
  const letIn: number[] = [];
  let dropped = 0;
  for (let c = 0; c < perToken; c++) {
    for (let at = c; at < tokens * perToken; at += perToken) {
      const expert = choices[at];
      if (expert < 0) continue;
      if (loads[expert] >= capacity) {
        dropped++;
        continue;
      }
      loads[expert]++;
      letIn.push(at);
    }
  }
  const begins = [0];
  for (const load of loads) begins.push(begins[begins.length - 1] + load);
  const next = begins.slice();
  const found: Dispatch = {
    tokens: new Int32Array(letIn.length),
    choices: new Int32Array(letIn.length),
    experts: new Int32Array(letIn.length),
    begins,
    rows: new Int32Array(choices.length).fill(-1),
    dropped,
  };
  for (const at of letIn) {
    const row = next[choices[at]]++;
    found.tokens[row] = Math.floor(at / perToken);
    found.choices[row] = at;
    found.experts[row] = choices[at];
    found.rows[at] = row;
  }
  return found;
}

/** How many choices of each expert were let in. */
export function loadsOf({ begins }: Dispatch): Int32Array {
  return Int32Array.from(begins.slice(1), (end, e) => end - begins[e]);
}
