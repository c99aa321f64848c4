/** What a layer projects from its values (`layer.fromValues`): against plain loops, in pieces, its gradients, and what is refused. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import type { AttentionPlace, AttentionSettings } from '../../src/training/mixing.ts';
import { build } from '../../src/training/module.ts';
import { defineVariant } from '../../src/variants/define.ts';
import type { LayerParts } from '../../src/variants/layer-parts.ts';
import { mamba } from '../../src/variants/mamba.ts';
import { register } from '../../src/variants/registry.ts';
import { assertClose } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkParameters, maskOf, stir } from './modules.ts';

const normal = (shape: number[], seed: number) => randomNormal(shape, new Random(seed), 'float64');
const PLACE: AttentionPlace = {
  ...{ modelDim: 6, heads: 2, headDim: 4, length: 12, causal: true, rotary: false, dtype: 'float64' },
};
function attentionOf(place: Partial<AttentionPlace> = {}, settings: Partial<AttentionSettings> = {}, seed = 1) {
  const whole = { variant: 'mamba', ...settings };
  const attention = build(() => new MultiHeadAttention(whole, { ...PLACE, ...place }, new Random(seed)));
  stir(attention.tensors(), seed);
  return attention;
}

type Rows = Float64Array[];
const rowsOf = (tensor: Tensor, width: number): Rows => {
  const numbers = tensor.toArray() as Float64Array;
  return Array.from({ length: numbers.length / width }, (_, n) => numbers.slice(n * width, (n + 1) * width));
};

/** x W + b, or x W₁ W + b, of the parts of this name. */
function projected(tensors: ReadonlyMap<string, Tensor>, name: string, x: Rows): Rows {
  const times = (rows: Rows, weight: Tensor): Rows => {
    const [, outputs] = weight.shape;
    const w = elements(weight);
    return rows.map((row) =>
      Float64Array.from({ length: outputs }, (_, o) =>
        row.reduce((sum, each, i) => sum + each * w[i * outputs + o], 0),
      ),
    );
  };
  const [inner, weight, bias] = ['inner', 'weight', 'bias'].map((part) => tensors.get(`${name}.${part}`));
  const last = inner === undefined ? x : times(x, inner);
  return times(last, weight as Tensor).map((row) => row.map((each, o) => each + elements(bias as Tensor)[o]));
}

const drawn = fc.record({
  ...{ batch: fc.integer({ min: 1, max: 2 }), length: fc.integer({ min: 1, max: 9 }) },
  ...{ modelDim: fc.integer({ min: 1, max: 7 }), heads: fc.integer({ min: 1, max: 3 }) },
  ...{ headDim: fc.integer({ min: 1, max: 5 }), size: fc.constantFrom(1e-3, 1, 100), seed: fc.nat() },
});

test('queries, keys and gates are projections of x after its convolution and its SiLU, of all heads together', () => {
  fc.assert(
    fc.property(drawn, ({ batch, length, modelDim, heads, headDim, size, seed }) => {
      const attention = attentionOf({ modelDim, heads, headDim }, {}, seed);
      const tensors = attention.tensors();
      const x = normal([batch, length, modelDim], seed);
      for (let n = 0; n < x.size; n++) elements(x)[n] *= size;
      const inner = heads * headDim;
      const raw = projected(tensors, 'value', rowsOf(x, modelDim));
      const taps = elements(tensors.get('convolution.values') as Tensor);
      const values = raw.map((_, n) =>
        Float64Array.from({ length: inner }, (_, c) => {
          let sum = 0;
          for (let back = 0; back < 4 && back <= n % length; back++)
            sum += taps[(3 - back) * inner + c] * raw[n - back][c];
          return sum / (1 + Math.exp(-sum));
        }),
      );
      const expected = {
        values,
        queries: projected(tensors, 'query', values),
        keys: projected(tensors, 'key', values),
        delta: projected(tensors, 'gates.delta', values).map((row) => row.map((each) => softplus(each))),
      };
      const { gates, ...inputs } = noGrad(() => attention.inputs(x));
      for (const [name, rows] of Object.entries(expected)) {
        const made = name === 'delta' ? gates?.delta : inputs[name as 'values'];
        const data = Float64Array.from({ length: rows.length * inner }, (_, at) => {
          const [c, t, h] = [
            at % headDim,
            Math.floor(at / headDim) % length,
            Math.floor(at / headDim / length) % heads,
          ];
          return rows[Math.floor(at / headDim / length / heads) * length + t][h * headDim + c];
        });
        // Sums of products of numbers up to a hundred times ten.
        const largest = data.reduce((most, each) => Math.max(most, Math.abs(each)), 1);
        assertClose(made as Tensor, { shape: [batch, heads, length, headDim], data }, 1e-11 * largest, name);
      }
    }),
    { numRuns: 30 },
  );
});

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

test('pieces of any lengths give the rows of the whole, from sparse projections too', () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 4 });
  const sparse = { projections: 'multiplicative', modules: 2 } as const;
  fc.assert(
    fc.property(cuts, fc.boolean(), fc.nat(), (cut, isSparse, seed) => {
      const attention = attentionOf({ modelDim: 8 }, isSparse ? sparse : {}, seed);
      const x = normal([2, 9, 8], seed);
      const whole = noGrad(() => attention.forward(x, { training: false }));
      const steps = attention.startSteps(2);
      const ends = [...cut.sort((a, b) => a - b), 9];
      for (const [n, end] of ends.entries()) {
        const begin = n === 0 ? 0 : ends[n - 1];
        const piece = steps.step(slice(x, 1, begin, end));
        const rows = slice(whole, 1, begin, end);
        assertClose(piece, { shape: rows.shape, data: rows.toArray() as Float64Array }, 1e-12);
      }
      assert.equal(
        Object.keys(steps.state()?.tensors ?? {}).filter((name) => name.startsWith('layer.v')),
        ['layer.values'],
      );
      steps.end();
    }),
    { numRuns: 12 },
  );
});

test('gradients pass through the values, with and without padding', () => {
  const attention = attentionOf();
  const x = normal([2, 7, 6], 3).withGrad();
  for (const keyMask of [undefined, maskOf([7, 4], 7)]) {
    checkParameters(() => attention.forward(x, { training: true, keyMask }), attention.tensors(), [x]);
  }
});

test('only values have a convolution, and a layer without its parts projects its tokens', () => {
  const names = [...attentionOf().tensors().keys()];
  assert.equal(
    names.filter((name) => name.startsWith('convolution')),
    ['convolution.values'],
  );
  const shapeOf = (attention: MultiHeadAttention, name: string) => attention.tensors().get(name)?.shape;
  assert.equal(shapeOf(attentionOf(), 'query.weight'), [8, 8]);
  const bare = attentionOf({}, { layerParts: false });
  assert.equal(shapeOf(bare, 'query.weight'), [6, 8]);
  assert.equal(shapeOf(bare, 'gates.delta.inner')?.[0], 6);
  assert.equal([attentionOf().readingValues().length, bare.readingValues().length], [7, 0]);
});

test('a declaration that names what there is not, or has global tokens, is refused by name', () => {
  const refuses = (name: string, layer: LayerParts, inputs: object = mamba.inputs) => {
    const { fixed: _, defaults: __, ...definition } = mamba;
    const whole = { ...mamba, name: 'misread', layer, inputs };
    expectThrows(ArgumentError, name, () => register(whole));
    expectThrows(ArgumentError, 'definition.layer.fromValues', () =>
      defineVariant({ ...definition, name: 'misread', layer, inputs, parameters: {} } as never),
    );
  };
  refuses('variant.layer.fromValues', { fromValues: ['values'] });
  refuses('variant.layer.fromValues', { fromValues: ['queries', 'beta'] });
  refuses('variant.layer.fromValues', { fromValues: ['keys'] }, { ...mamba.inputs, global: () => true });
});

test.run();
