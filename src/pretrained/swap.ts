/**
 * Measures how much a loaded model depends on its attention: the drift of its last hidden states, and of its logits if it has
 * a head, when a variant replaces the attention of some layers, between the same projections.
 */
import { noGrad } from '../core/autograd.ts';
import { NumericalError } from '../core/errors.ts';
import { scope } from '../core/scope.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import type { AttendInstead, Description, PretrainedModel, TextInputs } from './architecture.ts';
import { hasGlobalTokens, type Replacement, replacementsOf, startAs } from './replacement.ts';

/** The distances from the model's last hidden states and logits with its own attention. */
export interface Drift {
  /** ‖replaced − own‖ / ‖own‖, over all tokens. */
  relativeError: number;
  /** The cosine between the two states of a token: the mean, and the value for the token that moved most. */
  meanCosine: number;
  worstCosine: number;
  /** If there is a head: the mean KL(own ‖ replaced) of the softmax, in nats, and the share of rows with the same arg max. */
  logits?: { divergence: number; sameArgMax: number };
}

export interface Pass {
  states: Float64Array;
  width: number;
  logits?: { values: Float64Array; classes: number };
  /** The attention of all layers, between the projections. */
  attentionMilliseconds: number;
}

/** The variant for each layer, with parameters from `seed`. Throws as `loadPretrained` does for its `attention`. */
export function replacementsFor(
  description: Description,
  attention: AttentionSettings,
  length: number,
  seed: number,
): Replacement[] {
  const causal = description.head === 'causal-lm';
  return replacementsOf({ ...description, length }, { attention, seed }, causal) as Replacement[];
}

/**
 * Copies the model's parameters into those of the variant with the same name and shape, such as Nyströmformer's convolution
 * of the values. Returns whether some parameters stay random.
 */
export function startFrom(model: PretrainedModel, replacements: readonly Replacement[]): boolean {
  const tensors = model.tensors();
  const drawn = replacements.map(({ mixing }, layer) => {
    const { convolution, ...others } = mixing.parameters;
    const isOwn =
      convolution === undefined || startAs(convolution, tensors.get(`layers.${layer}.attention.convolution`));
    return !isOwn || Object.keys(others).length > 0;
  });
  return drawn.includes(true);
}

/**
 * One forward pass, in which the layers chosen by `isReplaced` use `replacements`; without replacements, none does. Throws
 * NumericalError if the result is not finite.
 */
export function runSwapped(
  model: PretrainedModel,
  inputs: TextInputs,
  replacements: readonly Replacement[] = [],
  isReplaced: (layer: number) => boolean = () => true,
): Pass {
  return runAttending(model, inputs, (inputs, layer, own) => {
    const mixing = isReplaced(layer) ? replacements[layer]?.mixing : undefined;
    if (mixing === undefined) return own();
    const { global: _, ...others } = inputs;
    return mixing.attend(hasGlobalTokens(mixing) ? inputs : others, { training: false });
  });
}

/** The same with any function in place of a layer's attention. Throws NumericalError as `runSwapped` does. */
export function runAttending(model: PretrainedModel, inputs: TextInputs, instead: AttendInstead): Pass {
  let attentionMilliseconds = 0;
  const attend: AttendInstead = (...given) => {
    const start = performance.now();
    const mixed = instead(...given);
    attentionMilliseconds += performance.now() - start;
    return mixed;
  };
  return noGrad(() =>
    scope(() => {
      const { hiddenStates, logits } = model.forward(inputs, { attend });
      const last = hiddenStates[hiddenStates.length - 1];
      expectFinite('hiddenStates', last);
      if (logits !== undefined) expectFinite('logits', logits);
      const pass: Pass = {
        states: Float64Array.from(elements(last)),
        width: last.shape[last.shape.length - 1],
        attentionMilliseconds,
      };
      if (logits === undefined) return pass;
      const classes = logits.shape[logits.shape.length - 1];
      return { ...pass, logits: { values: Float64Array.from(elements(logits)), classes } };
    }),
  );
}

function expectFinite(name: string, tensor: Tensor): void {
  const numbers = elements(tensor);
  const at = numbers.findIndex((number) => !Number.isFinite(number));
  if (at < 0) return;
  throw new NumericalError(`${name}: expected finite numbers of the model, got ${numbers[at]} at element ${at}`);
}

/** The distance of a pass from the model's own. */
export function driftOf(own: Pass, replaced: Pass): Drift {
  let [error, norm, cosines, worstCosine] = [0, 0, 0, 1];
  const { width } = own;
  for (let start = 0; start < own.states.length; start += width) {
    let [dot, ofOwn, ofReplaced] = [0, 0, 0];
    for (let i = start; i < start + width; i++) {
      const [a, b] = [own.states[i], replaced.states[i]];
      dot += a * b;
      ofOwn += a * a;
      ofReplaced += b * b;
      error += (b - a) ** 2;
    }
    norm += ofOwn;
    const cosine = cosineOf(dot, ofOwn, ofReplaced);
    cosines += cosine;
    worstCosine = Math.min(worstCosine, cosine);
  }
  const meanCosine = cosines / (own.states.length / width);
  // If the own states are zeros, the error is 0 or infinite.
  const relativeError = error === 0 ? 0 : Math.sqrt(error / norm);
  const drift = { relativeError, meanCosine, worstCosine };
  if (own.logits === undefined || replaced.logits === undefined) return drift;
  return { ...drift, logits: logitsDrift(own.logits.values, replaced.logits.values, own.logits.classes) };
}

/**
 * The cosine of two states, from their product and their squares. Two states of zeros are equal, and a state of zeros has
 * cosine 0 with any other.
 */
function cosineOf(dot: number, ofOwn: number, ofReplaced: number): number {
  if (ofOwn === 0 || ofReplaced === 0) return Number(ofOwn === ofReplaced);
  // Rounding must not push equal states above 1.
  return Math.min(1, dot / (Math.sqrt(ofOwn) * Math.sqrt(ofReplaced)));
}

function logitsDrift(own: Float64Array, replaced: Float64Array, classes: number): Drift['logits'] {
  const rows = own.length / classes;
  let [divergence, same] = [0, 0];
  for (let start = 0; start < own.length; start += classes) {
    const [a, b] = [own, replaced].map((logits) => logSoftmax(logits.subarray(start, start + classes)));
    for (let i = 0; i < classes; i++) divergence += Math.exp(a[i]) * (a[i] - b[i]);
    if (argMax(a) === argMax(b)) same++;
  }
  // Below 0 by rounding only.
  return { divergence: Math.max(0, divergence / rows), sameArgMax: same / rows };
}

function logSoftmax(logits: Float64Array): Float64Array {
  const most = logits[argMax(logits)];
  const total = most + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return logits.map((value) => value - total);
}

function argMax(values: Float64Array): number {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[at]) at = i;
  return at;
}
