/**
 * The state that a variant keeps from one call to the next. A state is plain named tensors: it can be saved, and passed to
 * the next call or to several calls. A whole run, a prefix and then one token, segment after segment: each is the same
 * `attend` with the state that the previous call returned.
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

/** Everything that a variant keeps of the tokens it has read, so that later tokens can be computed without them. */
export interface AttentionState {
  /** The name of the variant that made it, and its options. */
  readonly variant: string;
  readonly options: CommonOptions;
  readonly sizes: StateSizes;
  /** Tokens seen so far. */
  readonly position: number;
  /** Whether `tensors` has a key mask, so that a state that has lost it is not taken for one without padding. */
  readonly masked?: boolean;
  /** Caches, rolling windows, running sums, by names that the variant chooses. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** The size of a state in bytes: the memory that generation keeps between steps. */
export function stateBytes(state: AttentionState): number {
  const { tensors } = expectState('state', state);
  return Object.values(tensors).reduce((sum, { size, dtype }) => sum + size * bytesPerElement[dtype], 0);
}

/** States that a call has left: a step of a generation would take longer to check its own than some variants take for it. */
const left = new WeakSet<AttentionState>();

/**
 * The state of one call of `attend`: the state before it, and the state that it leaves. A run without a state starts from
 * nothing and keeps nothing, at no cost.
 */
export class Memory {
  /** The place of this call's first token in its sequence. */
  readonly position: number;
  readonly #state: AttentionState | undefined;
  readonly #length: number;
  readonly #next: Record<string, Tensor> = {};

  /**
   * `state` is the argument of `attend`, `length` the number of its tokens. Throws ArgumentError for anything but a state,
   * and for another length.
   */
  constructor(state: AttentionState | undefined, length: number) {
    if (state !== undefined && !left.has(state)) expectState('state', state);
    expectInteger('length', length, 1);
    this.position = state?.position ?? 0;
    this.#state = state;
    this.#length = length;
  }

  /** Whether this call keeps a state. */
  get isKept(): boolean {
    return this.#state !== undefined;
  }

  /**
   * The stored tensor with this name and shape; undefined at the beginning. Throws ArgumentError if the state lacks it,
   * ShapeError if it has another shape.
   */
  get(name: string, shape?: readonly number[]): Tensor | undefined {
    expectText('name', name);
    if (shape !== undefined) expectExtents(shape);
    return this.position === 0 ? undefined : this.#expect(name, shape);
  }

  /** The stored tensors with these names. Throws if the state lacks one. */
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

  /** The same for `held` tokens, possibly none, and of a given type. */
  #expectHeld(name: string, held: number, shape: readonly number[], dtype: Tensor['dtype']): Tensor | undefined {
    if (held === 0) return undefined;
    const tensor = this.#expect(name, shape);
    if (tensor.dtype !== dtype) throw new ArgumentError(`state.${name}: expected ${dtype}, got ${tensor.dtype}`);
    return tensor;
  }

  /** Stores a tensor for the next call. */
  set(name: string, tensor: Tensor): void {
    expectText('name', name);
    expectTensor('tensor', tensor);
    if (this.#state !== undefined) this.#next[name] = tensor;
  }

  /**
   * Appends this call's rows [batch, heads, n, width] to the stored rows of a name, returns them all, and stores the last
   * `keep` of them. `held` is the number of stored rows, by default as many as the last call kept. Only the new rows are
   * copied, and the old ones when their room runs out. Throws if the state holds another number of rows, or rows of another
   * shape.
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
      // A view would keep all rows in memory: if they are many more, the last ones get their own buffer.
      this.#next[name] = before === undefined || count > 2 * keep + SLACK ? appendRows(undefined, last) : last;
    }
    return all;
  }

  /**
   * Appends the rows of some tokens of this call, `own`, to those picked before, and stores all of them, `count`. Returns
   * undefined if there are none. Rows of padding are zeros.
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

  /** The result of `attend`: the output, and the state after these tokens if one was requested. */
  leave(output: Tensor): Attending {
    expectTensor('output', output);
    if (this.#state === undefined) return { output, state: null };
    const masked = this.#next[KEY_MASK] !== undefined;
    const state = { ...this.#state, position: this.position + this.#length, masked, tensors: this.#next };
    left.add(state);
    return { output, state };
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
