/**
 * The steps of a loop against PyTorch's: parts of a batch, clipping, schedules; fixtures/golden/training-steps.safetensors,
 * made by fixtures/scripts/golden/training_steps.py.
 */
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../../src/core/autograd.ts';
import { readSafetensors } from '../../../src/core/files/safetensors.ts';
import type { NumericArray } from '../../../src/core/memory.ts';
import { add, crossEntropy, matmul } from '../../../src/core/ops/index.ts';
import { scope } from '../../../src/core/scope.ts';
import { fromArray } from '../../../src/core/tensor.ts';
import { AdamW } from '../../../src/training/optimizers/adamw.ts';
import { clipScale, gradientNorm } from '../../../src/training/optimizers/optimizer.ts';
import { learningRate, type Schedule } from '../../../src/training/optimizers/schedules.ts';
import { SGD } from '../../../src/training/optimizers/sgd.ts';

const path = fileURLToPath(new URL('../../../fixtures/golden/training-steps.safetensors', import.meta.url));
const golden = readSafetensors(path);
const json = (name: string) => JSON.parse(golden.metadata.get(name) ?? '');
const runs = json('runs') as Record<string, { optimizer: string; parts: number; clip: number }>;
const { peak, warmup, total } = json('schedule') as { peak: number; warmup: number; total: number };

/** Of the one that the run's name says. */
function scheduleOf(name: string): Schedule {
  // The formula of Vaswani et al. with its highest rate at the peak, whatever the width.
  const modelDim = 64;
  if (name === 'cosine') return { kind: 'cosine', peak, warmup, total };
  return { kind: 'inverse-square-root', modelDim, warmup, scale: peak * Math.sqrt(modelDim * warmup) };
}

/** Theirs is a float32. */
const RATE_TOLERANCE = 1e-7;
/**
 * A gradient rounds a few float32 numbers of size 1, by 6 · 10⁻⁸ each; PyTorch clips by the norm plus 10⁻⁶, where norms are
 * about 0.5 or more: 2 · 10⁻⁶ of it. Steps move by 0.05 times that at most, and twenty of them, with momentum, add up.
 */
const TOLERANCE = 1e-5;

assert.equal(Object.keys(runs), ['cosine', 'inverse-square-root']);

for (const [name, { optimizer: kind, parts, clip }] of Object.entries(runs)) {
  test(`${name}: parts added up, clipped, and moved by at the rate that PyTorch has`, () => {
    const load = (key: string) => golden.tensors.get(`${name}/${key}`)?.load() as NumericArray;
    const shape = (key: string) => golden.tensors.get(`${name}/${key}`)?.shape as readonly number[];
    const start = (key: string) => fromArray(load(`${key}/start`), shape(`${key}/start`)).withGrad();
    const [weight, bias] = [start('weight'), start('bias')];
    const parameters = new Map([
      ['weight', weight],
      ['bias', bias],
    ]);
    const decays = () => false;
    const optimizer =
      kind === 'AdamW' ? new AdamW(parameters, { decays }) : new SGD(parameters, { momentum: 0.9, decays });
    const schedule = scheduleOf(name);
    const [steps, batch, inputs] = shape('inputs');
    assert.is(steps, total);
    const own = batch / parts;
    let clipped = 0;
    for (let step = 1; step <= steps; step++) {
      for (let part = 0; part < parts; part++) {
        const first = (step - 1) * batch + part * own;
        scope(() => {
          const x = fromArray(load('inputs').subarray(first * inputs, (first + own) * inputs), [own, inputs]);
          const classes = fromArray(load('targets').subarray(first, first + own), [own], 'int32');
          backward(crossEntropy(add(matmul(x, weight), bias), classes, { reduction: 'sum' }));
        });
      }
      const norm = gradientNorm(parameters) / batch;
      assertClose([norm], [load('norms')[step - 1]], TOLERANCE, `norm of step ${step}`);
      if (norm > clip) clipped++;
      const rate = learningRate(schedule, step);
      assertClose([rate / peak], [load('rates')[step - 1] / peak], RATE_TOLERANCE, `rate of step ${step}`);
      optimizer.step(rate, clipScale(norm, clip) / batch);
      zeroGrad(parameters.values());
      for (const [each, tensor] of parameters) {
        const expected = load(`${each}/after`).subarray((step - 1) * tensor.size, step * tensor.size);
        assertClose(tensor.toArray(), expected, TOLERANCE, `step ${step}, ${each}`);
      }
    }
    // Otherwise the fixture would not hold clipping to anything.
    assert.ok(clipped > 0 && clipped < steps, `${clipped} of ${steps} steps are clipped`);
  });
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.is(actual.length, expected.length, what);
  for (let n = 0; n < actual.length; n++) {
    const difference = Math.abs(actual[n] - expected[n]) / Math.max(1, Math.abs(expected[n]));
    assert.ok(difference <= tolerance, `${what}: element ${n} is ${actual[n]}, PyTorch has ${expected[n]}`);
  }
}

test.run();
