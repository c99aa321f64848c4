/** Perceiver, held to loops over its definition (Jaegle et al. 2021, §3.1) and, causally, to Perceiver AR text by text. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { concat, scale, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { filled, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { type PerceiverOptions, perceiver } from '../../src/variants/perceiver.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { inAllSettings } from '../laws/settings.ts';
import { expectNoticed, squareShape } from '../laws/written-out.ts';
import { byLoops, type Definition, layers, mixed, paper, plus, rowsOf } from './perceiver-written-out.ts';

const variant = findVariant('perceiver') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as PerceiverOptions;
const withOptions = (drawn: AttentionCase, options: Partial<PerceiverOptions>): AttentionCase => ({
  ...drawn,
  options: { ...optionsOf(drawn), ...options } as PerceiverOptions,
});

/** Rows of real tokens: a padded query's latent is nothing that anyone reads. */
const ofReal =
  ({ mask, options }: AttentionCase) =>
  (b: number, _h: number, i: number) =>
    !options.causal || mask?.[b][i] !== 0;

for (const { name, run } of inAllSettings('equals loops over its definition', ({ draw, tolerance }) => {
  draw(variant, { maxLength: 24 }, 40, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const expected = byLoops(inputs, optionsOf(attentionCase), parameters);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    expectClose(output, expected, tolerance(inputs), 'output', ofReal(attentionCase));
  });
})) {
  test(name, run);
}

const caseOf = (options: Partial<PerceiverOptions>, length = 15): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(perceiver, { latents: 4, layers: 2, ...options }, squareShape(length)),
});

test('the loops notice a residual or a norm that is missing, and latents of another segment', () => {
  const broken: [Partial<PerceiverOptions>, Partial<Definition>][] = [
    ...[true, false].flatMap((causal): [Partial<PerceiverOptions>, Partial<Definition>][] => [
      [{ causal }, { residuals: [0, 1] }],
      [{ causal }, { residuals: [1, 0] }],
      [{ causal }, { normalized: (row) => row }],
    ]),
    [{ causal: true }, { firstMet: () => 0 }],
    [{ causal: true }, { firstMet: (at, n) => Math.max(0, at - n + 1) }],
  ];
  for (const [options, change] of broken) expectNoticed(variant, caseOf(options), byLoops, paper, change);
});

test('causal: a segment has the rows of Perceiver AR for the text up to its end, of which it is the latents', () => {
  forAllCases(variant, { dtype: 'float64', causal: true, masked: false, maxLength: 30 }, 25, (attentionCase) => {
    const { queries, keys, values } = inputsOf(attentionCase);
    const { latents: n } = optionsOf(attentionCase);
    const { keyLength, heads, batch } = attentionCase.shape;
    const { M = null } = parametersOf(variant, attentionCase);
    const output = outputOf(variant, attentionCase, { queries, keys, values }, M === null ? {} : { M });
    const begin = Math.floor(new Random(attentionCase.seed).integer(keyLength) / n) * n;
    const end = Math.min(keyLength, begin + n);
    const width = output.shape[3];
    for (let sequence = 0; sequence < batch * heads; sequence++) {
      // As the paper has it: latents are the last tokens, and there are no others.
      const [q, k, v] = [queries, keys, values].map((each) => rowsOf(each, sequence));
      const first = q.slice(begin, end);
      const upTo = (last: number) => Array.from({ length: last + 1 }, (_, j) => j);
      const [ofKeys, ofValues] = [k, v].map((rows) => mixed(first, k, rows, (i) => upTo(begin + i)));
      const own = Array.from({ length: optionsOf(attentionCase).layers }, (_, layer) =>
        rowsOf(M as Tensor, layer * heads + (sequence % heads)),
      );
      const { V } = layers({ K: plus(first, ofKeys, 1), V: ofValues }, own, upTo, paper);
      const from = (sequence * keyLength + begin) * width;
      const rows = { ...output, shape: [1, 1, end - begin, width] };
      const data = output.data.slice(from, from + (end - begin) * width);
      expectClose({ ...rows, data }, { ...rows, data: Float64Array.from(V.flat()) }, ROUNDING, `${begin} to ${end}`);
    }
  });
});

test('causal with one latent a segment, or without layers: full attention, doubled by each layer', () => {
  forAllCases(variant, { dtype: 'float64', causal: true, masked: false, maxLength: 30 }, 25, (drawn) => {
    const inputs = inputsOf(drawn);
    const attended = noGrad(() => attend(full, inputs, { causal: true }));
    for (const options of [{ layers: 0 }, { latents: 1 }]) {
      const attentionCase = withOptions(drawn, options);
      const expected = read(noGrad(() => scale(attended, 2 ** optionsOf(attentionCase).layers)));
      expectClose(outputOf(variant, attentionCase, inputs), expected, ROUNDING, JSON.stringify(options));
    }
  });
});

test('the weights of a row sum to 2^N', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, maxLength: 30 }, 30, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const output = outputOf(variant, attentionCase, { ...inputs, values: filled(inputs.values.shape, 1, 'float64') });
    const sum = 2 ** optionsOf(attentionCase).layers;
    expectClose(output, { ...output, data: output.data.map(() => sum) }, ROUNDING, 'sum');
  });
});

test('in both directions the order of the tokens makes no difference to what a query reads', () => {
  forAllCases(variant, { dtype: 'float64', causal: false, masked: false, maxLength: 30 }, 25, (attentionCase) => {
    const { queries, keys, values } = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const turn = new Random(attentionCase.seed).integer(attentionCase.shape.keyLength);
    const turned = (x: Tensor) => noGrad(() => concat([slice(x, 2, turn, x.shape[2]), slice(x, 2, 0, turn)], 2));
    const output = outputOf(variant, attentionCase, { queries, keys, values }, parameters);
    if (turn === 0) return;
    const others = { queries, keys: turned(keys), values: turned(values) };
    expectClose(outputOf(variant, attentionCase, others, parameters), output, ROUNDING, `turned by ${turn}`);
  });
});

test('a state is the keys and values of all tokens, and for each layer the latents of an unfinished segment', () => {
  const [batch, heads, d, n, N] = [3, 2, 4, 3, 2];
  const random = new Random(2);
  const drawn = (name: string) => randomNormal([batch, heads, 1, d], random.split(name));
  let state: AttentionState | null = null;
  for (let t = 1; t <= 10; t++) {
    const token: AttentionInputs = { queries: drawn(`q${t}`), keys: drawn(`k${t}`), values: drawn(`v${t}`) };
    ({ state } = attendFrom(perceiver, token, state, { latents: n, layers: N }, { maxLength: 10 }));
    assert.is(stateBytes(state), 4 * batch * heads * 2 * d * (t + N * (t % n)), `${t} tokens`);
  }
});

test('cost: linear in the tokens in both directions', () => {
  const options = perceiver.defaults(4096);
  const flops = (length: number) => perceiver.cost({ ...squareShape(length), headDim: 64 }, options).flops;
  for (let length = 1024; length <= 2 ** 20; length *= 2) {
    // What latents do among themselves does not grow.
    const grown = flops(4 * length) - flops(2 * length);
    assert.ok(Math.abs(grown / (flops(2 * length) - flops(length)) - 2) < 1e-9, `${length}`);
  }
});

test('no latents, fewer than no layers, and parameters of other numbers are refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(ArgumentError, 'latents', () => void attend(perceiver, inputs, { latents: 0 }));
  expectThrows(ArgumentError, 'layers', () => void attend(perceiver, inputs, { layers: -1 }));
  const parameters = parametersOf(variant, caseOf({}));
  expectThrows(ShapeError, 'parameters.Z', () => void attend(perceiver, inputs, { latents: 5 }, { parameters }));
  const wrong = { latents: 4, layers: 3 };
  expectThrows(ShapeError, 'parameters.M', () => void attend(perceiver, inputs, wrong, { parameters }));
});

test.run();
