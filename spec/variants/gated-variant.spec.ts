/** A variant with gates takes one file and one line: it attends, goes on from a state, obeys the laws, trains and compares. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attentionRows } from '../../src/compare/attention-rows.ts';
import { compare } from '../../src/compare/compare.ts';
import { syntheticInput } from '../../src/compare/synthetic.ts';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import { completeConfig } from '../../src/training/config.ts';
import { started } from '../../src/training/gate-start.ts';
import { linearParameters } from '../../src/training/linear.ts';
import { evaluation } from '../../src/training/module.ts';
import { endRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import { Transformer } from '../../src/training/transformer.ts';
import { attend } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import {
  ACTIVATION_NAMES,
  activate,
  type Gate,
  type GateColumn,
  gatesOf,
  mapTokens,
  rangeOfGate,
} from '../../src/variants/inputs.ts';
import { type AnyVariant, allVariants, findVariant, register } from '../../src/variants/registry.ts';
import type { AttentionState } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { outputOf as printed } from '../cli/host.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { lawsOf } from '../laws/laws.ts';
import { checkParameters, drawTokens, stepOf, stir } from '../training/modules.ts';
import { tinyRun } from '../training/runs.ts';
import { type GatedOptions, gated } from './gated-variant.ts';

register(gated);

const variant = findVariant('gated') as AnyVariant;

for (const { name, run } of lawsOf(variant)) test(`obeys: ${name}`, run);

/** The recurrence by plain loops over numbers in float64. */
function byLoops(
  { queries, keys, values, gates = {} }: AttentionInputs,
  D: Tensor,
  { deltaRule }: GatedOptions,
): Output {
  const [batch, heads, length, d] = queries.shape;
  const [q, k, v, g, b, skip] = [queries, keys, values, gates.logDecay, gates.beta, D].map((each) => each.toArray());
  const output = new Float64Array(v.length);
  for (let head = 0; head < batch * heads; head++) {
    const S = Array.from({ length: d }, () => new Float64Array(d));
    for (let t = 0; t < length; t++) {
      const row = (head * length + t) * d;
      const norm = Math.hypot(...k.subarray(row, row + d));
      const key = Array.from(k.subarray(row, row + d), (each) => each / norm);
      for (let c = 0; c < d; c++) {
        let known = 0;
        for (let m = 0; m < d; m++) {
          S[m][c] *= Math.exp(g[head * length + t]);
          known += key[m] * S[m][c];
        }
        const written = deltaRule ? b[head * length + t] * (v[row + c] - known) : v[row + c];
        for (let m = 0; m < d; m++) {
          S[m][c] += key[m] * written;
          output[row + c] += (q[row + m] / Math.sqrt(d)) * S[m][c];
        }
        output[row + c] += skip[head % heads] * v[row + c];
      }
    }
  }
  return { shape: values.shape, dtype: 'float64', data: output };
}

const wishes = { dtype: 'float64', masked: false, maxLength: 40 } as const;
const optionsOf = ({ options }: AttentionCase) => options as GatedOptions;

test('its gates are what the equations take', () => {
  forAllCases(variant, wishes, 30, (attentionCase) => {
    const parameters = parametersOf(variant, attentionCase);
    const inputs = inputsOf(attentionCase);
    assert.equal(Object.keys(inputs.gates ?? {}), ['logDecay', 'beta']);
    const expected = byLoops(inputs, parameters.D, optionsOf(attentionCase));
    expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, ROUNDING, 'output');
  });
});

test('a gate that is left out is what its declaration says', () => {
  forAllCases(variant, wishes, 10, (attentionCase) => {
    const { gates, ...inputs } = inputsOf(attentionCase);
    const { batch, heads, keyLength } = attentionCase.shape;
    const neutral = {
      logDecay: zeros([batch, heads, keyLength], 'float64'),
      beta: filled([batch, heads, keyLength], 1, 'float64'),
    };
    const written = outputOf(variant, attentionCase, { ...inputs, gates: neutral });
    expectClose(outputOf(variant, attentionCase, inputs), written, 0, 'output');
  });
});

test('a segment and then one token after another give the rows of one run, gates and all', () => {
  forAllCases(variant, { ...wishes, minLength: 3 }, 15, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const { keyLength: maxLength } = attentionCase.shape;
    const parameters = parametersOf(variant, attentionCase);
    const whole = outputOf(variant, attentionCase, inputs, parameters);
    const first = Math.ceil(maxLength / 2);
    let state: AttentionState | null = null;
    for (let begin = 0; begin < maxLength; ) {
      const end = begin === 0 ? first : begin + 1;
      const piece = mapTokens(inputs, (rows) => slice(rows, 2, begin, end));
      const result: { output: Tensor; state: AttentionState } = attendFrom(
        variant,
        piece,
        state,
        attentionCase.options,
        { maxLength, parameters },
      );
      const rows = { ...whole, shape: [...result.output.shape], data: rowsOf(whole, begin, end) };
      expectClose(read(result.output), rows, ROUNDING, `tokens ${begin} to ${end}`);
      ({ state } = result);
      begin = end;
    }
  });
});

function rowsOf({ shape, data }: Output, begin: number, end: number): Float64Array {
  const rows = slice(fromArray(data, shape, 'float64'), 2, begin, end);
  return rows.toArray() as Float64Array;
}

test('a decay of 0 is refused in float32 and float64 by a message that says numbers are finite', () => {
  for (const variant of allVariants()) {
    const { name } = variant;
    for (const [gateName, gate] of Object.entries(gatesOf(variant.inputs, variant.defaults(4)))) {
      if (gate.activation !== 'logSigmoid') continue;
      for (const dtype of ['float32', 'float64'] as const) {
        const rows = zeros([1, 2, 4, 4], dtype);
        const given = filled([1, 2, 4, ...(gate.width === undefined ? [] : [4])], Number.NEGATIVE_INFINITY, dtype);
        assert.throws(
          () => attend(variant, { queries: rows, keys: rows, values: rows, gates: { [gateName]: given } }),
          new RegExp(`gates.${gateName}: expected a finite number at most 0, got -Infinity`),
          `${name} ${dtype}`,
        );
      }
    }
  }
});

test('what does not fit is refused by name', () => {
  const [x, gate] = [zeros([1, 2, 5, 4]), zeros([1, 2, 5])];
  const inputs = { queries: x, keys: x, values: x };
  const refuses = (Kind: typeof ArgumentError | typeof ShapeError, name: string, gates: Record<string, Tensor>) =>
    expectThrows(Kind, name, () => attend(gated, { ...inputs, gates }));
  for (const wrong of [0.1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    refuses(ArgumentError, 'gates.logDecay', { logDecay: filled([1, 2, 5], wrong) });
  }
  for (const wrong of [-0.1, 1.1, Number.NaN]) refuses(ArgumentError, 'gates.beta', { beta: filled([1, 2, 5], wrong) });
  for (const shape of [[1, 2, 4], [1, 2, 5, 1], [1, 1, 5], [5]]) {
    refuses(ShapeError, 'gates.beta', { logDecay: gate, beta: zeros(shape) });
  }
  refuses(ArgumentError, 'gates.beta', { beta: zeros([1, 2, 5], 'float64') });
  refuses(ArgumentError, 'gates.beta', { beta: 'none' as unknown as Tensor });
  refuses(UnsupportedError, 'gates.delta', { delta: gate });
  expectThrows(UnsupportedError, 'gates.beta', () => attend(full, { ...inputs, gates: { beta: gate } }));
  expectThrows(ArgumentError, 'gates', () =>
    attend(gated, { ...inputs, gates: 5 as unknown as Record<string, Tensor> }),
  );
  expectThrows(UnsupportedError, 'causal', () => attend(gated, inputs, { causal: false }));
  const needed = {
    ...gated,
    inputs: { gates: { beta: { activation: 'sigmoid', description: 'needed' } } },
  } as AnyVariant;
  expectThrows(ArgumentError, 'gates.beta', () => attend(needed, inputs));
});

test('a gate may be in what a masked token holds whatever it likes', () => {
  const random = new Random(3);
  const draw = (name: string) =>
    fromArray(random.split(name).fillNormal(new Float64Array(20)), [1, 1, 5, 4], 'float64');
  const inputs = { queries: draw('q'), keys: draw('k'), values: draw('v') };
  const keyMask = fromArray([1, 1, 0, 1, 1], [1, 5], 'uint8');
  const run = (masked: number) => {
    const gates = { logDecay: fromArray([-1, -2, masked, -0.5, 0], [1, 1, 5], 'float64') };
    return attend(gated, { ...inputs, keyMask, gates }, {}, { checkFinite: false }).toArray();
  };
  const others = (rows: ArrayLike<number>) => Array.from(rows).filter((_, n) => n < 8 || n >= 12);
  assert.equal(others(run(Number.NaN)), others(run(-3)));
});

const SETTINGS = {
  ...{ vocabulary: 7, length: 10, layers: 2, modelDim: 6, heads: 2, headDim: 4, feedForwardDim: 8 },
  ...({ dtype: 'float64', causal: true, attention: { variant: 'gated' } } as const),
};

function model(settings: object = {}): Transformer {
  const transformer = new Transformer(completeConfig({ ...SETTINGS, ...settings }), new Random(1));
  stir(transformer.tensors(), 1);
  return transformer;
}

test('a layer makes the gates: projections of their own, with gradients, in a model that is reversible or not', () => {
  for (const residual of ['plain', 'reversible'] as const) {
    const transformer = model({ residual });
    const names = [...transformer.tensors().keys()];
    for (const part of ['gates.logDecay.weight', 'gates.logDecay.bias', 'gates.beta.weight', 'D']) {
      assert.ok(names.includes(`layers.1.attention.${part}`), part);
    }
    const tokens = drawTokens(2, 9, 7, 1);
    checkParameters(() => transformer.forward(tokens, stepOf(3)), transformer.tensors());
  }
});

test('the projections of gates start where the declaration says', () => {
  const { gates } = new Transformer(completeConfig(SETTINGS), new Random(1)).layers[0].attention;
  assert.equal([...(gates.logDecay.bias as Tensor).toArray()], [2, 2]);
  assert.equal([...(gates.beta.bias as Tensor).toArray()], [0, 0]);
});

test('a bias may differ from column to column or be drawn, and still gates are the same for every token', () => {
  const seen: GateColumn[] = [];
  const bias = (at: GateColumn) => {
    seen.push(at);
    return at.index + at.random.uniform();
  };
  const gate: Gate = { activation: 'none', description: '', bias, still: true };
  const start = (seed: number) => {
    return started(linearParameters(5, 6, new Random(1), 'float64'), gate, 3, new Random(seed));
  };
  const [one, same, other] = [start(2), start(2), start(3)].map(({ weight, bias: made }) => {
    assert.ok(weight.toArray().every((each) => each === 0));
    return [...(made as Tensor).toArray()];
  });
  assert.equal(one.map(Math.floor), [0, 1, 2, 3, 4, 5]);
  assert.equal(same, one);
  assert.not.equal(other, one);
  const places = seen.slice(0, 6).map(({ column, width, index, all }) => [column, width, index, all]);
  assert.equal(
    places,
    [0, 1, 2, 3, 4, 5].map((n) => [n % 3, 3, n, 6]),
  );
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, '1', undefined]) {
    const declared = { ...gate, bias: () => wrong as number };
    expectThrows(ArgumentError, 'bias', () =>
      started(linearParameters(5, 6, new Random(1), 'float64'), declared, 3, new Random(1)),
    );
  }
});

test('a model that generates gives the rows of its forward pass, and shows the gates that a layer has made', () => {
  const transformer = model();
  const tokens = drawTokens(2, 10, 7, 2);
  const whole = noGrad(() => transformer.forward(tokens, evaluation));
  const steps = transformer.startSteps(2);
  for (let i = 0; i < 10; i++) {
    const row = read(steps.step(slice(tokens, 1, i, i + 1)));
    expectClose(row, read(slice(whole, 1, i, i + 1)), ROUNDING, `token ${i}`);
  }
  steps.end();
  const { gates } = transformer.attentionInputs(tokens, 1);
  assert.equal(gates?.logDecay.shape, [2, 2, 10]);
  assert.ok(gates?.logDecay.toArray().every((each) => each < 0));
});

test('it trains', async () => {
  const run = tinyRun({ steps: 30, model: { causal: true, attention: { variant: 'gated' }, dropout: 0 } as never });
  const losses: number[] = [];
  await train(run, { onStep: ({ loss }) => void losses.push(loss) });
  endRun(run);
  assert.ok(losses.length === 30 && losses[29] < losses[0], `${losses[0]} to ${losses[29]}`);
});

test('it compares, and is described on the command line', async () => {
  const input = syntheticInput({ lengths: [24], heads: 2, headDim: 8 });
  const settings = { variants: ['gated'], causal: true, timing: { minTurns: 1, maxTurns: 1 } };
  const { results } = await compare(input, settings);
  assert.equal(
    results.filter(({ variant: name }) => name === 'gated').map(({ options }) => options),
    [{ causal: true, deltaRule: true }],
  );
  await assertRejects(
    () => compare(input, { ...settings, causal: false }),
    /causal: expected true for gated, which reads in one direction/,
  );
  const rows = attentionRows(gated, input.cases[0].load(), {}, [0, 23]);
  assert.equal(rows.shape, [1, 2, 2, 24]);
  const text = await printed(['variants', 'gated']);
  assert.match(text, /deltaRule .*true, false .*true/);
});

async function assertRejects(body: () => Promise<unknown>, words: RegExp): Promise<void> {
  const error = await body().then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof UnsupportedError && words.test(error.message), String(error));
}

/** In float64, written for accuracy: each by itself. */
const FORMULAS: Record<(typeof ACTIVATION_NAMES)[number], (x: number) => number> = {
  none: (x) => x,
  sigmoid: (x) => (x > 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  logSigmoid: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
};

for (const activation of ACTIVATION_NAMES) {
  test(`${activation}: the formula, its slope and its range, for numbers of any size`, () => {
    const numbers = fc.array(
      fc.oneof(fc.double({ min: -30, max: 30, noNaN: true }), fc.double({ min: -1e6, max: 1e6, noNaN: true })),
      {
        minLength: 1,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(numbers, fc.constantFrom(1, 2, 1 / 16), (drawn, times) => {
        const gate: Gate = { activation, times, description: '' };
        const [least, most] = rangeOfGate(gate, { causal: true });
        for (const dtype of ['float32', 'float64'] as const) {
          const x = fromArray(drawn, [drawn.length], dtype);
          const [given, made] = [x.toArray(), activate(x, gate, { causal: true }).toArray()];
          made.forEach((value, n) => {
            const expected = times * FORMULAS[activation](given[n]);
            const bound = dtype === 'float32' ? 1e-6 : 1e-14;
            assert.ok(Math.abs(value - expected) <= bound * Math.max(1, Math.abs(expected)), `${given[n]}: ${value}`);
            assert.ok(value >= least && value <= most);
          });
        }
      }),
    );
    const near = fromArray([-20, -3, -0.5, 0.4, 2, 15], [6], 'float64').withGrad();
    checkGradients(() => activate(near, { activation, times: 2, description: '' }, { causal: true }), [near]);
  });
}

test('the slopes of softplus and of its mirror image are ½ at 0', () => {
  for (const activation of ['softplus', 'logSigmoid'] as const) {
    const zero = zeros([1], 'float64').withGrad();
    checkGradients(() => activate(zero, { activation, description: '' }, { causal: true }), [zero]);
  }
});

test.run();
