/** Cases of nsa.spec.ts: what is drawn, and the loops that are told the same. */
import fc from 'fast-check';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { checkInputs, drawParameters } from '../../src/variants/attend.ts';
import { type NsaOptions, nsa } from '../../src/variants/nsa.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { roundings } from '../laws/choices.ts';
import { type Choose, type Heads, nsaWrittenOut, type WrittenOut } from './nsa-written-out.ts';

export const cases = fc
  .record({
    length: fc.integer({ min: 1, max: 48 }),
    groups: fc.integer({ min: 1, max: 2 }),
    groupSize: fc.integer({ min: 1, max: 3 }),
    headDim: fc.integer({ min: 1, max: 6 }),
    valueDim: fc.integer({ min: 1, max: 5 }),
    compressionBlock: fc.integer({ min: 1, max: 8 }),
    stride: fc.integer({ min: 1, max: 8 }),
    selectionBlock: fc.integer({ min: 1, max: 8 }),
    selectedBlocks: fc.integer({ min: 3, max: 6 }),
    window: fc.integer({ min: 1, max: 12 }),
    compressor: fc.constantFrom('mlp' as const, 'mean' as const),
    masked: fc.boolean(),
    dtype: fc.constantFrom('float32' as const, 'float64' as const),
    norm: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
    seed: fc.nat(),
  })
  .map((drawn) => {
    const most = (size: number) => Math.min(size, drawn.length);
    const { compressionBlock, stride, selectionBlock, window } = drawn;
    const sizes = { compressionBlock, stride, selectionBlock, window };
    const limited = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, most(size)]));
    return { ...drawn, ...(limited as typeof sizes), heads: drawn.groups * drawn.groupSize };
  });

export type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

export interface Run {
  inputs: AttentionInputs & { gates: Record<string, Tensor> };
  options: Partial<NsaOptions>;
  parameters: Parameters;
}

/** Inputs, options and parameters of a case; parameters are random, so that φ is no mean. */
export function runOf(drawn: Case): Run {
  const { length, heads, headDim, valueDim, dtype, norm, seed } = drawn;
  const random = new Random(seed);
  const draw = (name: string, width: number, size = 1) => {
    const x = randomNormal([1, heads, length, width], random.split(name), dtype);
    return fromArray(
      x.toArray().map((each) => each * size),
      x.shape,
      dtype,
    );
  };
  const gate = (name: string) => {
    const numbers = new Float64Array(heads * length);
    random.split(name).fillUniform(numbers, 0, 1);
    return fromArray(numbers, [1, heads, length], dtype);
  };
  const mask = Uint8Array.from({ length }, () => (drawn.masked && random.integer(3) === 0 ? 0 : 1));
  const inputs = {
    queries: draw('queries', headDim, norm),
    keys: draw('keys', headDim),
    values: draw('values', valueDim),
    gates: { compressed: gate('compressed'), selected: gate('selected'), window: gate('window') },
    ...(drawn.masked && { keyMask: fromArray(mask, [1, length], 'uint8') }),
  };
  const { compressionBlock, stride, selectionBlock, selectedBlocks, window, groupSize, compressor } = drawn;
  const options = { compressionBlock, stride, selectionBlock, selectedBlocks, window, groupSize, compressor };
  const complete = nsa.defaults(length, options);
  const names = Object.entries(drawParameters<NsaOptions>(nsa, complete, checkInputs(inputs), 0));
  const parameters = names.map(([name, { shape }]) => {
    const size = name === 'W1' ? 1 / Math.sqrt(shape[0]) : 0.5;
    return [
      name,
      fromArray(
        randomNormal(shape, random.split(name), dtype)
          .toArray()
          .map((x) => size * x),
        shape,
        dtype,
      ),
    ];
  });
  return { inputs, options, parameters: Object.fromEntries(parameters) };
}

/** Rows of the first batch entry. */
function headsOf({ shape, ...tensor }: Tensor, data = elements(tensor as Tensor)): Heads {
  const [, heads, length, width] = shape;
  return Array.from({ length: heads }, (_, h) =>
    Array.from({ length }, (_, t) => [...data.subarray((h * length + t) * width, (h * length + t + 1) * width)]),
  );
}

/** Without `choose`, the loops choose by their own scores. */
export function writtenOut(drawn: Case, { inputs, parameters }: Run, choose?: Choose): Heads {
  const { length, headDim, heads } = drawn;
  const of = (tensor: Tensor) => headsOf(tensor, tensor.toArray() as Float64Array);
  const gates = ['compressed', 'selected', 'window'].map((name) =>
    Array.from({ length: heads }, (_, h) => [...inputs.gates[name].toArray().slice(h * length, (h + 1) * length)]),
  );
  const numbers = Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [name, tensor.toArray()]));
  const meanOf = (rows: number[][]) => rows[0].map((_, c) => rows.reduce((sum, row) => sum + row[c], 0) / rows.length);
  const mlpOf = (rows: number[][], head: number, size = (x: number) => x) => {
    const l = rows.length;
    const placed = rows.map((row, i) => row.map((x, c) => size(x) + size(numbers.e[(head * l + i) * headDim + c])));
    const flat = placed.flat();
    const hidden = Array.from({ length: headDim }, (_, m) =>
      Math.max(
        0,
        flat.reduce((sum, x, at) => sum + x * size(numbers.W1[at * headDim + m]), 0),
      ),
    );
    return meanOf(placed).map(
      (x, c) => x + hidden.reduce((sum, each, m) => sum + each * size(numbers.W2[m * headDim + c]), 0),
    );
  };
  const settings: WrittenOut = {
    l: drawn.compressionBlock,
    d: drawn.stride,
    block: drawn.selectionBlock,
    n: drawn.selectedBlocks,
    w: drawn.window,
    group: drawn.groupSize,
    real: Array.from({ length }, (_, j) => inputs.keyMask === undefined || inputs.keyMask.toArray()[j] === 1),
    gates,
    compressKeys(rows, head) {
      return drawn.compressor === 'mean' ? meanOf(rows) : mlpOf(rows, head);
    },
    // Of sums of products: the same sums of sizes, times the roundings on the way of a product. A relu makes no error larger.
    roundingOfKeys(rows, head) {
      const sizes = rows.map((row) => row.map(Math.abs));
      const most = drawn.compressor === 'mean' ? meanOf(sizes) : mlpOf(sizes, head, Math.abs);
      const each = roundings(rows.length * headDim + headDim + rows.length + 4, drawn.dtype);
      return most.map((size) => each * size);
    },
    compressValues(rows, head) {
      if (drawn.compressor === 'mean') return meanOf(rows);
      return rows[0].map((_, c) => rows.reduce((sum, row, i) => sum + numbers.a[head * rows.length + i] * row[c], 0));
    },
  };
  return nsaWrittenOut(of(inputs.queries), of(inputs.keys), of(inputs.values), settings, choose);
}

/** Rounding of float32 keys moves scores of norm 100 by about 1e-4 of 100, and weights with them. */
export const toleranceOf = ({ dtype, norm }: Case) => (dtype === 'float64' ? 1e-11 : 2e-6) * Math.max(1, 10 * norm);
