/** The sparse projections of Scaling Transformers: loops over the equations, theorem 1, steps, causality, padding, gradients. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, UnsupportedError } from '../../src/core/errors.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray, packed, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { replacementsOf } from '../../src/pretrained/replacement.ts';
import { evaluateWithout } from '../../src/training/ablation.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import { resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { importRun } from '../../src/training/export/import.ts';
import { languageModel } from '../../src/training/language-model.ts';
import type { AttentionPlace, AttentionSettings } from '../../src/training/mixing.ts';
import { build, evaluation } from '../../src/training/module.ts';
import { multiplicative } from '../../src/training/multiplicative.ts';
import { endRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import type { AttentionState } from '../../src/variants/state.ts';
import { copyState } from '../../src/variants/state.ts';
import { assertClose, denseOf, forAll } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkParameters, maskOf, stir } from './modules.ts';
import { byLoops, type Definition, paper } from './projections-written-out.ts';
import { bytesAfter, freshPath, tinyRun } from './runs.ts';

/** Float64 sums of some hundred terms near 1, in another order. */
const ROUNDING = 1e-11;

const SMALL: AttentionPlace = {
  ...{ modelDim: 12, heads: 2, headDim: 6, length: 12, causal: true, rotary: false, dtype: 'float64' },
};
const sparse = { projections: 'multiplicative' } as const;
const make = (settings: AttentionSettings, place: Partial<AttentionPlace> = {}, seed = 1) => {
  const made = build(
    () => new MultiHeadAttention({ ...sparse, ...settings }, { ...SMALL, ...place }, new Random(seed)),
  );
  stir(made.tensors(), seed);
  return made;
};
const input = (length: number, seed = 1, batch = 2) => randomNormal([batch, length, 12], new Random(seed), 'float64');

const cases = fc.record({
  modules: fc.constantFrom(1, 2, 3, 4, 6, 12),
  projectionKernel: fc.constantFrom(1, 3, 5),
  heads: fc.constantFrom(1, 2, 3),
  // Few tokens are multiplied by D first, many by D and E at once.
  length: fc.integer({ min: 1, max: 12 }),
  gated: fc.boolean(),
  short: fc.integer({ min: 0, max: 3 }),
  seed: fc.nat(),
});

/** The queries, keys and values of a layer, by loops: [batch, heads, length, headDim] each. */
function heads(
  attention: MultiHeadAttention,
  x: Tensor,
  real: readonly number[],
  place: AttentionPlace,
  how: Definition,
) {
  const { D, E } = attention.multiplicative as { D: Tensor; E: Tensor };
  const [batch, length] = x.shape;
  return (['query', 'key', 'value'] as const).map((name) => {
    const { weight, bias } = attention.projections[name] as { weight: Tensor; bias: Tensor };
    const rows = byLoops(x, { D, E, weight, bias }, real, how);
    const [M, filters] = [E.shape[1], weight.shape[3]];
    const at = (b: number, t: number, c: number) => {
      if (filters === M) return rows[b][t][c];
      const [s, m] = [Math.floor(c / M), c % M];
      return rows[b][t][s * filters + m] / (1 + Math.exp(-rows[b][t][s * filters + M + m]));
    };
    const data = new Float64Array(batch * length * 12);
    for (let n = 0; n < data.length; n++) {
      const c = n % place.headDim;
      const t = Math.floor(n / place.headDim) % length;
      const h = Math.floor(n / place.headDim / length) % place.heads;
      data[n] = at(Math.floor(n / (12 * length)), t, h * place.headDim + c);
    }
    return { shape: [batch, place.heads, length, place.headDim], data };
  });
}

test('queries, keys and values are loops over the equations, and behind the attention nothing is projected', () => {
  forAll(cases, ({ modules, projectionKernel, heads: count, length, gated, short, seed }) => {
    const place = { ...SMALL, heads: count, headDim: 12 / count };
    const attention = make({ variant: 'full', modules, projectionKernel, gatedValues: gated }, place, seed);
    const x = input(length, seed);
    const real = [length, Math.max(1, length - short)];
    const expected = heads(attention, x, [length, length], place, paper);
    const { queries, keys, values } = noGrad(() => attention.inputs(x));
    for (const [n, made] of [queries, keys, values].entries()) assertClose(made, expected[n], ROUNDING, `${n}`, 1);
    // With a mask, and through the attention: the loops' own heads through the same attention.
    const keyMask = maskOf(real, length);
    const [q, k, v] = heads(attention, x, real, place, paper).map(({ shape, data }) =>
      fromArray(data, shape, 'float64'),
    );
    const mixed = noGrad(() =>
      attention.mixing.attend({ queries: q, keys: k, values: v, keyMask }, { training: false }),
    );
    const output = noGrad(() => attention.forward(x, { training: false, keyMask })).toArray();
    const rows = mixed.toArray();
    const width = place.headDim;
    for (let n = 0; n < output.length; n++) {
      const [b, t, c] = [Math.floor(n / 12 / length), Math.floor(n / 12) % length, n % 12];
      if (t >= real[b]) continue;
      const other = rows[((b * count + Math.floor(c / width)) * length + t) * width + (c % width)];
      assert.ok(Math.abs(output[n] - other) <= ROUNDING * Math.max(1, Math.abs(other)), `${b}, ${t}, ${c}`);
    }
  });
});

test('the loops notice another product, a filter that looks ahead, aside or around', () => {
  const attention = make({ variant: 'full', modules: 4 });
  const x = input(7);
  const made = noGrad(() => attention.inputs(x));
  const broken: Partial<Definition>[] = [
    { term: (each, D, E) => each * (D + E) },
    { back: () => 1 },
    { aside: () => 0 },
    { beyond: (modules, s) => (s + modules) % modules },
  ];
  for (const change of broken) {
    const [other] = heads(attention, x, [7, 7], SMALL, { ...paper, ...change });
    assert.throws(() => assertClose(made.queries, other, 1e-3, 'queries', 1), Object.keys(change).join());
  }
});

test('theorem 1: any permutation of the numbers of a token is a multiplicative layer', () => {
  const sizes = fc.record({
    S: fc.integer({ min: 1, max: 5 }),
    M: fc.integer({ min: 1, max: 5 }),
    length: fc.integer({ min: 1, max: 8 }),
    seed: fc.nat(),
  });
  forAll(sizes, ({ S, M, length, seed }) => {
    const d = S * M;
    const random = new Random(seed);
    const places = Array.from({ length: d }, (_, n) => n);
    for (let n = d - 1; n > 0; n--) {
      const other = random.integer(n + 1);
      [places[n], places[other]] = [places[other], places[n]];
    }
    const [D, E] = [new Float64Array(d * S), new Float64Array(d * M)];
    for (const [i, place] of places.entries()) {
      D[i * S + Math.floor(place / M)] = 1;
      E[i * M + (place % M)] = 1;
    }
    const x = randomNormal([1, length, d], random.split('x'), 'float64');
    const y = multiplicative(x, { D: fromArray(D, [d, S], 'float64'), E: fromArray(E, [d, M], 'float64') });
    const [from, to] = [x.toArray(), packed(y).toArray()];
    for (const [i, place] of places.entries()) {
      for (let t = 0; t < length; t++) {
        assert.is(to[(Math.floor(place / M) * length + t) * M + (place % M)], from[t * d + i]);
      }
    }
  });
});

const VARIANTS: AttentionSettings[] = [
  { variant: 'full' },
  { variant: 'full', modules: 6, projectionKernel: 5, gatedValues: true },
  { variant: 'full', projectionKernel: 1 },
  { variant: 'gla' },
  { variant: 'longformer', options: { attentionWindow: 4, globalPositions: [0] } },
  { variant: 'light-conv' },
  { variant: 'reformer', options: { chunkLength: 12, numHashes: 1 } },
];

for (const settings of VARIANTS) {
  const name = `${settings.variant} ${JSON.stringify({ ...settings, variant: undefined })}`;

  test(`${name}: pieces give the rows of the whole, and a copied state continues`, () => {
    const attention = make(settings);
    const x = input(12, 3);
    const whole = noGrad(() => attention.forward(x, { training: false }));
    // Later tokens change the groups of earlier ones: only the last row of a run is that of its last step.
    const regroups = attention.mixing.variant.regroups === true;
    let steps = attention.startSteps(2);
    let begin = 0;
    for (const count of [1, 4, 1, 1, 5]) {
      const rows = packed(steps.step(slice(x, 1, begin, begin + count)));
      const from = regroups ? 11 : begin;
      begin += count;
      if (begin <= from) continue;
      const own = slice(rows, 1, rows.shape[1] - (begin - from), rows.shape[1]);
      assertClose(packed(own), denseOf(packed(slice(whole, 1, from, begin))), 1e-9, `rows to ${begin}`, 1);
      const copy = copyState(steps.state() as AttentionState);
      steps.end();
      steps = attention.startSteps(2, copy);
    }
    const state = steps.state() as AttentionState;
    const looksBack = settings.projectionKernel !== 1;
    assert.is('layer.modules' in state.tensors, looksBack);
    if (looksBack) {
      const { 'layer.modules': _, ...tensors } = copyState(state).tensors;
      expectThrows(ArgumentError, 'state.layer.modules', () => attention.startSteps(2, { ...state, tensors }));
    }
    steps.end();
  });

  test(`${name}: what comes later changes nothing before it`, () => {
    const attention = make(settings);
    if (attention.mixing.variant.regroups === true) return;
    const [x, other] = [input(12, 3), input(12, 4)];
    const joined = x.toArray();
    for (let n = 0; n < joined.length; n++) if (Math.floor(n / 12) % 12 >= 7) joined[n] = other.toArray()[n];
    const [before, after] = [x, fromArray(joined, x.shape, 'float64')].map((each) =>
      noGrad(() => attention.forward(each, { training: false })),
    );
    assertClose(packed(slice(after, 1, 0, 7)), denseOf(packed(slice(before, 1, 0, 7))), 1e-12, 'the first 7', 1);
    assert.throws(() => assertClose(after, denseOf(before), 1e-3, 'all', 1));
  });
}

test('what padding holds changes nothing, in front, between and behind (both causal and not)', () => {
  const mask = fromArray([0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1], [2, 8], 'uint8');
  for (const causal of [false, true]) {
    const attention = make({ variant: 'full' }, { causal });
    const x = input(8, 5);
    const changed = x.toArray().map((each, n) => (mask.toArray()[Math.floor(n / 12)] === 0 ? 100 : each));
    const [a, b] = [x, fromArray(changed, x.shape, 'float64')].map((each) =>
      noGrad(() => attention.forward(each, { training: false, keyMask: mask })).toArray(),
    );
    for (let n = 0; n < a.length; n++) {
      if (mask.toArray()[Math.floor(n / 12)] === 1) assert.ok(Math.abs(a[n] - b[n]) < 1e-10, `${n}`);
    }
  }
});

test('gradients agree with central differences, for few tokens and for many', () => {
  for (const length of [1, 8]) {
    for (const gatedValues of [false, true]) {
      const attention = make({ variant: 'full', modules: 3, gatedValues });
      const x = input(length, 6).withGrad();
      checkParameters(() => attention.forward(x, { training: false }), attention.tensors(), [x]);
    }
  }
});

test('a layer has the tensors and the number of weights of the paper', () => {
  const attention = make({ variant: 'full' });
  const [d, S, M, F] = [12, 2, 6, 3];
  const tensors = attention.tensors();
  assert.equal([...tensors.keys()].slice(0, 4), ['multiplicative.D', 'multiplicative.E', 'query.weight', 'query.bias']);
  const count = [...tensors.values()].reduce((sum, { size }) => sum + size, 0);
  assert.is(count, d * S + d * M + 3 * (F * F * M * M + M));
});

test('a variant with a D or an E of its own keeps it apart from theirs: both learn, and a checkpoint has both', async () => {
  const learnedE = { options: { projection: 'learned', projectedLength: 3 }, shared: false };
  for (const [variant, name, more] of [['mamba', 'D', {}] as const, ['linformer', 'E', learnedE] as const]) {
    const task = { name: variant === 'mamba' ? 'copy' : 'listops', length: 16 };
    const run = tinyRun({ task, model: { attention: { variant, ...sparse, ...more } }, steps: 1 });
    const [{ attention }] = run.learner.model.body.layers;
    const pair = [attention.multiplicative?.[name], attention.mixing.parameters[name]] as Tensor[];
    const named = [...attention.tensors().values()];
    assert.ok(
      pair.every((tensor) => named.includes(tensor)),
      variant,
    );
    const before = pair.map((tensor) => tensor.toArray());
    await train(run);
    for (const [n, tensor] of pair.entries()) assert.not.equal(tensor.toArray(), before[n], `${variant} ${n}`);
    stir(run.learner.model.tensors(), 3);
    const path = freshPath();
    saveCheckpoint(path, run);
    const again = resumeRun(path);
    const [{ attention: other }] = again.learner.model.body.layers;
    assert.equal(other.multiplicative?.[name].toArray(), pair[0].toArray());
    assert.equal(other.mixing.parameters[name].toArray(), pair[1].toArray());
    endRun(again);
    endRun(run);
  }
});

test('sizes that do not fit, and settings of dense projections, are refused by name', () => {
  const refused = (settings: Partial<AttentionSettings>, name: string, place: Partial<AttentionPlace> = {}) =>
    expectThrows(ArgumentError, name, () => make({ variant: 'full', ...settings }, place));
  refused({ modules: 5 }, 'modules');
  refused({ projectionKernel: 4 }, 'projectionKernel');
  refused({}, 'headDim', { headDim: 4 });
  refused({ projections: 'dense', modules: 2 }, 'modules');
  refused({ projections: 'dense', projectionKernel: 3 }, 'projectionKernel');
  const settings = { vocabulary: 5, length: 8, causal: true };
  const model = (attention: object) => () => languageModel({ ...settings, attention } as never, 1);
  expectThrows(ArgumentError, 'projections', model({ variant: 'full', projections: 'sparse' }));
  expectThrows(ArgumentError, 'modules', model({ variant: 'full', projections: 'multiplicative', modules: 0 }));
  const description = { modelDim: 12, heads: 2, headDim: 6, length: 8, layers: 1 };
  expectThrows(UnsupportedError, 'projections', () =>
    replacementsOf(description as never, { attention: { variant: 'full', ...sparse } }),
  );
});

test('steps of a whole model give its logits, and its layers with and without the projections differ', () => {
  const attention = [{ variant: 'full', ...sparse }, { variant: 'full' }];
  const model = languageModel(
    { vocabulary: 7, length: 10, causal: true, modelDim: 8, heads: 2, layers: 2, attention, dtype: 'float64' },
    3,
  );
  assert.ok(
    model.tensors().has('decoder.layers.0.attention.multiplicative.D') &&
      !model.tensors().has('decoder.layers.1.attention.multiplicative.D'),
  );
  const tokens = Int32Array.from({ length: 10 }, (_, n) => (3 * n + 1) % 7);
  const whole = noGrad(() => model.forward(fromArray(tokens, [1, 10], 'int32'), evaluation));
  const generation = model.startGeneration(1);
  for (let n = 0; n < 10; n++) {
    const logits = generation.read([tokens.subarray(n, n + 1)]);
    const own = denseOf(packed(slice(whole, 1, n, n + 1)));
    assert.is(elements(logits).length, 7);
    for (const [c, each] of elements(logits).entries()) assert.ok(Math.abs(each - own.data[c]) < 1e-9, `${n}, ${c}`);
  }
  generation.end();
});

test('a reversible model resumes and is exported and imported to the same bits, and ablation leaves it as it was', async () => {
  const settings = () => ({
    model: { residual: 'reversible', attention: { variant: 'full', ...sparse } } as never,
    steps: 4,
  });
  const straight = await bytesAfter(tinyRun(settings()));
  const first = tinyRun(settings());
  let taken = 0;
  await train(first, { shouldStop: () => ++taken === 2 });
  const path = freshPath();
  saveCheckpoint(path, first);
  const folder = `${path}-exported`;
  exportModel({ ...first, alphabet: first.task.alphabet }, folder);
  const imported = importRun(folder);
  for (const [name, tensor] of first.learner.model.tensors()) {
    assert.equal(imported.learner.model.tensors().get(name)?.toArray(), tensor.toArray(), name);
  }
  const before = first.learner.model.tensors().get('decoder.layers.0.attention.value.weight')?.toArray();
  const evaluated = [...evaluateWithout(first.learner, first.task, { examples: 4, batch: 4, seed: 1 })];
  assert.is(evaluated.length, 1);
  assert.equal(first.learner.model.tensors().get('decoder.layers.0.attention.value.weight')?.toArray(), before);
  endRun(first);
  endRun(imported);
  assert.is(Buffer.compare(await bytesAfter(resumeRun(path)), straight), 0);
});

test.run();
