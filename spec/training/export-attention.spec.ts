/**
 * The PyTorch loader's attention against ours, in float32 and with norms of all sizes: a maximum over what is not to be seen,
 * or a feature that underflows, shows there alone. Runs where Python has torch (loader-cases.ts).
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { loaderVariants } from '../../src/training/export/pieces.ts';
import type { AttentionInputs, CommonOptions } from '../../src/variants/variant.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { type AttentionCase, inputsOf, sampleCases } from '../laws/draw.ts';
import { expectClose, expectFiniteNumbers, outputOf } from '../laws/evaluate.ts';
import { isClear } from '../laws/rounded-choices.ts';
import { wideFloat32 } from '../laws/settings.ts';
import {
  attendByLoader,
  type Compared,
  gradientsOf,
  maskOf,
  plainOptions,
  python,
  variantOf,
  withTorch,
} from './loader-cases.ts';
import { tinyRun } from './runs.ts';

const folder = temporaryFolder();
const defaultsOf = (variant: string): CommonOptions => ({ ...variantOf(variant).defaults(20), causal: true });

/** What variants of the loader divide by its norm, or, after they took its mean away, by its deviation. */
const NORMALISED: Record<string, readonly string[]> = {
  reformer: ['q'],
  routing: ['q'],
  ...Object.fromEntries(['deltanet', 'gated-deltanet', 'kda', 'log-linear'].map((name) => [name, ['q', 'k']])),
  rfa: ['q', 'k'],
  rwkv7: ['k'],
};
const CENTRED: Record<string, readonly string[]> = {
  'long-short': ['k', 'v'],
  routing: ['q', 'k'],
  // Latents, which are sums of both: causally a query and a mean of keys.
  perceiver: ['q', 'k'],
};

/** The shortest row of what is divided by its length; 1 if nothing is, or nothing shorter. */
function shortestOf(variant: string, part: 'q' | 'k' | 'v', { queries, keys, values }: AttentionInputs): number {
  const centred = CENTRED[variant]?.includes(part) ?? false;
  if (!centred && !NORMALISED[variant]?.includes(part)) return 1;
  const rows = { q: queries, k: keys, v: values }[part];
  const [numbers, width] = [elements(rows), rows.shape[3]];
  let shortest = 1;
  for (let at = 0; at < numbers.length; at += width) {
    const row = Array.from({ length: width }, (_, n) => numbers[at + n]);
    const mean = centred ? row.reduce((sum, each) => sum + each, 0) / width : 0;
    const length = Math.hypot(...row.map((each) => each - mean)) / (centred ? Math.sqrt(width) : 1);
    // Rounding is that of the numbers themselves, which may be far longer than what is left of them.
    const rounding = Math.max(1, Math.hypot(...row));
    if (length > 0) shortest = Math.min(shortest, length / rounding);
  }
  return shortest;
}

/**
 * Based adds up products of features, which are as large as the squares of scores, while a weight may be ½: in float32 it loses
 * a weight where long queries and keys are at right angles. The loader has the weight itself, and does not.
 */
const ADDS_FEATURES = ['based'];

/**
 * RFA's Gaussian features have signs, and a sum of them may be as small as half of its standard error, 1/(2√(2D)) of the sum of
 * their sizes (rfa-features.ts): what is divided by it has its roundings so many times.
 */
function cancellation(options: CommonOptions): number {
  const { kernel, numRandomFeatures = 0 } = options as { kernel?: string; numRandomFeatures?: number };
  return kernel === 'gaussian' ? Math.max(1, 2 * Math.sqrt(2 * numRandomFeatures)) : 1;
}

/**
 * The part of the weight that top keys of a cluster have is the exponential of a difference of two logarithms. Those are rounded
 * as scores are, and so is the weight; the gradient by a key has it times a query over √d, whatever else cancels.
 */
function longestOf(variant: string, part: 'q' | 'k' | 'v', { queries, keys }: AttentionInputs): number {
  if (variant !== 'clustered' || part === 'v') return 1;
  const rows = part === 'q' ? keys : queries;
  const [numbers, width] = [rows.toArray(), rows.shape[3]];
  let longest = 1;
  for (let at = 0; at < numbers.length; at += width) {
    longest = Math.max(longest, Math.hypot(...numbers.slice(at, at + width)) / Math.sqrt(width));
  }
  return longest;
}

/**
 * Layer normalisation makes ±1 of two channels, and a rounding decides which where they are nearly equal: which of many tokens a
 * cluster takes, or how much a gradient grows.
 */
const NORMALISES_CHANNELS = ['routing', 'perceiver', 'set-transformer'];

/**
 * Of a few features, all that are not 0 may be nearly 0. The gradient by such a query is a difference of numbers that are larger by
 * as much, with their roundings. Of 32 of a Gaussian direction, all are 0 or below 1/100 once in 10⁹.
 */
function enoughFeatures(options: CommonOptions): Partial<CommonOptions> {
  const { kernel, numRandomFeatures = 0 } = options as { kernel?: string; numRandomFeatures?: number };
  return kernel === 'arccosine' ? Object.fromEntries([['numRandomFeatures', Math.max(32, numRandomFeatures)]]) : {};
}

withTorch('attends as we do in float32, with norms of all sizes', () => {
  const cases = loaderVariants().flatMap((variant) => {
    // As many keys as queries, as in a model.
    const wide = !ADDS_FEATURES.includes(variant);
    const minHeadDim = NORMALISES_CHANNELS.includes(variant) ? 4 : 1;
    const wishes = { dtype: 'float32', wide, selfAttention: true, minHeadDim } as const;
    // The loader cannot be told which of two that tie but for rounding to choose.
    const drawn = sampleCases(variantOf(variant), wishes, 12).filter((each) => isClear(variantOf(variant), each));
    assert.ok(drawn.length >= 6, `${variant}: ${drawn.length} of 12 cases have no tie`);
    return drawn.map((each, n): Compared => {
      const options = { ...each.options, ...plainOptions(each.options), ...enoughFeatures(each.options) };
      const attentionCase = { ...each, options };
      return { name: `${variant} ${n}`, variant, attentionCase, inputs: inputsOf(attentionCase) };
    });
  });
  const found = attendByLoader(cases);
  for (const { name, variant, attentionCase, inputs } of cases) {
    const mask = maskOf(inputs).toArray();
    const length = inputs.keys.shape[2];
    const isReal = (batch: number, _head: number, i: number) => mask[batch * length + i] === 1;
    const claim = `${name} ${JSON.stringify(attentionCase)}`;
    const expected = outputOf(variantOf(variant), attentionCase, inputs);
    const tolerance = cancellation(attentionCase.options) * wideFloat32.tolerance(inputs);
    const theirs = (part: string) => found.get(`${name}/${part}`) as Float32Array;
    expectClose({ ...expected, data: theirs('output') }, expected, tolerance, claim, isReal);
    const gradients = gradientsOf({ name, variant, attentionCase, inputs });
    for (const part of ['q', 'k', 'v'] as const) {
      const theirGradient = { ...gradients[part], data: theirs(part) };
      // The gradient by what is short and is normalised is divided by its length, with its roundings.
      const shortest = shortestOf(variant, part, inputs);
      const bound = (tolerance * longestOf(variant, part, inputs)) / shortest;
      expectClose(theirGradient, gradients[part], bound, `${claim}: the gradient by ${part}`);
    }
  }
});

withTorch('one loud key, very negative keys, zeros and tiny numbers', () => {
  const shape = { batch: 1, heads: 1, queryLength: 20, keyLength: 20, headDim: 4, dtype: 'float32' as const };
  const drawn: AttentionCase = { shape, options: { causal: true }, mask: null, seed: 1 };
  const filledRows = (numbers: readonly number[], width = 4) =>
    fromArray(
      numbers.flatMap((each) => new Array<number>(width).fill(each)),
      [1, 1, 20, width],
    );
  const equal = (each: number) => filledRows(new Array<number>(20).fill(each));
  const ofValues = (keys: Tensor, values: Tensor): AttentionInputs => ({ queries: keys, keys, values });
  const cases: Compared[] = [
    // The values of all keys are 1, so that every mean of them is.
    ...[-70, -80, -1e4].map((each) => ({
      ...{ name: `negative ${each}`, variant: 'linear-transformer', attentionCase: drawn },
      inputs: ofValues(equal(each), equal(1)),
    })),
    // Keys of norm 24, 24, 1, …: a maximum over all would leave nothing of those that come later.
    ...(['performer', 'linear-transformer'] as const).map((variant) => ({
      ...{ name: `loud ${variant}`, variant, attentionCase: { ...drawn, options: defaultsOf(variant) } },
      inputs: ofValues(filledRows([12, 12, ...new Array<number>(18).fill(0.5)]), equal(1)),
    })),
    ...[0, 1e-40, 1e30].map((each) => ({
      ...{ name: `reformer ${each}`, variant: 'reformer' },
      attentionCase: { ...drawn, options: { ...defaultsOf('reformer'), chunkLength: 4, numHashes: 2 } },
      inputs: ofValues(equal(each), equal(1)),
    })),
  ];
  const found = attendByLoader(cases);
  for (const { name } of cases) {
    const output = found.get(`${name}/output`) as Float32Array;
    assert.ok(
      output.every((each) => Math.abs(each - 1) < 1e-5),
      `${name}: ${output}`,
    );
    for (const part of ['q', 'k', 'v']) {
      expectFiniteNumbers(found.get(`${name}/${part}`) as Float32Array, `${name}: the gradient by ${part}`);
    }
  }
});

withTorch('what is masked has no influence, whatever its embedding holds', () => {
  // The task reads in both directions.
  const names = loaderVariants().filter((name) => {
    const { padding, bidirectional } = variantOf(name).supports;
    return padding && bidirectional !== false;
  });
  const paths = names.map((variant) => {
    const path = join(folder, variant);
    const { learner, settings, task, step } = tinyRun({
      task: { name: 'listops', length: 16 },
      model: { attention: { variant }, dropout: 0 },
    });
    exportModel({ learner, settings, alphabet: task.alphabet, step }, path);
    return path;
  });
  const { status, stdout, stderr } = spawnSync(python, ['-c', MASKED, ...paths], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  assert.equal(
    stdout.trim().split('\n'),
    names.map(() => '0.0'),
  );
});

/** Prints by how much the logits of each model move when the embedding of the padding becomes NaN. */
const MASKED = `
import importlib.util, os, sys, torch
for folder in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("modeling_efficient", os.path.join(folder, "modeling_efficient.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.EfficientTransformer.from_pretrained(folder)
    weight = model.stack.embedding.weight
    padding = len(weight) - 1
    mask = torch.arange(16)[None] < 10
    tokens = torch.where(mask, torch.arange(16)[None] % padding, padding)
    with torch.no_grad():
        before = model(tokens, mask)
        weight[padding] = float("nan")
        print(float((model(tokens, mask) - before).abs().max()))
`;

test.run();
