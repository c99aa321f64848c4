/**
 * A banded matrix times rows, r_i = Σ_t w_it v_{i + t − before}, and its gradients. A tile of rows meets a run of rows
 * of the other side; the band between them is written out as a small matrix with zeros around it, so that the product of
 * dense tiles does all of the work. Tiles are cut at fixed places, so the bits do not depend on the threads.
 */
import { defineKernel, type KernelNumbers } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

/** Rows of a tile. Longer tiles have more zeros around the band; shorter ones do less work with each row they read. */
export const BAND_TILE = 16;

const scratch = new Scratch();

const BAND_NUMBERS = [
  'heads',
  'length',
  /** Columns of v and r. */
  'width',
  /** k: weights of a row. */
  'taps',
  'before',
  /** 1: each row has its own weights [sequences, length, taps]; 0: all rows of a head share theirs, [heads, taps]. */
  'own',
] as const;

export type BandNumbers = KernelNumbers<(typeof BAND_NUMBERS)[number]>;

/** Rows first … end − 1 of a sequence, and the rows begin … stop − 1 that they meet. */
interface Tile {
  sequence: number;
  first: number;
  rows: number;
  begin: number;
  columns: number;
}

function tileAt(item: number, length: number, back: number, ahead: number): Tile {
  const tiles = Math.ceil(length / BAND_TILE);
  const sequence = Math.floor(item / tiles);
  const first = (item % tiles) * BAND_TILE;
  const rows = Math.min(BAND_TILE, length - first);
  const begin = Math.max(0, first - back);
  return { sequence, first, rows, begin, columns: Math.min(length, first + rows + ahead) - begin };
}

/** Room for the band of a tile. */
const bandSize = (length: number, taps: number) => BAND_TILE * Math.min(length, BAND_TILE + taps - 1);

/** `flipped`: multiplies by the transposed matrix, which turns the gradient of r into that of v. Items: sequences × tiles. */
export const bandKernel = defineKernel(
  'band',
  { arrays: ['weights', 'values', 'result'], numbers: [...BAND_NUMBERS, 'flipped'] },
  (begin, end, { weights, values, result }, { heads, length, width, taps, before, own, flipped }) => {
    const after = taps - 1 - before;
    const [back, ahead] = flipped ? [after, before] : [before, after];
    const band = scratch.get('band', values, bandSize(length, taps));
    for (let item = begin; item < end; item++) {
      const tile = tileAt(item, length, back, ahead);
      const start = own ? tile.sequence * length * taps : (tile.sequence % heads) * taps;
      band.fill(0, 0, tile.rows * tile.columns);
      for (let i = tile.first; i < tile.first + tile.rows; i++) {
        const stop = Math.min(tile.begin + tile.columns, i + ahead + 1);
        const at = (i - tile.first) * tile.columns - tile.begin;
        const from = Math.max(tile.begin, i - back);
        // Weight t of row n joins it with row n + t − before.
        if (flipped) {
          const first = start + i + before;
          const step = own ? taps - 1 : -1;
          for (let j = from; j < stop; j++) band[at + j] = weights[first + step * j];
        } else {
          const first = start + (own ? i * taps : 0) + before - i;
          for (let j = from; j < stop; j++) band[at + j] = weights[first + j];
        }
      }
      const target = block(result, (tile.sequence * length + tile.first) * width, width);
      const source = block(values, (tile.sequence * length + tile.begin) * width, width);
      multiplyTile(target, block(band, 0, tile.columns), source, tile.rows, width, tile.columns, 1, false);
    }
  },
);

/**
 * w̄_it = r̄_i · v_{i + t − before}, and zero where there is no such row. `result`: [sequences, length, taps] where each row
 * has its own weights, else [sequences, tiles, taps], the sum of each tile. Items: sequences × tiles.
 */
export const bandWeightsKernel = defineKernel(
  'band-weights',
  { arrays: ['gradient', 'values', 'result'], numbers: BAND_NUMBERS },
  (begin, end, { gradient, values, result }, { length, width, taps, before, own }) => {
    const pairs = scratch.get('pairs', values, bandSize(length, taps));
    const sums = new Float64Array(taps);
    for (let item = begin; item < end; item++) {
      const { sequence, first, rows, begin: from, columns } = tileAt(item, length, before, taps - 1 - before);
      const left = block(gradient, (sequence * length + first) * width, width);
      const right = transposed(block(values, (sequence * length + from) * width, width));
      multiplyTile(block(pairs, 0, columns), left, right, rows, columns, width, 1, false);
      sums.fill(0);
      for (let i = first; i < first + rows; i++) {
        for (let t = 0; t < taps; t++) {
          const column = i + t - before - from;
          const product = column >= 0 && column < columns ? pairs[(i - first) * columns + column] : 0;
          if (own) result[(sequence * length + i) * taps + t] = product;
          else sums[t] += product;
        }
      }
      if (!own) for (let t = 0; t < taps; t++) result[item * taps + t] = sums[t];
    }
  },
);
