/** The Routing Transformer, held to loops over Algorithm 1, to full attention, and to what training makes of its centroids. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { scale, slice } from '../../src/core/ops/index.ts';
import { scatterAdd } from '../../src/core/ops/scatter-add.ts';
import { strongest } from '../../src/core/ops/strongest.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { localAttention } from '../../src/variants/local-attention.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { normalised } from '../../src/variants/routing/centroids.ts';
import { type RoutingOptions, routing } from '../../src/variants/routing.ts';
import type { AttentionState } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { inAllSettings } from '../laws/settings.ts';
import { byLoops, normalisedRows, paper, type Rule } from './routing-written-out.ts';

const variant = findVariant('routing') as AnyVariant;

const optionsOf = ({ options }: AttentionCase) => options as RoutingOptions;
const withOptions = (attentionCase: AttentionCase, own: Partial<RoutingOptions>): AttentionCase => ({
  ...attentionCase,
  options: { ...attentionCase.options, ...own },
});

for (const { name, run } of inAllSettings(
  'clusters of the nearest tokens, and the mean over the clusters of a token, as Algorithm 1 has them',
  ({ draw, tolerance }) => {
    draw(variant, {}, 60, (drawn) => {
      const attentionCase = withOptions(drawn, { localHeads: 0 });
      const [inputs, options] = [inputsOf(attentionCase), optionsOf(attentionCase)];
      const parameters = parametersOf(variant, attentionCase);
      const { members } = noGrad(() => routing.decisions!(inputs, options, parameters));
      const expected = byLoops(inputs, parameters, options, paper, members);
      expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, tolerance(inputs), 'output');
    });
  },
)) {
  test(name, run);
}

test('the loops notice the farthest tokens, one too many, a sum over clusters, and rows without normalisation', () => {
  const wrong: Rule[] = [
    { ...paper, take: (ranked, window) => ranked.slice(-window) },
    { ...paper, take: (ranked, window) => ranked.slice(0, window + 1) },
    { ...paper, share: () => 1 },
    { ...paper, normalise: false },
  ];
  const wishes = { dtype: 'float64', masked: false, minLength: 20, minHeadDim: 4 } as const;
  forAllCases(variant, wishes, 10, (drawn) => {
    const attentionCase = withOptions(drawn, { localHeads: 0, numClusters: 4, window: 9, attendSelf: true });
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    for (const rule of wrong) {
      const other = byLoops(inputs, parameters, optionsOf(attentionCase), rule);
      assert.throws(() => expectClose(output, other, 1e-6, 'output'));
    }
  });
});

test('in float32 too, a cluster that takes the farthest tokens, or one that is not the nearest, is noticed', () => {
  forAllCases(variant, { dtype: 'float32', masked: false, minLength: 20, minHeadDim: 4 }, 10, (drawn) => {
    const attentionCase = withOptions(drawn, { localHeads: 0, numClusters: 4, window: 9 });
    const [inputs, options] = [inputsOf(attentionCase), optionsOf(attentionCase)];
    const parameters = parametersOf(variant, attentionCase);
    const opposite = { ...parameters, mu: noGrad(() => scale(parameters.mu, -1)) };
    const farthest = noGrad(() => routing.decisions!(inputs, options, opposite)).members;
    const moved = noGrad(() => routing.decisions!(inputs, options, parameters)).members.toArray();
    moved[drawn.seed % 9] = farthest.toArray()[drawn.seed % 9];
    for (const members of [farthest, fromArray(moved, farthest.shape, 'int32')]) {
      assert.throws(() => byLoops(inputs, parameters, options, paper, members), /left out/);
    }
  });
});

/** Shared queries and keys, normalised, as `full` takes them. */
function shared(inputs: AttentionInputs): AttentionInputs {
  const q = noGrad(() => normalised(inputs.queries));
  return { ...inputs, queries: q, keys: q };
}

test('one cluster that takes all is full attention with shared queries and keys, where tokens are real', () => {
  forAllCases(variant, {}, 40, (drawn) => {
    const own = { localHeads: 0, numClusters: 1, window: drawn.shape.keyLength, attendSelf: true };
    const attentionCase = withOptions(drawn, own);
    const inputs = inputsOf(attentionCase);
    const expected = read(noGrad(() => attend(full, shared(inputs), { causal: attentionCase.options.causal })));
    const real = (batch: number, _head: number, i: number) => attentionCase.mask?.[batch][i] !== 0;
    const tolerance = attentionCase.shape.dtype === 'float64' ? ROUNDING : 1e-5;
    expectClose(outputOf(variant, attentionCase, inputs), expected, tolerance, 'output', real);
  });
});

test('so are as many clusters as one likes, if each takes all', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, maxLength: 30 }, 20, (drawn) => {
    const attentionCase = withOptions(drawn, { localHeads: 0, window: drawn.shape.keyLength, attendSelf: true });
    const inputs = inputsOf(attentionCase);
    const expected = read(noGrad(() => attend(full, shared(inputs), { causal: attentionCase.options.causal })));
    expectClose(outputOf(variant, attentionCase, inputs), expected, ROUNDING, 'output');
  });
});

test('the first heads are local attention, and the others as if they were alone', () => {
  forAllCases(variant, { dtype: 'float64', minHeads: 2 }, 30, (drawn) => {
    const { heads } = drawn.shape;
    const localHeads = 1 + (drawn.seed % (heads - 1));
    const attentionCase = withOptions(drawn, { localHeads });
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const output = noGrad(() => attend(variant, inputs, attentionCase.options, { parameters }));
    const part = (x: AttentionInputs, begin: number, end: number): AttentionInputs => ({
      ...x,
      queries: slice(x.queries, 1, begin, end),
      keys: slice(x.keys, 1, begin, end),
      values: slice(x.values, 1, begin, end),
    });
    const { causal, localWindow: chunkLength } = optionsOf(attentionCase);
    const near = noGrad(() => attend(localAttention, part(shared(inputs), 0, localHeads), { causal, chunkLength }));
    expectClose(read(slice(output, 1, 0, localHeads)), read(near), ROUNDING, 'local heads');
    const others = { ...optionsOf(attentionCase), localHeads: 0 };
    const far = noGrad(() => attend(routing, part(inputs, localHeads, heads), others, { parameters }));
    expectClose(read(slice(output, 1, localHeads, heads)), read(far), 0, 'other heads');
  });
});

test('what a row is multiplied by changes nothing', () => {
  forAllCases(variant, { dtype: 'float64', minHeadDim: 4 }, 15, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const queries = fromArray(
      inputs.queries.toArray().map((each) => 1000 * each),
      inputs.queries.shape,
      'float64',
    );
    const louder = inputsOf(attentionCase);
    // The ε of layer normalisation is 10⁻⁵ of a variance of about 1, and so 10⁻⁵ of a score, at most √d.
    const rows = [inputs, { ...louder, queries }].map((each) => outputOf(variant, attentionCase, each));
    const same = rows[0].data.filter((each, n) => Math.abs(each - rows[1].data[n]) < 1e-2).length;
    // A row of a small variance may go to another cluster.
    assert.ok(same >= 0.9 * rows[0].data.length, `${same} of ${rows[0].data.length} numbers stayed`);
  });
});

test('a generation holds the nearest tokens of each cluster so far', () => {
  const [length, heads, d] = [30, 2, 4];
  const options = { numClusters: 3, window: 5, causal: true };
  const mu = noGrad(() => normalised(randomNormal([heads, 3, d], new Random(1), 'float64')));
  const settings = { parameters: { mu }, maxLength: length };
  const all = randomNormal([1, heads, length, d], new Random(2), 'float64');
  const products = (head: number, cluster: number, token: number) => {
    const [q, centroids] = [noGrad(() => normalised(all)).toArray(), mu.toArray()];
    let sum = 0;
    for (let c = 0; c < d; c++) {
      sum += q[(head * length + token) * d + c] * centroids[(head * 3 + cluster) * d + c];
    }
    return sum;
  };
  let state: AttentionState | null = null;
  for (let n = 1; n <= length; n++) {
    const row = slice(all, 2, n - 1, n);
    ({ state } = noGrad(() => attendFrom(routing, { queries: row, keys: row, values: row }, state, options, settings)));
    const held = (state as AttentionState).tensors.members;
    const size = Math.min(5, n);
    assert.equal(held.shape, [1, heads, 3, size]);
    for (let list = 0; list < heads * 3; list++) {
      const score = (token: number) => products(Math.floor(list / 3), list % 3, token);
      const ranked = Array.from({ length: n }, (_, token) => token).sort((a, b) => score(b) - score(a));
      const expected = ranked.slice(0, size).sort((a, b) => a - b);
      assert.equal([...held.toArray().slice(list * size, (list + 1) * size)], expected);
    }
  }
});

test('decisions of a run are taken over by another', () => {
  forAllCases(variant, { dtype: 'float64', minLength: 8, minHeadDim: 2 }, 15, (attentionCase) => {
    const options = optionsOf(attentionCase);
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const decided = noGrad(() => routing.decisions!(inputs, options, parameters));
    const others = parametersOf(variant, { ...attentionCase, seed: attentionCase.seed + 1 });
    const forced = outputOf(variant, attentionCase, inputs, { ...others, ...decided });
    expectClose(forced, outputOf(variant, attentionCase, inputs, parameters), 0, 'with the clusters of others');
  });
});

/** μ ← λ μ + (1 − λ) mean of the tokens whose largest product is that with μ, token by token. */
function movedByLoops({ queries, keyMask }: AttentionInputs, mu: Tensor, decay: number, first: number): Float64Array {
  const [batch, heads, length, d] = queries.shape;
  const [q, real] = [normalisedRows(queries.toArray(), d), keyMask?.toArray()];
  const [, clusters] = mu.shape;
  const centroids = Float64Array.from(mu.toArray());
  const taken = Array.from({ length: (heads - first) * clusters }, () => [] as Float64Array[]);
  for (let b = 0; b < batch; b++) {
    for (let h = first; h < heads; h++) {
      for (let t = 0; t < length; t++) {
        if (real?.[b * length + t] === 0) continue;
        const row = q.subarray(((b * heads + h) * length + t) * d, ((b * heads + h) * length + t + 1) * d);
        const scores = Array.from({ length: clusters }, (_, c) => {
          const at = ((h - first) * clusters + c) * d;
          return row.reduce((sum, each, i) => sum + each * centroids[at + i], 0);
        });
        taken[(h - first) * clusters + scores.indexOf(Math.max(...scores))].push(row);
      }
    }
  }
  return centroids.map((each, at) => {
    const rows = taken[Math.floor(at / d)];
    const mean = rows.reduce((sum, row) => sum + row[at % d], 0) / rows.length;
    return rows.length === 0 ? each : decay * each + (1 - decay) * mean;
  });
}

test('training moves a centroid to the mean of its tokens, and leaves one without tokens where it is', () => {
  forAllCases(variant, { dtype: 'float64', minHeadDim: 2 }, 40, (attentionCase) => {
    const { localHeads, decay } = optionsOf(attentionCase);
    if (localHeads === attentionCase.shape.heads) return;
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const after = noGrad(() => routing.moves!.mu.after(inputs, optionsOf(attentionCase), parameters));
    const data = movedByLoops(inputs, parameters.mu, decay, localHeads);
    expectClose(read(after), { shape: after.shape, dtype: 'float64', data }, ROUNDING, 'centroids');
  });
});

test('centroids that follow planted clusters come to lie in them', () => {
  const [d, clusters, length] = [8, 4, 400];
  const centres = noGrad(() => normalised(randomNormal([1, 1, clusters, d], new Random(7), 'float64'))).toArray();
  const noise = randomNormal([1, 1, length, d], new Random(8), 'float64').toArray();
  const rows = noise.map((each, at) => centres[(Math.floor(at / d) % clusters) * d + (at % d)] + 0.1 * each);
  const queries = fromArray(rows, [1, 1, length, d], 'float64');
  const inputs = { queries, keys: queries, values: queries };
  const options = { ...routing.defaults(length, { numClusters: clusters, decay: 0.5 }) };
  // Each begins near another one.
  let mu = fromArray(
    centres.map((each, at) => each + 0.3 * noise[at]),
    [1, clusters, d],
    'float64',
  );
  for (let step = 0; step < 30; step++) mu = noGrad(() => routing.moves!.mu.after(inputs, options, { mu }));
  for (let c = 0; c < clusters; c++) {
    const distance = Math.hypot(...Array.from({ length: d }, (_, i) => mu.toArray()[c * d + i] - centres[c * d + i]));
    // 100 tokens of noise 0.1 in each of 8 channels: the mean is √8 · 0.1/√100 = 0.03 away.
    assert.ok(distance < 0.12, `centroid ${c} is ${distance} from its cluster`);
  }
});

test('what the variant and its ops cannot do is refused by name', () => {
  const rows = zeros([1, 2, 6, 4]);
  const refused = (name: string, run: () => unknown) =>
    assert.throws(run, (error: Error) => error instanceof ArgumentError && error.message.startsWith(`${name}:`));
  refused('localHeads', () => attend(routing, { queries: rows, keys: rows, values: rows }, { localHeads: 3 }));
  refused('settings.count', () => strongest(rows, { count: 0 }));
  refused('settings.before.tokens', () =>
    strongest(rows, { count: 2, start: 2, before: { tokens: rows, scores: rows } }),
  );
  refused('index', () => scatterAdd(rows, filled([1, 2, 6], 5, 'int32'), 5));
  refused('length', () => scatterAdd(rows, filled([1, 2, 6], 0, 'int32'), 0));
  const members = zeros([1, 2, 3, 2], 'float32');
  refused('parameters.members', () =>
    attend(
      routing,
      { queries: rows, keys: rows, values: rows },
      { numClusters: 3, window: 2 },
      { parameters: { mu: zeros([2, 3, 4]), members } },
    ),
  );
});

test.run();
