/** How many pairs of query and key a variant allows: counted, and by its formula. */
import { hasPattern } from '../../src/compare/patterns/grid.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionShape, CommonOptions } from '../../src/variants/variant.ts';
import type { Pairs } from './protocol.ts';

/** Counting asks about every pair: a million a head takes some ten milliseconds. */
const LONGEST_COUNTED = 1024;

/** Null for a variant that weighs every pair, or none of them as such. `options` are complete. */
export function pairsOf(variant: AnyVariant, shape: AttentionShape, options: CommonOptions): Pairs | null {
  if (!hasPattern(variant)) return null;
  const { heads, keyLength: length } = shape;
  const formula = FORMULAS[variant.name]?.(length, options as never, heads) ?? null;
  const counted = length <= LONGEST_COUNTED ? count(variant, shape, options) : null;
  const all = options.causal ? (length * (length + 1)) / 2 : length ** 2;
  return { counted, all, formula };
}

/** Of one head; the mean where they differ. */
function count(variant: AnyVariant, shape: AttentionShape, options: CommonOptions): number {
  const { heads, keyLength: length } = shape;
  const allowed = (variant.pattern as NonNullable<typeof variant.pattern>)(options, shape);
  let pairs = 0;
  for (let head = 0; head < heads; head++) {
    for (let query = 0; query < length; query++) {
      const end = options.causal ? query + 1 : length;
      for (let key = 0; key < end; key++) if (allowed(head, query, key)) pairs++;
    }
  }
  return pairs / heads;
}

type Formula = NonNullable<Pairs['formula']>;

/**
 * What the papers' costs say in pairs of one head, for sequences that are long beside a window or a block: at the ends
 * windows are cut off, and a pair that two rules allow is counted by both.
 */
const FORMULAS: Readonly<Record<string, (L: number, options: never, heads: number) => Formula>> = {
  full: (L, { causal }: CommonOptions) => halved(causal, { text: 'L·L', symbols: { L }, pairs: L * L }),

  longformer(L, options: CommonOptions & { attentionWindow: number; globalPositions: readonly number[] }) {
    const { causal, attentionWindow: w, globalPositions } = options;
    const g = globalPositions.length;
    const symbols = { L, w, g };
    const globals = g === 0 ? '' : causal ? ' + g·L' : ' + 2·g·L';
    return causal
      ? { text: `L·(w/2 + 1)${globals}`, symbols, pairs: L * (w / 2 + 1) + g * L }
      : { text: `L·(w + 1)${globals}`, symbols, pairs: L * (w + 1) + 2 * g * L };
  },

  bigbird(L, options: CommonOptions & BigBirdSizes) {
    const { blockSize: b, randomBlocks: r, globalBlocks: g, construction } = options;
    // Global blocks are at both ends or in front; they attend to all, and all to them.
    const times = construction === 'itc' ? 4 : 2;
    return { text: `L·b·(3 + r + ${times}·g)`, symbols: { L, b, r, g }, pairs: L * b * (3 + r + times * g) };
  },

  'sparse-transformer'(L, options: CommonOptions & SparseSizes, heads) {
    const { causal, pattern, stride: l, summaryColumns: c } = options;
    const symbols = { L, l, c };
    const [near, nearText] = pattern === 'strided' ? [2 * l, '2·l'] : [l, 'l'];
    const [far, farText] = pattern === 'strided' ? [L / l, 'L/l'] : [(c * L) / l, 'c·L/l'];
    if (options.heads === 'second') return halved(causal, { text: `L·${farText}`, symbols, pairs: L * far });
    const isSplit = options.heads === 'split';
    if (options.heads === 'first' || (isSplit && heads === 1))
      return halved(causal, { text: `L·${nearText}`, symbols, pairs: L * near });
    const both = { text: `L·(${nearText} + ${farText})`, symbols, pairs: L * (near + far) };
    return halved(causal, halved(isSplit, both));
  },

  'local-attention'(L, { causal, chunkLength: m }: CommonOptions & { chunkLength: number }) {
    const chunks = causal ? 1.5 : 3;
    return { text: `L·${chunks}·m`, symbols: { L, m }, pairs: L * chunks * m };
  },

  'light-conv': convolution,
  'dynamic-conv': convolution,

  'transformer-xl'(L, options: CommonOptions & { segmentLength: number; memoryLength: number }) {
    const { causal, segmentLength: S, memoryLength: M } = options;
    const symbols = { L, S, M };
    return causal
      ? { text: 'L·(S/2 + M)', symbols, pairs: L * (S / 2 + M) }
      : { text: 'L·(S + M)', symbols, pairs: L * (S + M) };
  },
};

function convolution(L: number, { kernelWidth: k }: CommonOptions & { kernelWidth: number }): Formula {
  return { text: 'L·k', symbols: { L, k }, pairs: L * k };
}

function halved(really: boolean, { text, symbols, pairs }: Formula): Formula {
  return really ? { text: `½·${text}`, symbols, pairs: pairs / 2 } : { text, symbols, pairs };
}

interface BigBirdSizes {
  blockSize: number;
  globalBlocks: number;
  randomBlocks: number;
  construction: 'itc' | 'etc';
}

interface SparseSizes {
  pattern: 'strided' | 'fixed';
  stride: number;
  summaryColumns: number;
  heads: 'split' | 'merged' | 'first' | 'second';
}
