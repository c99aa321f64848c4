/**
 * Our optimisers against PyTorch's, step by step: fixtures/golden/optimizers.safetensors, made by
 * fixtures/scripts/golden/optimizers.py.
 */
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../../../src/core/files/safetensors.ts';
import { fromArray, type Tensor } from '../../../src/core/tensor.ts';
import { Adafactor } from '../../../src/training/optimizers/adafactor.ts';
import { AdamW } from '../../../src/training/optimizers/adamw.ts';
import type { Optimizer } from '../../../src/training/optimizers/optimizer.ts';
import { clipScale, gradientNorm } from '../../../src/training/optimizers/optimizer.ts';
import { adafactorRate } from '../../../src/training/optimizers/schedules.ts';
import { SGD } from '../../../src/training/optimizers/sgd.ts';

/** A run as the script describes it, in PyTorch's words. */
interface Run {
  optimizer: 'SGD' | 'AdamW' | 'Adafactor';
  options: {
    momentum?: number;
    nesterov?: boolean;
    weight_decay?: number;
    betas?: [number, number];
    eps?: number;
    d?: number;
    beta2_decay?: number;
  };
  clip?: number;
}

const path = fileURLToPath(new URL('../../../fixtures/golden/optimizers.safetensors', import.meta.url));
const golden = readSafetensors(path);
const runs = JSON.parse(golden.metadata.get('runs') ?? '') as Record<string, Run>;
const rates = JSON.parse(golden.metadata.get('rates') ?? '') as number[];

/**
 * A step rounds a handful of float32 numbers of the size of the parameter, in another order than ours, by 6 · 10⁻⁸ each;
 * twelve steps add up to less than this, relative to max(1, |θ|).
 */
const TOLERANCE = 1e-6;
/** Means of squares lose a rounding at every step too, relative to each by itself. */
const STATE_TOLERANCE = 2e-6;
/** Sums of gradients of either sign, up to 10 in size, may cancel: relative to 1 at least. */
const signed = new Set(['momentum_buffer', 'exp_avg']);

function ours({ optimizer, options }: Run, parameters: Map<string, Tensor>): Optimizer {
  const { momentum, nesterov, weight_decay: weightDecay, betas = [0.9, 0.999], eps: epsilon, d, beta2_decay } = options;
  const decays = () => true;
  // What is left out in either is the default of both; PyTorch's decay of AdamW is written out in every run.
  const given = <T extends object>(settings: T) =>
    Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<T>;
  if (optimizer === 'SGD') return new SGD(parameters, given({ momentum, nesterov, weightDecay, decays }));
  if (optimizer === 'AdamW') {
    return new AdamW(parameters, given({ beta1: betas[0], beta2: betas[1], epsilon, weightDecay, decays }));
  }
  const decayExponent = beta2_decay === undefined ? undefined : -beta2_decay;
  return new Adafactor(parameters, given({ clippingThreshold: d, decayExponent, weightDecay, decays }));
}

const load = (name: string): Float32Array => golden.tensors.get(name)?.load() as Float32Array;

/** How PyTorch's names of an optimiser's state are spelled here. */
const STATE_NAMES: Record<string, string> = {
  momentum_buffer: 'velocity',
  exp_avg: 'm',
  exp_avg_sq: 'v',
  row_var: 'R',
  col_var: 'C',
  variance: 'C',
};

const NAMES = ['matrix', 'vector', 'tensor', 'scalar'];

function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  floor: number,
  what: string,
) {
  assert.is(actual.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]) / Math.max(floor, Math.abs(expected[i]));
    assert.ok(difference <= tolerance, `${what}: element ${i} is ${actual[i]}, PyTorch has ${expected[i]}`);
  }
}

assert.is(Object.keys(runs).length, 8);
assert.is(rates.length, 12);

for (const [name, run] of Object.entries(runs)) {
  test(`${name}: twelve steps as PyTorch takes them, and the state after them`, () => {
    const parameters = new Map<string, Tensor>();
    for (const each of NAMES) {
      const { shape } = golden.tensors.get(`${name}/${each}/start`) ?? { shape: [] };
      parameters.set(each, fromArray(load(`${name}/${each}/start`), shape).withGrad());
    }
    const optimizer = ours(run, parameters);
    for (const [index, rate] of rates.entries()) {
      for (const [each, parameter] of parameters) {
        const from = index * parameter.size;
        const gradient = load(`${name}/${each}/gradients`).subarray(from, from + parameter.size);
        parameter.grad = fromArray(gradient, parameter.shape);
      }
      // PyTorch divides by the norm plus 10⁻⁶, which is 10⁻⁶ of a norm of 1 or more.
      const scale = run.clip === undefined ? 1 : clipScale(gradientNorm(parameters), run.clip);
      const clipSlack = run.clip === undefined ? 0 : 1e-6;
      optimizer.step(run.optimizer === 'Adafactor' ? adafactorRate(index + 1, rate) : rate, scale);
      for (const [each, parameter] of parameters) {
        const from = index * parameter.size;
        const expected = load(`${name}/${each}/after`).subarray(from, from + parameter.size);
        expectClose(parameter.toArray(), expected, TOLERANCE + clipSlack, 1, `step ${index + 1}, ${each}`);
      }
    }
    const state = optimizer.state();
    for (const stored of golden.tensors.keys()) {
      const [owner, each, , key] = stored.split('/');
      if (owner !== name || key === undefined) continue;
      const own = state.get(`${each}.${STATE_NAMES[key]}`) as Tensor;
      // A clipped gradient is off by 10⁻⁶ (above).
      const tolerance = STATE_TOLERANCE + (run.clip === undefined ? 0 : 1e-6);
      expectClose(own.toArray(), load(stored), tolerance, signed.has(key) ? 1 : 0, `state ${key} of ${each}`);
    }
  });
}

test.run();
