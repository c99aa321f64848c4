/** Checks key sets against the sizes of a call and fills in their defaults. */
import { ArgumentError, expectInteger, expectShape, formatShape, ShapeError } from '../errors.ts';
import { expectBoolean, expectRecord, optional } from '../expect.ts';
import { elements, fromArray, placementOf, Tensor, viewAt } from '../tensor.ts';
import type { ListedKeys } from './attention-listed.ts';
import type { TurnedLists } from './attention-turned.ts';
import { expectInt32, expectPositions } from './check.ts';
import type { BlockSet, KeySet, PairRules, RunSet, TokenOrder } from './key-sets.ts';
import { type AttentionLayout, expectLayout } from './layout.ts';

export const isBlockSet = (set: KeySet): set is BlockSet => 'lists' in set;

/** A set as the planner reads it: without defaults left open, and with orders and labels as tensors of four axes. */
export interface CheckedSet {
  layout: AttentionLayout | null;
  /** `ascending`: every list ascends, and −1s follow. */
  blocks: { queryBlock: number; keyBlock: number; lists: Tensor; ascending: boolean } | null;
  /** Lists of blocks that were turned around; the set then has neither a layout nor blocks. */
  turned?: TurnedLists;
  /** Lists of small blocks, as lists of keys. */
  listed?: ListedKeys;
  queryPlaces: number;
  keyPlaces: number;
  rounds: number;
  queryTokens: Tensor | undefined;
  keyTokens: Tensor | undefined;
  queryLabels: Tensor | undefined;
  keyLabels: Tensor | undefined;
  except: ArrayLike<number> | undefined;
  causal: boolean;
  once: boolean;
  stopsGradient: boolean;
}

interface SetSizes {
  batch: number;
  heads: number;
  queryLength: number;
  keyLength: number;
  queryStart: number;
}

const flag = optional(expectBoolean);
const switches = { causal: flag, stopsGradient: flag, once: flag };

/**
 * Checks a set against the sizes of a call. Throws ShapeError or ArgumentError, with the name of the argument, for arguments
 * that do not fit.
 */
export function checkSet(name: string, given: KeySet, sizes: SetSizes): CheckedSet {
  expectRecord(name, given);
  const set = 'heads' in given ? { layout: given as AttentionLayout } : (given as RunSet | BlockSet);
  expectRecord(name, set, switches);
  const { causal = false, stopsGradient = false, except } = set;
  if (except !== undefined) expectPositions(`${name}.except`, except, 0, sizes.keyLength);
  const { queryTokens, keyTokens } = set;
  const q = orderShape(`${name}.queryTokens`, queryTokens, sizes, sizes.queryLength);
  const isOne = queryTokens === keyTokens && sizes.queryLength === sizes.keyLength;
  const k = isOne ? q : orderShape(`${name}.keyTokens`, keyTokens, sizes, sizes.keyLength);
  const queryPlaces = q?.[3] ?? sizes.queryLength;
  const keyPlaces = k?.[3] ?? sizes.keyLength;
  const labels = labelsOf(`${name}.labels`, set.labels, sizes);
  const all = [q, k, labels?.queries.shape, labels?.keys.shape];
  let rounds = 1;
  for (const shape of all) if (shape !== undefined && shape[2] > rounds) rounds = shape[2];
  for (const shape of all) {
    if (shape === undefined || shape[2] === rounds) continue;
    throw new ShapeError(`${name}: expected ${rounds} rounds of every order and of labels, got ${shape[2]}`);
  }
  if (q !== undefined && k !== undefined) {
    expectShape(`${name}.keyTokens`, k.slice(0, 3), q.slice(0, 3), 'to match queryTokens');
  }
  const keyOrder = keyTokens && orderTensor(keyTokens);
  const common = {
    queryTokens: queryTokens === keyTokens ? keyOrder : queryTokens && orderTensor(queryTokens),
    keyTokens: keyOrder,
    queryLabels: labels?.queries,
    keyLabels: labels?.keys,
    queryPlaces,
    keyPlaces,
    rounds,
    except,
    causal,
    stopsGradient,
  };
  if (isBlockSet(set)) {
    if (rounds > 1) throw new ArgumentError(`${name}: expected one round of a block set, got ${rounds}`);
    const blocks = checkLists(name, set, sizes, queryPlaces, keyPlaces);
    return Object.assign(common, { layout: null, blocks, once: false });
  }
  const { layout, once = false } = set;
  expectLayout(`${name}.layout`, layout);
  if (layout.queryLength !== queryPlaces || layout.keyLength !== keyPlaces) {
    throw new ShapeError(
      `${name}.layout: expected ${queryPlaces} queries and ${keyPlaces} keys, got ${layout.queryLength} and ${layout.keyLength}`,
    );
  }
  if (layout.heads.length !== 1 && layout.heads.length !== sizes.heads) {
    throw new ShapeError(
      `${name}.layout: expected runs for ${sizes.heads} heads, or one for all, got ${layout.heads.length}`,
    );
  }
  if (once && (q === undefined || k === undefined)) {
    throw new ArgumentError(`${name}.once: expected an order of queries and of keys in every round, got none`);
  }
  return Object.assign(common, { layout, blocks: null, once });
}

/** Throws unless it is int32 [batch or 1, heads or 1, (rounds,) last]. Returns it with an axis of rounds. */
function withRounds(name: string, tensor: Tensor, { batch, heads }: SetSizes): Tensor {
  expectInt32(name, tensor);
  const { shape } = tensor;
  const [b, h] = shape;
  const has = shape.length === 3 || shape.length === 4;
  if (!has || (b !== 1 && b !== batch) || (h !== 1 && h !== heads)) {
    throw new ShapeError(`${name}: expected [${batch} or 1, ${heads} or 1, rounds, places], got ${formatShape(shape)}`);
  }
  return shape.length === 4 ? tensor : withAxis(tensor);
}

/** [batch, heads, length] as [batch, heads, 1, length]. */
function withAxis(tensor: Tensor): Tensor {
  const { shape, stride, offset } = placementOf(tensor);
  const [b, h, length] = shape;
  const [ofBatch, ofHead, step] = stride;
  return viewAt(tensor, [b, h, 1, length], offset, [ofBatch, ofHead, length * step, step]);
}

/** The shape of an order, [batch or 1, heads or 1, rounds, places]. Throws unless its tokens exist and none appears twice. */
function orderShape(
  name: string,
  order: TokenOrder | undefined,
  sizes: SetSizes,
  length: number,
): readonly number[] | undefined {
  if (order === undefined) return undefined;
  const isList = order instanceof Int32Array;
  const shape = isList ? [1, 1, 1, order.length] : withRounds(name, order, sizes).shape;
  const tokens = isList ? order : elements(order);
  const seen = new Int32Array(length).fill(-1);
  for (let list = 0, at = 0; at < tokens.length; list++) {
    for (let place = 0; place < shape[3]; place++, at++) {
      const token = tokens[at];
      if (token === -1) continue;
      if (token < -1 || token >= length) {
        throw new ArgumentError(`${name}: expected −1 to ${length - 1}, got ${token} at element ${at}`);
      }
      if (seen[token] === list) {
        throw new ArgumentError(`${name}: expected every token once, got ${token} again at element ${at}`);
      }
      seen[token] = list;
    }
  }
  return shape;
}

function orderTensor(order: TokenOrder): Tensor {
  if (order instanceof Int32Array) return fromArray(order, [1, 1, 1, order.length], 'int32');
  return order.shape.length === 4 ? order : withAxis(order);
}

function labelsOf(name: string, labels: PairRules['labels'], sizes: SetSizes) {
  if (labels === undefined) return undefined;
  const isOne = labels instanceof Tensor;
  if (!isOne) expectRecord(name, labels);
  const { queries, keys } = isOne ? { queries: labels, keys: labels } : labels;
  const ofQueries = withRounds(isOne ? name : `${name}.queries`, queries, sizes);
  const ofKeys = withRounds(isOne ? name : `${name}.keys`, keys, sizes);
  const expected = (tensor: Tensor, length: number) => [...tensor.shape.slice(0, 3), length];
  expectShape(name, ofQueries.shape, expected(ofQueries, sizes.queryLength), 'to match queries');
  expectShape(name, ofKeys.shape, [...ofQueries.shape.slice(0, 3), sizes.keyLength], 'to match keys');
  return { queries: ofQueries, keys: ofKeys };
}

function checkLists(
  name: string,
  { queryLength, keyLength, queryBlock, keyBlock, lists, causal, keyTokens }: BlockSet,
  sizes: SetSizes,
  queryPlaces: number,
  keyPlaces: number,
): NonNullable<CheckedSet['blocks']> {
  if (queryLength !== queryPlaces || keyLength !== keyPlaces) {
    throw new ShapeError(
      `${name}: expected ${queryPlaces} queries and ${keyPlaces} keys, got ${queryLength} and ${keyLength}`,
    );
  }
  expectInteger(`${name}.queryBlock`, queryBlock, 1);
  expectInteger(`${name}.keyBlock`, keyBlock, 1);
  expectInt32(`${name}.lists`, lists);
  const [b, h, blocks, width] = lists.shape;
  const [queryBlocks, keyBlocks] = [Math.ceil(queryPlaces / queryBlock), Math.ceil(keyPlaces / keyBlock)];
  const fits = lists.shape.length === 4 && (b === 1 || b === sizes.batch) && (h === 1 || h === sizes.heads);
  if (!fits || blocks !== queryBlocks) {
    throw new ShapeError(
      `${name}.lists: expected [${sizes.batch} or 1, ${sizes.heads} or 1, ${queryBlocks}, width], got ${formatShape(lists.shape)}`,
    );
  }
  const chosen = elements(lists);
  const seen = new Int32Array(keyBlocks).fill(-1);
  const rows = width === 0 ? 0 : chosen.length / width;
  let ascending = true;
  for (let list = 0; list < rows; list++) {
    const first = list * width;
    const last = Math.min(queryPlaces, ((list % queryBlocks) + 1) * queryBlock) - 1 + sizes.queryStart;
    const most =
      causal && keyTokens === undefined ? Math.min(keyBlocks - 1, Math.floor(last / keyBlock)) : keyBlocks - 1;
    // An ascending list names no block twice.
    const count = ascendingBlocks(chosen, first, width);
    if (count >= 0 && (count === 0 || (chosen[first] >= 0 && chosen[first + count - 1] <= most))) continue;
    ascending = false;
    for (let at = first; at < first + width; at++) {
      const block = chosen[at];
      if (block === -1) continue;
      if (block < -1 || block >= keyBlocks) {
        throw new ArgumentError(`${name}.lists: expected −1 to ${keyBlocks - 1}, got ${block} at element ${at}`);
      }
      if (seen[block] === list) {
        throw new ArgumentError(
          `${name}.lists: expected every block once in a list, got ${block} again at element ${at}`,
        );
      }
      seen[block] = list;
      if (block <= most) continue;
      throw new ArgumentError(
        `${name}.lists: expected no block after the queries in a causal set, got ${block} at element ${at}, which begins at ` +
          `key ${block * keyBlock}, after query ${last}`,
      );
    }
  }
  return { queryBlock, keyBlock, lists, ascending };
}

/** How many numbers of a list ascend, if only −1s follow; −1 if the list is another. */
function ascendingBlocks(lists: ArrayLike<number>, first: number, width: number): number {
  let [n, before] = [first, -1];
  for (; n < first + width; n++) {
    const block = lists[n];
    if (block <= before) break;
    before = block;
  }
  const count = n - first;
  for (; n < first + width; n++) if (lists[n] !== -1) return -1;
  return count;
}
