/**
 * What a variant remembers from one call to the next. A state is plain named tensors: it can be saved, and passed to the next
 * call or to several calls. A whole run, a prefix and then one token, segment after
 * segment: all are the same `attend`, given the state that the call before returned.
 */
import { bytesPerElement, expectDType } from '../core/dtype.ts';
import { ArgumentError, expectInteger, expectShape, ShapeError } from '../core/errors.ts';
import { expectList, expectText } from '../core/expect.ts';
import { expectExtents } from '../core/extents.ts';
import { expectFlags, expectPositions } from '../core/ops/check.ts';
import { gatherRows, pickKeys, slice, zeroMasked } from '../core/ops/index.ts';
import { elements, expectTensor, filled, fromArray, packed, type Tensor } from '../core/tensor.ts';
import { expectState, KEY_MASK } from './check-state.ts';
import { appendRows, SLACK } from './growing-rows.ts';
import type { Attending, CommonOptions } from './variant.ts';

/** Sizes that all calls of a sequence share. */
export interface StateSizes {
  readonly batch: number;
  readonly heads: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly dtype: 'float32' | 'float64';
}

/** All that a variant remembers of the tokens it has read, so that the next tokens can be computed without them. */
export interface AttentionState {
  /** The name of the variant that made it, and its options. */
  readonly variant: string;
  readonly options: CommonOptions;
  readonly sizes: StateSizes;
  /** Tokens seen so far. */
  readonly position: number;
  /** Caches, rolling windows, running sums, by names that the variant chooses. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** The size of a state in bytes: what a generation keeps for each sequence. */
export function stateBytes(state: AttentionState): number {
  const { tensors } = expectState('state', state);
  return Object.values(tensors).reduce((sum, { size, dtype }) => sum + size * bytesPerElement[dtype], 0);
}

/**
 * The memory of one call of `attend`: what there was before it, and what it leaves. Without a state, a run from nothing
 * after which nothing is remembered, it keeps nothing and costs nothing.
 */
export class Memory {
  /** Place of the first token of this call in its sequence. */
  readonly position: number;
  readonly #state: AttentionState | undefined;
  readonly #length: number;
  readonly #next: Record<string, Tensor> = {};

  /**
   * `state` is what `attend` is given, `length` how many tokens it is given. Throws ArgumentError for what is no state, and
   * for another length.
   */
  constructor(state: AttentionState | undefined, length: number) {
    if (state !== undefined) expectState('state', state);
    expectInteger('length', length, 1);
    this.position = state?.position ?? 0;
    this.#state = state;
    this.#length = length;
  }

  /** Whether something is to be remembered. */
  get isKept(): boolean {
    return this.#state !== undefined;
  }

  /**
   * What was remembered under a name, of this shape; undefined at the beginning. Throws ArgumentError for a state that lacks
   * it, ShapeError for one where it has another shape.
   */
  get(name: string, shape?: readonly number[]): Tensor | undefined {
    expectText('name', name);
    if (shape !== undefined) expectExtents(shape);
    return this.position === 0 ? undefined : this.#expect(name, shape);
  }

  /** What was remembered under each of these names. Throws for a state that lacks one. */
  getAll<Names extends string>(names: readonly Names[]): Record<Names, Tensor> {
    expectList('names', names, expectText);
    return Object.fromEntries(names.map((name) => [name, this.#expect(name)])) as Record<Names, Tensor>;
  }

  #expect(name: string, shape?: readonly number[]): Tensor {
    const tensor = this.#state?.tensors[name];
    if (tensor === undefined) throw new ArgumentError(`state.${name}: expected a tensor to continue from, got none`);
    if (shape !== undefined) expectShape(`state.${name}`, tensor.shape, shape, 'to continue from');
    return tensor;
  }

  /** The same for `held` tokens, which may be none, and of a type. */
  #expectHeld(name: string, held: number, shape: readonly number[], dtype: Tensor['dtype']): Tensor | undefined {
    if (held === 0) return undefined;
    const tensor = this.#expect(name, shape);
    if (tensor.dtype !== dtype) throw new ArgumentError(`state.${name}: expected ${dtype}, got ${tensor.dtype}`);
    return tensor;
  }

  /** Remembers a tensor for the next call. */
  set(name: string, tensor: Tensor): void {
    expectText('name', name);
    expectTensor('tensor', tensor);
    if (this.#state !== undefined) this.#next[name] = tensor;
  }

  /**
   * The rows [batch, heads, n, width] that were remembered under a name with those of this call behind them, and remembers
   * the last `keep` of them. `held` are those of the call before, as many by default. Nothing is copied but the new rows,
   * and the old ones when their room runs out. Throws for a state that holds more or fewer rows, or others.
   */
  append(
    name: string,
    rows: Tensor,
    keep = Number.POSITIVE_INFINITY,
    held: number = Math.min(this.position, keep),
  ): Tensor {
    expectText('name', name);
    expectRows('rows', rows);
    expectKept(keep, held);
    if (this.#state === undefined) return rows;
    const before = this.#expectHeld(name, held, rows.shape.with(2, held), rows.dtype);
    const count = held + rows.shape[2];
    if (count <= keep) {
      const all = appendRows(before, rows);
      this.#next[name] = all;
      return all;
    }
    const all = before === undefined ? rows : appendRows(before, rows);
    if (keep > 0) {
      const last = slice(all, 2, count - keep, count);
      // A view would keep all of them in memory: where they are many more, the last ones get a buffer of their own.
      this.#next[name] = before === undefined || count > 2 * keep + SLACK ? appendRows(undefined, last) : last;
    }
    return all;
  }

  /**
   * The rows of some tokens of this call, `own`, behind those that were picked before, and remembers all of them, `count`.
   * undefined: none. Rows of padding are zeros.
   */
  appendPicked(
    name: string,
    rows: Tensor,
    own: Int32Array,
    count: number,
    keyMask: Tensor | undefined,
  ): Tensor | undefined {
    expectText('name', name);
    expectRows('rows', rows);
    if (keyMask !== undefined) expectTensor('keyMask', keyMask);
    expectPositions('own', own, 0, rows.shape[2]);
    expectInteger('count', count, own.length);
    const held = count - own.length;
    if (own.length > 0) {
      const picked = zeroMasked(gatherRows(rows, own), keyMask && pickKeys(keyMask, own));
      return this.append(name, picked, undefined, held);
    }
    const before = this.#expectHeld(name, held, rows.shape.with(2, held), rows.dtype);
    if (before !== undefined) this.set(name, before);
    return before;
  }

  /** The same for a key mask [batch, n], which may be absent for all real tokens. */
  appendMask(
    keyMask: Tensor | undefined,
    batch: number,
    keep = Number.POSITIVE_INFINITY,
    held: number = Math.min(this.position, keep),
  ): Tensor | undefined {
    expectInteger('batch', batch, 1);
    expectKept(keep, held);
    if (keyMask !== undefined) expectTensor('keyMask', keyMask);
    const before = held === 0 ? undefined : this.#state?.tensors[KEY_MASK];
    if (this.#state === undefined || (keyMask === undefined && before === undefined)) return keyMask;
    if (before !== undefined) expectFlags(`state.${KEY_MASK}`, before, [batch, held], 'to continue from');
    const own = keyMask ?? filled([batch, this.#length], 1, 'uint8');
    expectShape('keyMask', own.shape, [batch, this.#length], 'for these tokens');
    const all = filled([batch, held + this.#length], 1, 'uint8');
    const [from, fresh, to] = [before && elements(before), elements(own), elements(all)];
    for (let b = 0; b < batch; b++) {
      const row = b * (held + this.#length);
      if (from !== undefined) to.set(from.subarray(b * held, (b + 1) * held), row);
      to.set(fresh.subarray(b * this.#length, (b + 1) * this.#length), row + held);
    }
    const count = held + this.#length;
    if (keep > 0) this.#next[KEY_MASK] = count > keep ? packed(slice(all, 1, count - keep, count)) : all;
    return all;
  }

  /** What `attend` returns: the output, and the state after these tokens if one was asked for. */
  leave(output: Tensor): Attending {
    expectTensor('output', output);
    if (this.#state === undefined) return { output, state: null };
    return { output, state: { ...this.#state, position: this.position + this.#length, tensors: this.#next } };
  }
}

/** Throws unless these are rows [batch, heads, n, width]. */
function expectRows(name: string, rows: Tensor): void {
  expectTensor(name, rows);
  expectDType(`${name}.dtype`, rows.dtype, ['float32', 'float64', 'int32']);
  if (rows.shape.length !== 4)
    throw new ShapeError(`${name}: expected [batch, heads, n, width], got ${rows.shape.length} axes`);
}

function expectKept(keep: number, held: number): void {
  if (keep !== Number.POSITIVE_INFINITY) expectInteger('keep', keep, 0);
  expectInteger('held', held, 0);
}

/** A copy of a state that shares no memory with it. */
export function copyState(state: AttentionState): AttentionState {
  expectState('state', state);
  const tensors = Object.entries(state.tensors).map(([name, tensor]) => {
    return [name, fromArray(tensor.toArray(), tensor.shape, tensor.dtype)] as const;
  });
  return { ...state, tensors: Object.fromEntries(tensors) };
}
