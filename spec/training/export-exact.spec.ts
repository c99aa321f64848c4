/**
 * The PyTorch loader's code of each variant against ours in float64, where only what is wrong differs by more than rounding:
 * outputs, and gradients by queries, keys, values, gates and learned parameters, for drawn options, lengths and masks.
 */

import { test } from 'uvu';
import { noGrad } from '../../src/core/autograd.ts';
import { add, scale } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { loaderVariants } from '../../src/training/export/pieces.ts';
import { type AttentionCase, inputsOf, sampleCases } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf } from '../laws/evaluate.ts';
import {
  attendByLoader,
  type Compared,
  gradientsOf,
  hasTorch,
  maskOf,
  plainOptions,
  variantOf,
  withTorch,
} from './loader-cases.ts';

const CASES = 16;

/**
 * Relative to the largest number, at least 1. A float64 is rounded by 10⁻¹⁶, some tens of times in a row of an output, and
 * nearly all cases differ by 10⁻¹⁴. The terms of a gradient by A_log are larger than their sum: 7 · 10⁻¹² in the worst of 300
 * cases.
 */
const ROUNDED = 1e-10;
/** A token of Reformer has a score of −10⁵ with itself, which costs digits where it sees no other: 7 · 10⁻⁸ in 300 cases. */
const toleranceOf = (variant: string) => (variant === 'reformer' ? 1e4 * ROUNDED : ROUNDED);

function casesOf(variant: string): Compared[] {
  const wishes = { dtype: 'float64', maxLength: 40, selfAttention: true } as const;
  const choosing = variant === 'nsa' ? nsaCases() : [];
  return [...sampleCases(variantOf(variant), wishes, CASES), ...choosing].map((drawn, n) => {
    const attentionCase = { ...drawn, options: { ...drawn.options, ...plainOptions(drawn.options) } };
    const parameters = parametersOf(variantOf(variant), attentionCase);
    const random = new Random(attentionCase.seed).split('trained');
    // Some start as zeros or ones, with which much of the code would go unseen.
    const trained = Object.entries(parameters).map(([name, start]): [string, Tensor] => {
      const moved = () => add(start, scale(randomNormal(start.shape, random.split(name), 'float64'), 0.3));
      return [name, start.requiresGrad ? noGrad(moved).withGrad() : start];
    });
    const inputs = inputsOf(attentionCase);
    return { name: `${variant} ${n}`, variant, attentionCase, inputs, parameters: Object.fromEntries(trained) };
  });
}

/**
 * Sizes that do not divide each other, and few of many blocks, which are rarely drawn together. Where norms are large, one
 * compressed key has all of the weight, and the blocks that it shares are equal.
 */
function nsaCases(): AttentionCase[] {
  const shape = { batch: 2, heads: 4, queryLength: 41, keyLength: 41, headDim: 5, dtype: 'float64' as const };
  const sizes = { compressionBlock: 7, stride: 3, selectionBlock: 4, selectedBlocks: 4, window: 3 };
  const gates = Object.fromEntries(
    ['compressed', 'selected', 'window'].map((name) => [name, { shape: [2, 4, 41], least: 0, most: 1 }]),
  );
  return [1, 2, 4].flatMap((groupSize) =>
    [1, 30].map((norm) => {
      const options = { ...variantOf('nsa').defaults(41), ...sizes, groupSize, causal: true };
      return { shape, options, gates, mask: null, norms: new Array<number>(41).fill(norm), seed: groupSize };
    }),
  );
}

/** Drawn once for all variants, because Python needs seconds to load torch. */
let found = new Map<string, Float32Array | Float64Array>();
const all = new Map(loaderVariants().map((variant) => [variant, casesOf(variant)]));

test.before(() => {
  if (hasTorch) found = attendByLoader([...all.values()].flat());
});

for (const [variant, cases] of all) {
  withTorch(`${variant}: outputs and gradients are ours`, () => {
    for (const compared of cases) {
      const { name, attentionCase, inputs, parameters } = compared;
      const [mask, length] = [maskOf(inputs).toArray(), inputs.keys.shape[2]];
      const isReal = (batch: number, _head: number, i: number) => mask[batch * length + i] === 1;
      const claim = `${name} ${JSON.stringify(attentionCase)}`;
      const theirs = (part: string) => found.get(`${name}/${part}`) as Float64Array;
      const expected = outputOf(variantOf(variant), attentionCase, inputs, parameters);
      expectClose({ ...expected, data: theirs('output') }, expected, toleranceOf(variant), claim, isReal);
      for (const [part, gradient] of Object.entries(gradientsOf(compared))) {
        // As one row, because parameters have any number of axes.
        const row = { ...gradient, shape: [1, 1, 1, gradient.data.length] };
        expectClose({ ...row, data: theirs(part) }, row, toleranceOf(variant), `${claim}: the gradient by ${part}`);
      }
    }
  });
}

test.run();
