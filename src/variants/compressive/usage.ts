/**
 * Which tokens are used most: the average attention that each has received in the memory (Rae et al. 2020, §3.2). The paper does
 * not say over which queries: here over all heads and over all queries that met it there.
 */
import { backward, enableGrad, zeroGrad } from '../../core/autograd.ts';
import type { AttentionSettings } from '../../core/ops/attention.ts';
import { attention, cast, detach, type KeySet } from '../../core/ops/index.ts';
import { scope } from '../../core/scope.ts';
import { elements, filled, fromArray, ones, type Tensor } from '../../core/tensor.ts';
import type { Memory } from '../state.ts';
import type { MemoryOptions, Places } from './places.ts';

/** One attention of a segment's queries over everything that they meet. */
export interface Meeting {
  queries: Tensor;
  keys: Tensor;
  layout: KeySet;
  settings: AttentionSettings & { relative: NonNullable<AttentionSettings['relative']> };
}

/**
 * Σ_h Σ_i A_ij over heads and real queries i of a meeting, for its keys `begin` … `end` − 1: float64 [batch · keys]. It is the
 * gradient of Σ_hi Σ_j A_ij v_j by v, so that no matrix of weights is needed. In float64, whatever the type of the model.
 */
export function usageOf(meeting: Meeting, real: Tensor | undefined, begin: number, end: number): Float64Array {
  const { queries, keys, layout, settings } = meeting;
  const [batch, heads, length] = queries.shape;
  const total = keys.shape[2];
  return scope(() => {
    const exact = (x: Tensor) => cast(detach(x), 'float64');
    const { relative } = settings;
    const asked = { ...relative, queries: exact(relative.queries), keys: exact(relative.keys) };
    const v = ones([batch, heads, total, 1], 'float64').withGrad();
    const { output } = enableGrad(() =>
      attention(exact(queries), exact(keys), v, layout, { ...settings, relative: asked }),
    );
    const flags = real && elements(real);
    const counted = Float64Array.from({ length: batch * heads * length }, (_, n) =>
      flags ? flags[Math.floor(n / (heads * length)) * length + (n % length)] : 1,
    );
    backward(output, fromArray(counted, output.shape, 'float64'));
    const weights = elements(v.grad as Tensor);
    const usage = new Float64Array(batch * (end - begin));
    for (let list = 0; list < batch * heads; list++) {
      const to = Math.floor(list / heads) * (end - begin);
      for (let j = begin; j < end; j++) usage[to + j - begin] += weights[list * total + j];
    }
    zeroGrad([v]);
    return usage;
  });
}

/**
 * The `count` most used of tokens, in their order: int32 [batch, count], from their average attention [batch · tokens]. Padding
 * comes last, and of tokens that are used alike the later ones stay: those that differ by less than 2^−40 may count as alike,
 * because sums of other parts of a text are rounded differently.
 */
export function mostUsed(usage: Float64Array, batch: number, count: number, real: Tensor | undefined): Tensor {
  const tokens = usage.length / batch;
  const flags = real && elements(real);
  const rounded = Float64Array.from(usage, (each) => Math.round(each * 2 ** 40));
  const chosen = filled([batch, count], 0, 'int32');
  for (let b = 0; b < batch; b++) {
    const rank = (j: number) => (flags?.[b * tokens + j] === 0 ? -1 : rounded[b * tokens + j]);
    const order = Array.from({ length: tokens }, (_, j) => j).sort((i, j) => rank(j) - rank(i) || j - i);
    elements(chosen).set(
      order.slice(0, count).sort((i, j) => i - j),
      b * count,
    );
  }
  return chosen;
}

/** The attention that the tokens in the memory have received so far, from the end of their own segment on. */
export class Usage {
  readonly #active: boolean;
  readonly #batch: number;
  readonly #segmentLength: number;
  /** [batch · tokens], of the tokens of the memory. */
  #sums: Float64Array;

  /** Continues from `memory`, whose next token has these places. Without a need to choose it does nothing. */
  constructor(memory: Memory, { start, first }: Places, batch: number, options: MemoryOptions, isChosen: boolean) {
    const { compression, compressedLength, segmentLength } = options;
    this.#active = compression === 'most-used' && compressedLength > 0 && (!isChosen || memory.isKept);
    this.#batch = batch;
    this.#segmentLength = segmentLength;
    const known = this.#active && start > first ? memory.get('usage', [batch, start - first]) : undefined;
    this.#sums = known ? Float64Array.from(elements(known)) : new Float64Array(batch * (start - first));
  }

  /** Adds what the real ones of a meeting's queries, in the segment of these places, attended to. */
  add(meeting: Meeting, { start, first, rows }: Places, real: Tensor | undefined): void {
    if (!this.#active || start === first) return;
    usageOf(meeting, real, rows, rows + start - first).forEach((each, n) => {
      this.#sums[n] += each;
    });
  }

  /**
   * The average over real queries before `end`, the end of the segment of `places`, for the tokens that leave with it; 0 for those
   * that no query has met in the memory.
   */
  means(
    { start, first }: Places,
    after: Places,
    end: number,
    maskOf: (from: number, to: number) => Tensor | undefined,
  ): Float64Array {
    const leaving = after.first - first;
    const mask = maskOf(first, end);
    const flags = mask && elements(mask);
    return Float64Array.from({ length: this.#batch * leaving }, (_, n) => {
      const [b, t] = [Math.floor(n / leaving), n % leaving];
      if (first + t >= start) return 0;
      const met = (Math.floor((first + t) / this.#segmentLength) + 1) * this.#segmentLength - first;
      const row = b * (end - first);
      const queries = flags
        ? Array.from(flags.subarray(row + met, row + end - first)).filter((flag) => flag === 1).length
        : end - first - met;
      return this.#sums[b * (start - first) + t] / Math.max(1, queries);
    });
  }

  /** Goes on to the next segment: some tokens have left the memory, and those of the last segment are new there. */
  goOn({ start, first }: Places, after: Places): void {
    const [before, own] = [start - first, after.start - after.first];
    const sums = new Float64Array(this.#batch * own);
    for (let b = 0; b < this.#batch; b++) {
      for (let j = after.first; j < start; j++) {
        sums[b * own + j - after.first] = this.#sums[b * before + j - first];
      }
    }
    this.#sums = sums;
  }

  /** Leaves the sums to the next call. */
  keep(memory: Memory): void {
    if (!this.#active || this.#sums.length === 0) return;
    memory.set('usage', fromArray(this.#sums, [this.#batch, this.#sums.length / this.#batch], 'float64'));
  }
}
