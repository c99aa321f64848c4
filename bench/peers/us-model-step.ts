/**
 * One step of training a whole language model, as `train` takes it: a decoder with rotary positions and a normalisation before
 * each branch, the loss of every token, gradients clipped by their norm, AdamW. PyTorch computes the same
 * (bench/pytorch/model_step.py); the losses of the first steps are compared, which hold if all gradients do.
 */
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import { crossEntropy } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { languageModel } from '../../src/training/language-model.ts';
import { AdamW } from '../../src/training/optimizers/adamw.ts';
import { clipScale, gradientNorm } from '../../src/training/optimizers/optimizer.ts';
import { endLearner } from '../../src/training/run.ts';
import { draw, drawBetween } from './inputs.ts';
import type { Prepared } from './peer.ts';
import type { ModelSize } from './protocol.ts';
import { COMPARED_STEPS } from './training-step.ts';

/** Bytes. */
export const VOCABULARY = 256;
const RATE = 1e-3;
const LARGEST_NORM = 1;

/** The stream of each matrix, in every layer the same, and whether its deviation is that of an embedding. */
const STREAMS: Readonly<Record<string, string>> = {
  'embedding.weight': 'wy',
  'query.weight': 'wq',
  'key.weight': 'wk',
  'value.weight': 'wv',
  'output.weight': 'wo',
  W1: 'a',
  W2: 'b',
};

export function prepareModelStep({
  layers,
  width,
  heads,
  length,
  batch,
}: ModelSize & { width: number; length: number }): Prepared {
  const numbers = (name: string) =>
    keep(fromArray(drawBetween(name, batch * length, 0, VOCABULARY).map(Math.floor), [batch, length], 'int32'));
  const [tokens, targets] = [numbers('tokens'), numbers('targets')];
  const start = () => {
    const model = drawModel({ layers, width, heads, length });
    return { model, optimizer: new AdamW(model.parameters()) };
  };
  let current = start();

  /** The loss before the step. */
  const step = (): number => {
    const { model, optimizer } = current;
    const context = { training: true, random: new Random(1) };
    const loss = scope(() => {
      const sum = crossEntropy(model.forward(tokens, context), targets, { reduction: 'sum' });
      backward(sum);
      return sum.item() / targets.size;
    });
    const norm = gradientNorm(model.parameters()) / targets.size;
    optimizer.step(RATE, clipScale(norm, LARGEST_NORM) / targets.size);
    zeroGrad(model.parameters().values());
    return loss;
  };
  const end = () => {
    const { model } = current;
    endLearner({ kind: 'causal', model, logits: () => tokens });
  };
  return {
    run: () => void step(),
    results() {
      end();
      current = start();
      return { losses: Float32Array.from({ length: COMPARED_STEPS }, step) };
    },
    release: end,
  };
}

/** The model, with the numbers that every peer has. */
export function drawModel({
  layers,
  width,
  heads,
  length,
}: Omit<ModelSize, 'batch'> & { width: number; length: number }) {
  const settings = { layers, modelDim: width, heads, length, positions: 'rotary', dropout: 0, causal: true } as const;
  const model = languageModel({ ...settings, vocabulary: VOCABULARY }, 1);
  for (const [name, parameter] of model.parameters()) drawInto(name, parameter, width);
  return model;
}

/** Variance 1/inputs for matrices, 1/width for the embedding; biases and gains stay at 0 and 1. */
function drawInto(name: string, parameter: Tensor, width: number): void {
  const stream = Object.entries(STREAMS).find(([ending]) => name.endsWith(ending))?.[1];
  if (stream === undefined) return;
  const inputs = stream === 'wy' ? width : parameter.shape[0];
  elements(parameter).set(draw(stream, parameter.size, 1 / Math.sqrt(inputs)));
}
