/**
 * Which items of a backward pass may run at the same time: no two write to the same rows, and the order of writes to a row is
 * fixed.
 */
import type { Tensor } from '../tensor.ts';
import type { Call } from './attention-call.ts';
import type { AttentionGradients } from './attention-terms.ts';

/** Puts items one after another into the first round in which no other item writes to the same places. */
export class FirstFit {
  readonly #places = new Map<string, { busy: Set<number>; free: number }>();

  /** The round of an item that writes to these places, by name. */
  take(...names: readonly string[]): number {
    const places = names.map((name) => {
      const known = this.#places.get(name) ?? { busy: new Set<number>(), free: 0 };
      this.#places.set(name, known);
      return known;
    });
    // Rounds of a place are taken in order: all before its first free round are taken.
    let round = Math.max(...places.map(({ free }) => free));
    while (places.some(({ busy }) => busy.has(round))) round++;
    for (const place of places) {
      place.busy.add(round);
      while (place.busy.has(place.free)) place.free++;
    }
    return round;
  }
}

/**
 * The heads (counted over batch entries) in groups whose backward passes can run at the same time: no two share a head of
 * keys, or add to the same part of a bias or of the relative keys.
 */
export function headsApart(
  { batch, heads, keyHeads }: Call,
  bias: Tensor | undefined,
  own: AttentionGradients,
): number[][] {
  const fit = new FirstFit();
  const lots: number[][] = [];
  const [biasBatch, biasHead] = own.bias === null ? [0, 0] : (bias as Tensor).shape;
  for (let head = 0; head < batch * heads; head++) {
    const [b, h] = [Math.floor(head / heads), head % heads];
    const lot = fit.take(
      `keys ${Math.floor(head / (heads / keyHeads))}`,
      ...(own.bias === null ? [] : [`bias ${biasBatch === 1 ? 0 : b} ${biasHead === 1 ? 0 : h}`]),
      ...(own.relativeKeys === null ? [] : [`relative ${h}`]),
    );
    lots[lot] ??= [];
    lots[lot].push(head);
  }
  return lots;
}
