/** Luna, held to loops over its definition (Ma et al. 2021, §3) and to full attention, twice. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { broadcastTo, concat, contiguous, matmul, scale, slice, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { type LunaOptions, luna } from '../../src/variants/luna.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops, expectNoticed, squareShape } from '../laws/written-out.ts';
import { byLoops, type Definition, paper } from './luna-written-out.ts';

const variant = findVariant('luna') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as LunaOptions;

for (const { name, run } of equalsLoops(variant, { maxLength: 40 }, 60, byLoops)) test(name, run);

const caseOf = (options: Partial<LunaOptions>, length = 15): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(luna, { packLength: 3, ...options }, squareShape(length)),
});

test('the loops notice another activation, divisor or scale, and values in place of keys', () => {
  const holes = [0, 1].map((b) => Array.from({ length: 15 }, (_, i) => ((i + b) % 3 === 0 ? 0 : 1)));
  const broken: [Partial<LunaOptions>, Partial<Definition>][] = [
    [{ causal: true }, { omega: { ...paper.omega, softplus: (x) => Math.log1p(Math.exp(x)) } }],
    [{ causal: true, activation: 'elu' }, { omega: { ...paper.omega, elu: (x) => Math.max(0, x) + 1 } }],
    [{ causal: true }, { divisor: () => 1 }],
    [{ causal: true }, { divisor: (_real, all) => all }],
    [{ causal: true }, { scale: () => 1 }],
    [{}, { scale: (d) => 1 / d }],
    [{}, { unpackedBy: 'values' }],
  ];
  for (const [options, change] of broken)
    expectNoticed(variant, { ...caseOf(options), mask: holes }, byLoops, paper, change);
});

test('it is full attention twice: of P to the tokens, and of the tokens to what that gave', () => {
  forAllCases(variant, { dtype: 'float64', causal: false }, 40, (attentionCase) => {
    const { queries, ...others } = inputsOf(attentionCase);
    const { batch, heads, headDim } = attentionCase.shape;
    const { P } = parametersOf(variant, attentionCase);
    const output = outputOf(variant, attentionCase, { queries, ...others }, { P });
    if (attentionCase.mask?.some((row) => !row.includes(1))) return;
    const packed = (values: Tensor) => {
      const pack = contiguous(broadcastTo(P, [batch, heads, P.shape[1], headDim]));
      return attend(full, { ...others, queries: pack, values });
    };
    const expected = noGrad(() => attend(full, { queries, keys: packed(others.keys), values: packed(others.values) }));
    expectClose(output, read(expected), ROUNDING, 'two attentions');
  });
});

test('with l = L and a pack that takes each token as it is, it is full attention', () => {
  for (const length of [1, 2, 5, 11]) {
    const shape = { ...squareShape(length, 12), batch: 1 };
    const random = new Random(length);
    // Keys at right angles to each other: P_i = 10⁴ k_i meets key i alone.
    const keys = atRightAngles(length, 12, random);
    const options = checkOptions(luna, { packLength: length }, shape);
    const drawn = inputsOf({ shape, options, mask: null, seed: length });
    const P = noGrad(() => contiguous(slice(scale(keys, 1e4), 0, 0, 2)));
    const inputs = { ...drawn, keys: fromArray(keys.toArray(), [1, 2, length, 12], 'float64') };
    const output = noGrad(() => attend(luna, inputs, options, { parameters: { P } }));
    expectClose(read(output), read(noGrad(() => attend(full, inputs))), ROUNDING, `${length} tokens`);
  }
});

/** [2, count, width] of norm 1, by Householder reflections of the first unit vectors. */
function atRightAngles(count: number, width: number, random: Random): Tensor {
  const unit = fromArray(
    Array.from({ length: 2 * count * width }, (_, n) => (n % width === Math.floor(n / width) % count ? 1 : 0)),
    [2, count, width],
    'float64',
  );
  const u = randomNormal([2, width, 1], random, 'float64');
  return noGrad(() => {
    const squares = matmul(transpose(u, [0, 2, 1]), u).toArray();
    const along = matmul(unit, u);
    const rows = matmul(along, transpose(u, [0, 2, 1])).toArray();
    const per = count * width;
    return fromArray(
      unit.toArray().map((each, n) => each - (2 * rows[n]) / squares[Math.floor(n / per)]),
      [2, count, width],
      'float64',
    );
  });
}

test('causal with a single packed row: the running mean of ω(p·k) v, whatever the query', () => {
  forAllCases(variant, { dtype: 'float64', causal: true, masked: false }, 20, (drawn) => {
    const attentionCase = { ...drawn, options: { ...optionsOf(drawn), packLength: 1 } };
    const inputs = inputsOf(attentionCase);
    const others = inputsOf(attentionCase, { name: 'others' });
    const parameters = parametersOf(variant, attentionCase);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    const asked = outputOf(variant, attentionCase, { ...inputs, queries: others.queries }, parameters);
    expectClose(asked, output, ROUNDING, 'another query');
  });
});

test('causal: padding between tokens changes nothing for the others, as if it were not there', () => {
  forAllCases(variant, { dtype: 'float64', causal: true, masked: true, minLength: 2 }, 30, (drawn) => {
    const attentionCase = {
      ...drawn,
      shape: { ...drawn.shape, batch: 1 },
      mask: (drawn.mask as number[][]).slice(0, 1),
    };
    const [row] = attentionCase.mask;
    const kept = row.flatMap((flag, i) => (flag === 1 ? [i] : []));
    if (kept.length === 0) return;
    const { keyMask: _, ...inputs } = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const whole = outputOf(variant, attentionCase, inputsOf(attentionCase), parameters);
    const pick = (x: Tensor) =>
      noGrad(() =>
        concat(
          kept.map((i) => slice(x, 2, i, i + 1)),
          2,
        ),
      );
    const { queries, keys, values } = inputs;
    const short = { queries: pick(queries), keys: pick(keys), values: pick(values) };
    const alone = read(noGrad(() => attend(luna, short, optionsOf(attentionCase), { parameters })));
    const ofWhole = pick(fromArray(whole.data, whole.shape, 'float64'));
    expectClose(read(ofWhole), alone, ROUNDING, `tokens ${kept}`);
  });
});

test('a state is two sums of l × d numbers and a count, however long the text', () => {
  const [batch, heads, d, l] = [3, 2, 4, 5];
  const random = new Random(2);
  const drawn = (name: string) => randomNormal([batch, heads, 1, d], random.split(name));
  let state: AttentionState | null = null;
  for (let n = 0; n < 9; n++) {
    const token: AttentionInputs = { queries: drawn(`q${n}`), keys: drawn(`k${n}`), values: drawn(`v${n}`) };
    ({ state } = attendFrom(luna, token, state, { packLength: l }, { maxLength: 9 }));
    assert.is(stateBytes(state), 2 * 4 * batch * heads * l * d + 8 * batch);
  }
});

test('cost: linear in the length, both ways', () => {
  for (const causal of [false, true]) {
    const options = { ...luna.defaults(512), causal };
    const flops = (length: number) => luna.cost({ ...squareShape(length), headDim: 64 }, options).flops;
    for (let length = 1024; length <= 2 ** 20; length *= 2) {
      assert.ok(Math.abs(flops(2 * length) / flops(length) - 2) < 1e-9, `${length}`);
    }
  }
});

test('a pack without rows, an unknown activation and parameters of another pack are refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(ArgumentError, 'packLength', () => void attend(luna, inputs, { packLength: 0 }));
  expectThrows(ArgumentError, 'activation', () => void attend(luna, inputs, { activation: 'relu' as 'elu' }));
  const parameters = parametersOf(variant, caseOf({ packLength: 4 }));
  expectThrows(ShapeError, 'parameters.P', () => void attend(luna, inputs, { packLength: 5 }, { parameters }));
});

test.run();
