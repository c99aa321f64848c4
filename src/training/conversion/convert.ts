/**
 * Trains a model whose attention was replaced until it computes what the original did, as Hedgehog (Zhang et al. 2024,
 * 2402.04347, §4.2) and LoLCATs (Zhang et al. 2024, 2410.10254, §3.1) do. First every attention learns, by itself, what the
 * original's gives for the same x; then the whole model learns what the original says:
 *
 *     Σ_layers ‖ attention′(x) − attention(x) ‖² / ‖ attention(x) ‖²,       then the distance of the outputs
 *
 * or, by `match: 'weights'`, as Hedgehog itself does, with its weights in place of what it gives (weights.ts).
 *
 * Departs from the papers: outputs are compared after the output projection, relative to their size, so that variants may change
 * that projection too; and the second part follows the original's outputs, not the tokens of the text.
 */

import { nextTurn } from '#platform/turn';
import { backward, zeroGrad } from '../../core/autograd.ts';
import { NumericalError } from '../../core/errors.ts';
import {
  type Check,
  expectFunction,
  expectOptions,
  expectRecord,
  integerOf,
  numberOf,
  oneOf,
  optional,
} from '../../core/expect.ts';
import { Random } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { Tensor } from '../../core/tensor.ts';
import { AdamW } from '../optimizers/adamw.ts';
import { clipScale, gradientNorm } from '../optimizers/optimizer.ts';
import { learningRate, type Schedule } from '../optimizers/schedules.ts';
import { driftByLayer } from './drift.ts';
import { type ConversionKeep, digestOf, expectKeep, KeptConversion } from './kept.ts';
import { relativeDistance } from './losses.ts';
import { callsOf, type Origin, type Pair } from './pair.ts';
import { weightsCrossEntropy } from './weights.ts';

export const TRAINED = ['added', 'attention', 'all'] as const;
export const MATCHED = ['outputs', 'weights'] as const;

/** How a model is converted. */
export interface ConversionSettings {
  /** Steps of training: the first half, rounded up, for each attention by itself. 0: none. */
  steps: number;
  /** The largest learning rate. It rises for a twentieth of each half, and falls as half a cosine. */
  rate: number;
  /**
   * What learns: what the other attention adds, or also the projections around it, or also all else (in the second half). An
   * attention that adds nothing learns by its projections.
   */
  train: 'added' | 'attention' | 'all';
  /**
   * What each attention learns in the first half: what the original's gives (the default), or its weights, by their cross-entropy
   * (weights.ts), for which both attentions need weights above 0 for every key.
   */
  match?: 'outputs' | 'weights';
  /** Of the examples. */
  seed: number;
  /** Batches of held-out examples on which the drift is measured. */
  heldOut: number;
  /** Where it is kept while it goes on: a conversion that was stopped or killed continues from there. */
  keep?: ConversionKeep;
}

/** One step: of which half, and its loss before it. */
export interface ConversionStep {
  part: 'attention' | 'outputs';
  step: number;
  loss: number;
}

/** Callbacks of a conversion; all are optional. */
export interface ConversionObserver {
  /** Called before the first step, if it continues after this one. */
  onResume?(step: number): void;
  onStep?(report: ConversionStep): void;
  /** Asked after each step; if true, the model stays as it is then. */
  shouldStop?(): boolean;
}

/** What a conversion did. */
export interface ConversionReport {
  /**
   * Of each layer: ‖attention′(x) − attention(x)‖ / ‖attention(x)‖ on held-out examples, for the original's x: before, after
   * the first half, and at the end. Where the second half makes it larger, later layers make up for it.
   */
  drift: { swapped: number[]; matched: number[]; converted: number[] };
  /** Steps that were taken. */
  steps: number;
  stopped: boolean;
  /** How many numbers learned, and how many of them the attention added. */
  learned: { numbers: number; added: number };
}

const CLIP = 1;
const WARMUP = 1 / 20;

const CHECKS: Readonly<Record<keyof ConversionSettings, Check>> = {
  keep: optional(expectKeep),
  steps: integerOf(0),
  rate: numberOf(0),
  train: oneOf(...TRAINED),
  match: optional(oneOf(...MATCHED)),
  seed: integerOf(Number.MIN_SAFE_INTEGER),
  heldOut: integerOf(1),
};

/** Throws ArgumentError unless all settings are there, within their limits, and no others but `more`. */
export function expectConversionSettings(settings: object, more: Readonly<Record<string, Check>> = {}): void {
  expectOptions<Record<string, unknown>>('settings', settings as Record<string, unknown>, { ...CHECKS, ...more });
  for (const [name, check] of Object.entries(CHECKS)) check(name, (settings as Record<string, unknown>)[name]);
}

/**
 * Takes the steps, and measures the drift before and after. The converted model's tensors change in place. Throws NumericalError
 * for a loss or a gradient that is not finite; the parameters are then as before that step.
 */
export async function convert<Input>(
  pair: Pair<Input>,
  settings: ConversionSettings,
  observer: ConversionObserver = {},
): Promise<ConversionReport> {
  expectConversionSettings(settings);
  const heard = optional(expectFunction);
  expectRecord('observer', observer as object, { onResume: heard, onStep: heard, shouldStop: heard });
  const swapped = driftByLayer(pair, settings);
  let matched = swapped;
  const first = Math.ceil(settings.steps / 2);
  const halves = [
    { part: 'attention', begin: 0, steps: first },
    { part: 'outputs', begin: first, steps: settings.steps - first },
  ] as const;
  const random = new Random(settings.seed).split('conversion');
  const ofAttention = chosen(pair, settings.train === 'all' ? 'attention' : settings.train);
  const learned = settings.train === 'all' ? chosen(pair, 'all') : ofAttention;
  const kept = keptOf(pair, settings, learned);
  const learning = (step: number) => (step <= first ? ofAttention : learned);
  const before = kept?.read({ steps: settings.steps, first, layers: pair.layers, learning }) ?? null;
  let [done, stopped] = [before?.step ?? 0, false];
  if (before !== null) observer.onResume?.(done);
  for (const { part, begin, steps } of halves) {
    if (stopped || steps === 0) continue;
    const tensors = part === 'attention' ? ofAttention : learned;
    requireGradients(pair, tensors);
    const optimizer = new AdamW(tensors, { weightDecay: 0 });
    if (done > begin && done < begin + steps) before?.into(optimizer);
    const schedule: Schedule = {
      ...{ kind: 'cosine', peak: settings.rate, warmup: Math.ceil(WARMUP * steps), total: steps },
    };
    for (let step = done - begin + 1; step <= steps && !stopped; step++) {
      const loss = scope(() => addGradients(pair, part, settings.match, random.split(`step ${begin + step}`)));
      const norm = gradientNorm(tensors);
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
        zeroGrad(tensors.values());
        const what = Number.isFinite(loss) ? `gradient: norm ${norm}` : `loss: ${loss}`;
        throw new NumericalError(`${what} at step ${begin + step} of the conversion: take a smaller rate`);
      }
      optimizer.step(learningRate(schedule, step), clipScale(norm, CLIP));
      zeroGrad(tensors.values());
      done = begin + step;
      observer.onStep?.({ part, step: done, loss });
      await nextTurn();
      stopped = observer.shouldStop?.() ?? false;
      kept?.write({ step: done, matched: part === 'attention' ? null : matched }, optimizer, stopped);
    }
    if (part === 'attention') matched = before?.matched?.slice() ?? driftByLayer(pair, settings);
  }
  requireGradients(pair, new Map());
  const sizeOf = (all: ReadonlyMap<string, Tensor>) => [...all.values()].reduce((total, { size }) => total + size, 0);
  const added = sizeOf(only(pair, ['added']));
  return {
    drift: { swapped, matched, converted: done <= first ? matched : driftByLayer(pair, settings) },
    steps: done,
    stopped: stopped && done < settings.steps,
    learned: { numbers: sizeOf(learned), added },
  };
}

function keptOf<Input>(
  { learned, tensors, facts }: Pair<Input>,
  { keep, match, ...own }: ConversionSettings,
  learning: ReadonlyMap<string, Tensor>,
): KeptConversion | null {
  if (keep === undefined) return null;
  // Random features and the like may change, too.
  const others = [...tensors].filter(([name]) => !learned.has(name));
  return new KeptConversion(keep, new Map([...learning, ...others]), {
    ...own,
    ...(match === 'weights' && { match }),
    ...facts,
    model: digestOf(tensors),
  });
}

/** What learns; where the attention adds nothing, its projections. */
function chosen<Input>(pair: Pair<Input>, train: ConversionSettings['train']): Map<string, Tensor> {
  const added = only(pair, ['added']);
  if (train === 'added' && added.size > 0) return added;
  return only(pair, train === 'all' ? ['added', 'attention', 'rest'] : ['added', 'attention']);
}

function only<Input>({ learned }: Pair<Input>, origins: readonly Origin[]): Map<string, Tensor> {
  const some = [...learned].filter(([, { origin }]) => origins.includes(origin));
  return new Map(some.map(([name, { tensor }]) => [name, tensor]));
}

function requireGradients<Input>({ learned }: Pair<Input>, tensors: ReadonlyMap<string, Tensor>): void {
  for (const [name, { tensor }] of learned) tensor.requiresGrad = tensors.has(name);
}

/** The gradients of a step on the learned tensors, and its loss. */
function addGradients<Input>(
  pair: Pair<Input>,
  part: ConversionStep['part'],
  match: ConversionSettings['match'],
  random: Random,
): number {
  const input = pair.draw('training', random);
  if (part === 'outputs') {
    const loss = pair.outputLoss(input);
    backward(loss);
    return loss.item();
  }
  const mask = pair.maskOf(input);
  // Layers learn apart from each other: one tape at a time.
  return callsOf(pair, input).reduce((total, { x, y }, layer) => {
    const own = scope(() => {
      const loss =
        match === 'weights'
          ? weightsCrossEntropy(pair.weights(layer, x, input), mask)
          : relativeDistance(pair.attend(layer, x, input, true, { scale: 1, note: () => {} }), y, mask);
      if (loss.requiresGrad) backward(loss);
      return loss.item();
    });
    return total + own;
  }, 0);
}
