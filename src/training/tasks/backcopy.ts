/**
 * Backcopy, after the bigram-backcopy task of Guo et al. 2024 (§2): each byte is drawn by the one before it, but two bytes after a
 * capital letter comes that letter again, as a small one. A text begins with a byte of its own.
 *
 *     NUL t h I n i _ W a w S _ s O f o _ t H e h
 *
 * A head that copies has nothing to do at the other bytes, but the weights of a softmax sum to 1. A trained model rests it on the
 * first byte: an attention sink. `npm run sink-table` takes the sink away from one.
 *
 * Departs from the paper: there the byte between decides, one of a few triggers, and here the copied one. With rotary positions a
 * model hardly needs a sink then, because it can make the queries short that are no triggers: with triggers e, t and o, and after
 * 800 steps on 256 bytes, a window of 64 cost 0.002 bits. Here every query has to look whether there is a capital.
 */
import { expectInteger } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Task, TaskDefinition } from './task.ts';

/** The first byte of each text; it never comes again. */
export const BEGIN = 0;
/** The share of capitals among the letters that are drawn. */
export const CAPITALS = 0.5;

/**
 * The bytes that follow each byte in Alice, chapter 1 (fixtures/text), and how often: in small letters, and with a space, _, for
 * whatever is no letter.
 */
const FOLLOWERS: Readonly<Record<string, string>> = {
  ' ': 't69 a54 s49 w44 o37 h29 i29 d21 f18 b17 p15 c11 m11 n11 r10 l9 v7 g5 u5 e4 j3 k1 q1',
  a: 't23 n22 s21 r14 _12 l12 b10 d8 i7 y4 c3 f3 k3 p3 g2 v2 w1',
  b: 'o8 b6 e6 i6 u6 l2 y2 a1',
  c: 'e10 o8 h4 t4 u4 k3 r2 c1 l1',
  d: '_47 e16 o8 i5 a4 d3 s3 g1 r1 y1',
  e: '_86 r43 d18 n18 l16 e10 a8 s8 t7 p4 m3 f2 g2 i2 v2 y2 b1 x1',
  f: '_16 o9 e5 i3 t3 a1 l1 r1',
  g: '_19 e7 h4 a1 i1 o1 r1 s1',
  h: 'e73 a18 _11 i7 o7 t4 u2',
  i: 't36 n35 c12 s9 d6 e4 m3 o3 k2 l2 r2 _1 g1 p1',
  j: 'a2 u1',
  k: '_12 e8 i3 a1',
  l: 'l13 _11 i10 e9 o6 y6 a5 d4 f3 v2',
  m: 'e9 a8 i3 o2 _1 p1 u1',
  n: '_30 d22 g20 t10 o8 e7 k4 s4 a3 l3 c2 i2 n2 v2 y1',
  o: '_30 r17 n16 u15 f13 o10 w10 k9 t7 m6 a4 s4 c3 p3 h2 i2 l2 d1 v1',
  p: 'i7 _5 e5 o5 p4 a2 b2 l2 s1 t1 u1 y1',
  q: 'u1',
  r: '_40 e16 a11 y7 i5 o5 s5 d3 t3 k2 n2 r2 g1 l1 m1 w1',
  s: '_37 h24 t11 e10 i8 o7 a5 u4 s3 l2 y1',
  t: '_74 h51 o26 e10 i9 u8 c4 r3 y3 a2 s2 t2 m1 w1',
  u: 't14 r9 n6 p5 d3 g3 l2 s2 a1 b1 c1 i1',
  v: 'e15 i1',
  w: 'a19 e8 h8 n8 i6 o5 _2 l1',
  x: 't1',
  y: '_26 e1 t1',
};

const SPACE = 32;
/** From a capital to its small letter in ASCII. */
const TO_SMALL = 32;

export const backcopy: TaskDefinition = {
  name: 'backcopy',
  summary: 'Predict bytes of which each depends on the last one, or is a copy of a capital before it',
  source: 'Guo et al. 2024, §2, with capitals in place of triggers',
  defaults: { length: 128 },
  brief: { length: 64, layers: 1, modelDim: 32, heads: 1, rate: 0.01 },

  make({ length }): Task {
    expectInteger('length', length, 3);
    return {
      name: 'backcopy',
      kind: 'causal',
      settings: { length },
      vocabulary: 256,
      classes: 256,
      length,
      accuracy: 'target',
      chance: 1 / (2 * Object.keys(FOLLOWERS).length),
      alphabet: 'bytes',
      draw(_, random) {
        const tokens = new Uint8Array(length + 1);
        for (let n = 1; n <= length; n++) {
          tokens[n] = isCopied(tokens, n) ? tokens[n - 2] + TO_SMALL : drawAfter(tokens[n - 1], random);
        }
        return { tokens: tokens.subarray(0, length), targets: tokens.subarray(1) };
      },
    };
  },
};

const isCapital = (byte: number | undefined): boolean => byte !== undefined && byte >= 65 && byte <= 90;

/** Whether byte n of a text is a copy. */
export function isCopied(bytes: ArrayLike<number>, n: number): boolean {
  return isCapital(bytes[n - 2]);
}

/** The probabilities of the bytes after this one where none is copied. */
export function followersOf(byte: number): ReadonlyMap<number, number> {
  const small = byte === BEGIN ? SPACE : isCapital(byte) ? byte + TO_SMALL : byte;
  const pairs = FOLLOWERS[String.fromCharCode(small)].split(' ').map((pair) => {
    return [pair[0] === '_' ? SPACE : pair.charCodeAt(0), Number(pair.slice(1))] as const;
  });
  const total = pairs.reduce((sum, [, count]) => sum + count, 0);
  return new Map(
    pairs.flatMap(([next, count]): [number, number][] => {
      const share = count / total;
      if (next === SPACE) return [[next, share]];
      return [
        [next, (1 - CAPITALS) * share],
        [next - TO_SMALL, CAPITALS * share],
      ];
    }),
  );
}

const tables = new Map<number, ReadonlyMap<number, number>>();

function drawAfter(byte: number, random: Random): number {
  const table = tables.get(byte) ?? followersOf(byte);
  tables.set(byte, table);
  let left = random.uniform();
  let drawn = BEGIN;
  // Rounding may leave a little after the last.
  for (const [next, probability] of table) {
    drawn = next;
    left -= probability;
    if (left < 0) break;
  }
  return drawn;
}
