/** Synthesizer, held to loops over its definition (Tay et al. 2020, §3) and to what it is with scores that one knows. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { concat, contiguous, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { stateBytes } from '../../src/variants/state.ts';
import { type SynthesizerOptions, synthesizer } from '../../src/variants/synthesizer.ts';
import { KINDS } from '../../src/variants/synthesizer-scores.ts';
import type { AttentionInputs, AttentionShape, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { inAllSettings } from '../laws/settings.ts';
import { byLoops, type Definition, optionsOf, paper, trained } from './synthesizer-written-out.ts';

const variant = findVariant('synthesizer') as AnyVariant;

for (const { name, run } of inAllSettings('equals loops over its definition', ({ draw, tolerance }) => {
  draw(variant, { maxLength: 40 }, 80, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const parameters = trained(attentionCase);
    const expected = byLoops(attentionCase, inputs, parameters);
    expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, tolerance(inputs), 'output');
  });
})) {
  test(name, run);
}

const shapeOf = (length: number, heads = 2): AttentionShape => ({
  ...{ batch: 2, heads, queryLength: length, keyLength: length, headDim: 4 },
  dtype: 'float64',
});

const caseOf = (options: Partial<SynthesizerOptions>, length = 15): AttentionCase => ({
  ...{ shape: shapeOf(length), mask: null, seed: 5 },
  options: checkOptions(synthesizer, options, shapeOf(length)),
});

test('the loops notice scores that are not those of the paper', () => {
  const broken: [SynthesizerOptions['kind'], Partial<Definition>][] = [
    ['dense', { hidden: (x) => x }],
    ['dense+vanilla', { hidden: Math.abs }],
    ['factorized-dense', { hidden: (x) => x }],
    ['factorized-dense', { tile: (j, _a, b) => [Math.floor(j / b), j % b] }],
    ['random+dense', { shares: (logits) => logits }],
    ['random+vanilla', { shares: (logits) => logits.map((each) => 1 / (1 + Math.exp(-each))) }],
  ];
  for (const [kind, change] of broken) {
    const attentionCase = caseOf({ kind, factor: 3 });
    const inputs = inputsOf(attentionCase);
    const parameters = trained(attentionCase);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    const other = byLoops(attentionCase, inputs, parameters, { ...paper, ...change });
    assert.throws(() => expectClose(output, other, 1e-4, kind), kind);
  }
});

test('random scores log A weigh the values by A, in every entry of the batch, and causally by its lower triangle', () => {
  for (const kind of ['random', 'fixed-random'] as const) {
    forAllCases(variant, { dtype: 'float64', masked: false, maxLength: 30 }, 30, (drawn) => {
      const { heads, keyLength: length } = drawn.shape;
      const options = { ...optionsOf(drawn), kind, maxLength: length };
      const attentionCase = { ...drawn, options };
      const random = new Random(drawn.seed).split('A');
      const logs = new Float64Array(heads * length * length);
      const A = Array.from({ length: heads * length }, (_, row) => {
        const i = row % length;
        const numbers = Array.from({ length }, (_, j) => (options.causal && j > i ? 0 : 0.01 + random.uniform()));
        const total = numbers.reduce((sum, each) => sum + each);
        // What a causal token does not see is never read.
        numbers.forEach((each, j) => {
          logs[row * length + j] = each === 0 ? 1e3 : Math.log(each / total);
        });
        return numbers.map((each) => each / total);
      });
      const inputs = inputsOf(attentionCase);
      const R = fromArray(logs, [heads, length, length], 'float64');
      const parameters: Parameters = kind === 'random' ? { R } : { fixedR: R };
      const { shape, data } = read(inputs.values);
      const expected = Float64Array.from(data, (_, n) => {
        const [c, i, sequence] = [n % shape[3], Math.floor(n / shape[3]) % length, Math.floor(n / shape[3] / length)];
        const row = A[(sequence % heads) * length + i];
        return row.reduce((sum, each, j) => sum + each * data[(sequence * length + j) * shape[3] + c], 0);
      });
      const output = outputOf(variant, attentionCase, inputs, parameters);
      expectClose(output, { shape, dtype: 'float64', data: expected }, ROUNDING, kind);
    });
  }
});

test('a mixture that is all dot product is full attention', () => {
  const mixtures = KINDS.filter((kind) => kind.endsWith('+vanilla'));
  for (const kind of mixtures) {
    forAllCases(variant, { dtype: 'float64' }, 20, (drawn) => {
      const attentionCase = { ...drawn, options: { ...optionsOf(drawn), kind } };
      const inputs = inputsOf(attentionCase);
      const parameters = { ...trained(attentionCase), alpha: fromArray([-1e4, 1e4], [2], 'float64') };
      const { causal } = drawn.options;
      const expected = read(noGrad(() => attend(full, inputs, { causal })));
      expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, ROUNDING, kind);
    });
  }
});

/** What a text of `length` tokens takes of parameters for N: the first rows, and of R the first columns. */
function cutTo(length: number, parameters: Parameters): Parameters {
  const entries = Object.entries(parameters).map(([name, tensor]) => {
    if (tensor.shape.length === 1) return [name, tensor];
    const rows = slice(tensor, 1, 0, length);
    return [name, contiguous(name.endsWith('R') ? slice(rows, 2, 0, length) : rows)];
  });
  return Object.fromEntries(entries);
}

test('a shorter text takes the first rows of what was made for a longer one', () => {
  for (const kind of KINDS.filter((each) => !each.startsWith('factorized-dense'))) {
    for (const causal of [false, true]) {
      const attentionCase = caseOf({ kind, causal, maxLength: 23 }, 9);
      const [inputs, parameters] = [inputsOf(attentionCase), trained(attentionCase)];
      const shorter = { ...attentionCase, options: { ...attentionCase.options, maxLength: 9 } };
      const expected = outputOf(variant, shorter, inputs, cutTo(9, parameters));
      expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, ROUNDING, kind);
    }
  }
});

test('masked tokens at the end give what the shorter text gives', () => {
  for (const kind of KINDS) {
    const long = caseOf({ kind }, 15);
    const [inputs, parameters] = [inputsOf(long), trained(long)];
    const begin = { queries: inputs.queries, keys: inputs.keys, values: inputs.values };
    const short = Object.fromEntries(Object.entries(begin).map(([name, rows]) => [name, slice(rows, 2, 0, 9)]));
    const keyMask = fromArray(
      Array.from({ length: 30 }, (_, n) => (n % 15 < 9 ? 1 : 0)),
      [2, 15],
      'uint8',
    );
    const whole = noGrad(() => attend(synthesizer, { ...begin, keyMask }, long.options, { parameters }));
    const alone = noGrad(() => attend(synthesizer, short as unknown as AttentionInputs, long.options, { parameters }));
    expectClose(read(slice(whole, 2, 0, 9)), read(alone), ROUNDING, kind);
  }
});

test('dense: the weights of a token follow from the token, and no other token changes them', () => {
  for (const kind of ['dense', 'factorized-dense'] as const) {
    const attentionCase = caseOf({ kind });
    const [inputs, parameters] = [inputsOf(attentionCase), trained(attentionCase)];
    const others = inputsOf(attentionCase, { name: 'others' }).queries;
    const queries = noGrad(() => concat([slice(inputs.queries, 2, 0, 4), slice(others, 2, 4, 15)], 2));
    const before = outputOf(variant, attentionCase, inputs, parameters);
    const after = outputOf(variant, attentionCase, { ...inputs, queries }, parameters);
    expectClose(after, before, 0, kind, (_b, _h, i) => i < 4);
    assert.throws(() => expectClose(after, before, 1e-3, kind, (_b, _h, i) => i === 4));
  }
});

const PLACE = { modelDim: 8, heads: 2, headDim: 4, length: 6, causal: true, rotary: false, dtype: 'float32' } as const;

test('a layer has no projection for what a kind does not read, and a fixed R stays as it was drawn', () => {
  const layer = (kind: SynthesizerOptions['kind']) =>
    new MultiHeadAttention({ variant: 'synthesizer', options: { kind } }, PLACE, new Random(1));
  const projected = (kind: SynthesizerOptions['kind']) =>
    scope(() => ['query', 'key', 'value'].filter((name) => layer(kind).tensors().has(`${name}.weight`)));
  assert.equal(projected('random'), ['value']);
  assert.equal(projected('factorized-random'), ['value']);
  assert.equal(projected('dense'), ['query', 'value']);
  assert.equal(projected('random+dense'), ['query', 'value']);
  assert.equal(projected('random+vanilla'), ['query', 'key', 'value']);
  scope(() => {
    const { mixing } = layer('fixed-random');
    const { fixedR } = mixing.parameters;
    const before = fixedR.toArray();
    assert.not(fixedR.requiresGrad);
    mixing.redraw(1);
    assert.equal(fixedR.toArray(), before);
  });
});

test('a state holds the values, and keys only where they are compared; memory is O(L) without a bias for each pair', () => {
  const options = (kind: SynthesizerOptions['kind']) => ({ kind, causal: true });
  for (const [kind, rows] of [
    ['dense', 1],
    ['random', 1],
    ['random+vanilla', 2],
  ] as const) {
    const inputs = inputsOf(caseOf({ kind }));
    const { keyMask: _, ...given } = inputs;
    const { state } = attendFrom(synthesizer, given, null, options(kind), { maxLength: 15 });
    assert.is(stateBytes(state), rows * 8 * inputs.values.size);
  }
  for (const kind of ['dense', 'factorized-random', 'factorized-random+vanilla'] as const) {
    const attentionCase = caseOf({ kind }, 600);
    const [inputs, parameters] = [inputsOf(attentionCase), parametersOf(variant, attentionCase)];
    const { largestBytes } = measureMemory(() => outputOf(variant, attentionCase, inputs, parameters));
    assert.ok(largestBytes < 8 * 600 * 600, `${kind}: ${largestBytes}`);
  }
});

test('a text longer than its parameters is refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(ArgumentError, 'maxLength', () => void attend(synthesizer, inputs, { maxLength: 14 }));
  const shape = shapeOf(4);
  const R = drawParameters(synthesizer, checkOptions(synthesizer, { kind: 'random' }, shape), shape, 0);
  expectThrows(ArgumentError, 'parameters.W', () => {
    attend(synthesizer, inputs, { kind: 'dense' }, { parameters: R });
  });
});

test.run();
