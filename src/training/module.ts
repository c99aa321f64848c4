/**
 * The modules that models consist of. A module returns its parts as a record; nested names are joined by dots, so that a
 * checkpoint reads like the model: `decoder.layers.0.attention.query.weight`. Also the context of a forward pass, and the
 * parts of every model that a trainer needs besides `forward`:
 *
 *     const model = languageModel({ vocabulary: 256, length: 128, causal: true }, seed);
 *     const optimizer = new AdamW(model.parameters());
 *     for (let step = 1; step <= steps; step++) {
 *       model.redraw(step);
 *       scope(() => {
 *         const logits = model.forward(inputs, { training: true, random: run.split(`step ${step}`) });
 *         backward(crossEntropy(logits, targets));
 *       });
 *       optimizer.step(learningRate(schedule, step));
 *       zeroGrad(model.parameters().values());
 *     }
 */
import { ArgumentError, expectShape } from '../core/errors.ts';
import { dropout } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { keep, scope } from '../core/scope.ts';
import { elements, Tensor } from '../core/tensor.ts';
import { expectNamedTensors } from './checks.ts';
import type { TransformerConfig } from './config.ts';
import type { Routed } from './feed-forward/kind.ts';
import type { Transformer } from './transformer.ts';

/** A tensor, or tensors by name or number, at any depth; undefined entries are left out. */
export type Part = Tensor | ReadonlyMap<string, Tensor> | readonly Part[] | Parts | undefined;
export interface Parts {
  readonly [name: string]: Part;
}

/** An object with tensors for a checkpoint. */
export interface Module {
  /** All tensors for a checkpoint: the learned ones, and fixed random ones. */
  tensors(): Map<string, Tensor>;
}

/** All tensors of the parts, in order, by their path. Throws ArgumentError if two have the same. */
export function named(parts: Parts): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  const visit = (path: string, part: Part): void => {
    if (part === undefined) return;
    if (part instanceof Tensor) {
      if (found.has(path)) throw new ArgumentError(`parts: expected one tensor named '${path}', got two`);
      found.set(path, part);
      return;
    }
    // The entries of a Map, of an array by number, of a record.
    const entries = part instanceof Map ? part : Object.entries(part);
    for (const [name, each] of entries) visit(path === '' ? name : `${path}.${name}`, each as Part);
  };
  visit('', parts);
  return found;
}

/** Learned tensors of models for inference, which require no gradient. */
const resting = new WeakSet<Tensor>();

/** The learned tensors, for an optimiser. Includes those of a model for inference, which do not require gradients yet. */
export function learned(tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map([...tensors].filter(([, tensor]) => tensor.requiresGrad || resting.has(tensor)));
}

/**
 * Turns off the gradients of a model, so that a forward pass keeps no tape. An optimiser over its parameters, or `withGrad`
 * on each of them, turns them on again.
 */
export function forUse<M extends Module>(model: M): M {
  for (const tensor of learned(model.tensors()).values()) {
    resting.add(tensor);
    tensor.requiresGrad = false;
  }
  return model;
}

/** Runs `body` while these tensors require gradients. */
export function withGradients<T>(tensors: Iterable<Tensor>, body: () => T): T {
  const asked = [...tensors].filter(({ requiresGrad }) => !requiresGrad);
  for (const tensor of asked) tensor.requiresGrad = true;
  try {
    return body();
  } finally {
    for (const tensor of asked) tensor.requiresGrad = false;
  }
}

/**
 * Overwrites tensors with others of the same names. Throws ArgumentError or ShapeError, before any change, unless the
 * names, shapes and types are the same; `what` is the name of the others in the message.
 */
export function copyNamed(
  targets: ReadonlyMap<string, Tensor>,
  sources: ReadonlyMap<string, Tensor>,
  what: string,
): void {
  for (const name of sources.keys()) {
    if (!targets.has(name)) throw new ArgumentError(`${what}: expected no tensor '${name}', got one`);
  }
  for (const [name, target] of targets) {
    const source = sources.get(name);
    if (source === undefined) throw new ArgumentError(`${what}: expected a tensor '${name}', got none`);
    expectShape(`${what}: ${name}`, source.shape, target.shape);
    if (source.dtype !== target.dtype) {
      throw new ArgumentError(`${what}: ${name}: expected ${target.dtype}, got ${source.dtype}`);
    }
  }
  for (const [name, target] of targets) elements(target).set(elements(sources.get(name) as Tensor));
}

/** Makes a module whose tensors outlive any scope; intermediate tensors are released. */
export function build<M extends Module>(make: () => M): M {
  return scope(() => {
    const module = make();
    for (const tensor of module.tensors().values()) keep(tensor);
    return module;
  });
}

/** The context of a pass through a model besides its input: whether it trains, and random numbers for dropout. */
export interface ForwardContext {
  /** Whether dropout is on. */
  training: boolean;
  /**
   * The stream of this step, e.g. `run.split(`step ${step}`)`. Modules split it by their place in the model and never draw
   * from it directly, so a second pass of the same step, as in reversible layers, gets the same masks.
   */
  random: Random;
  /** For layers with losses of their own, which they have only with it, and for those that route tokens. */
  auxiliary?: Auxiliary | undefined;
}

/** What a trainer wants of layers that have losses of their own, and of those that send tokens to experts. */
export interface Auxiliary {
  /**
   * What such a loss counts in the loss that is walked back from: 1 beside a mean over targets, their number beside a sum, as in
   * `lossOf`; 0: nothing. Its gradient is added in the backward pass; its value is in `noteLoss` alone.
   */
  scale: number;
  /** Called for each layer that routes, once in a pass through the model. */
  note?(layer: number, routed: Routed): void;
  /**
   * Called with each own loss of a layer, with its weight, once in a pass through the model that trains; layer −1 for a loss of
   * the model, such as that of hidden sentences.
   */
  noteLoss?(layer: number, loss: number): void;
}

/** For evaluation and generation, where nothing is random. */
export const evaluation: ForwardContext = { training: false, random: new Random(0) };

/** The context of a part of a module. */
export function within(context: ForwardContext, name: string): ForwardContext {
  return { ...context, random: context.random.split(name) };
}

/** Dropout while training; x itself otherwise. */
export function dropped(x: Tensor, rate: number, { training, random }: ForwardContext): Tensor {
  return training ? dropout(x, rate, random.split('dropout')) : x;
}

/** A transformer with named tensors, as `learnerFor` makes it and a checkpoint holds it. */
export abstract class Model implements Module {
  /** The name in messages, even if a minifier renames the class. */
  static readonly name: string = 'Model';
  /** Complete and plain: with the tensors, everything that a checkpoint needs. */
  abstract readonly config: TransformerConfig;
  abstract readonly body: Transformer;

  /** All tensors by name, the learned ones and the random ones of variants. Live, not copies. */
  abstract tensors(): Map<string, Tensor>;

  /** The learned tensors, for an optimiser. */
  parameters(): Map<string, Tensor> {
    return learned(this.tensors());
  }

  /** Overwrites all tensors. Throws ArgumentError or ShapeError, before any change, if they do not match this model's. */
  load(tensors: ReadonlyMap<string, Tensor>): void {
    expectNamedTensors('tensors', tensors);
    copyNamed(this.tensors(), tensors, 'tensors');
  }

  /**
   * Call this before each step of training, with its number. It redraws the random tensors of variants when due (see
   * `redrawEvery`), from the model's seed and the step.
   */
  redraw(step: number): void {
    this.body.redraw(step);
  }
}
