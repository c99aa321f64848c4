/** Key sets as tables that kernels read. */
import type { NumericArray } from '../memory.ts';
import { elements, empty, filled, fromArray, type Tensor } from '../tensor.ts';
import type { Call } from './attention-call.ts';
import type { CheckedSet } from './check-key-sets.ts';

export function int32(numbers: ArrayLike<number>): NumericArray {
  const array = elements(empty([numbers.length], 'int32'));
  array.set(numbers);
  return array;
}

/** The distance of tables of batch entries and of heads, of which there may be one for all. */
function perTable(tensor: Tensor | undefined): [ofBatch: number, ofHead: number] {
  if (tensor === undefined) return [0, 0];
  const [b, h] = tensor.shape;
  return [b === 1 ? 0 : h, h === 1 ? 0 : 1];
}

const optional = (tensor: Tensor | undefined) => (tensor === undefined ? undefined : elements(tensor));

/** The tables of a set as kernels read them, one entry for each round: all rounds share the same tables. */
export function passesOf({ batch, queryLength, keyLength, keyMask }: Call, set: CheckedSet) {
  const { layout, blocks, queryTokens, keyTokens, queryLabels, keyLabels } = set;
  const mask = maskWithout(keyMask, set.except, batch, keyLength);
  const order = queryTokens ?? keyTokens;
  const [orderBatch, orderHead] = perTable(order);
  const [labelBatch, labelHead] = perTable(queryLabels);
  const [listBatch, listHead] = perTable(blocks?.lists);
  const runs = layout === null ? undefined : runTables(layout);
  const keyPlaces = set.once ? placesIn(keyTokens as Tensor, keyLength) : undefined;
  const isOne = queryTokens === keyTokens && queryLength === keyLength;
  const queryPlaces = set.once && !isOne ? placesIn(queryTokens as Tensor, queryLength) : keyPlaces;
  const lists = optional(blocks?.lists);
  const arrays = {
    begins: runs?.begins,
    ends: runs?.ends,
    dilations: runs?.dilations,
    queryTokens: optional(queryTokens),
    keyTokens: optional(keyTokens),
    queryPlaces,
    keyPlaces,
    queryLabels: optional(queryLabels),
    keyLabels: optional(keyLabels),
    mask: optional(mask),
  };
  const numbers = {
    queryPlaceCount: set.queryPlaces,
    keyPlaceCount: set.keyPlaces,
    keyBlock: blocks?.keyBlock ?? 0,
    listWidth: blocks?.lists.shape[3] ?? 0,
    queryBlocks: blocks?.lists.shape[2] ?? 0,
    rounds: set.rounds,
    causal: set.causal ? 1 : 0,
    once: set.once ? 1 : 0,
    orderBatch,
    orderHead,
    labelBatch,
    labelHead,
    listBatch,
    listHead,
    maskBatch: mask !== undefined && mask.shape[0] > 1 ? keyLength : 0,
  };
  return Array.from({ length: set.rounds }, (_, round) => ({
    set,
    lists,
    arrays,
    numbers: Object.assign({ round }, numbers),
  }));
}

function runTables({ heads, queryLength }: NonNullable<CheckedSet['layout']>) {
  const [begins, ends] = [heads.length * queryLength, heads.length * queryLength].map((count) =>
    elements(empty([count], 'int32')),
  );
  for (let head = 0; head < heads.length; head++) {
    begins.set(heads[head].begin, head * queryLength);
    ends.set(heads[head].end, head * queryLength);
  }
  return { begins, ends, dilations: int32(heads.map(({ dilation }) => dilation)) };
}

/** The mask of a call, [batch or 1, keyLength], without the keys of `except`. */
export function maskWithout(
  keyMask: Tensor | undefined,
  except: ArrayLike<number> | undefined,
  batch: number,
  keyLength: number,
): Tensor | undefined {
  if (except === undefined || except.length === 0) return keyMask;
  const mask =
    keyMask === undefined
      ? filled([1, keyLength], 1, 'uint8')
      : fromArray(elements(keyMask), [batch, keyLength], 'uint8');
  const flags = elements(mask);
  for (let start = 0; start < flags.length; start += keyLength) {
    for (let n = 0; n < except.length; n++) flags[start + except[n]] = 0;
  }
  return mask;
}

/** The place of every token in an order; −1 for a token that is not in it. */
function placesIn(order: Tensor, length: number): NumericArray {
  const tokens = elements(order);
  const places = order.shape[3];
  const lists = tokens.length / places;
  const result = elements(filled([lists * length], -1, 'int32'));
  for (let list = 0, at = 0; list < lists; list++) {
    for (let place = 0; place < places; place++, at++) {
      if (tokens[at] >= 0) result[list * length + tokens[at]] = place;
    }
  }
  return result;
}
