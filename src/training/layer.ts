/**
 * A layer of a Transformer: attention, then the same small network at every position, each in a residual branch.
 *
 *     post (Vaswani et al. 2017, §3.1):   y = norm(x + F(x)),     z = norm(y + G(y))
 *     pre (Xiong et al. 2020, fig. 1):    y = x + F(norm(x)),     z = y + G(norm(y))
 *
 * with F the attention and G the feed-forward layer, both followed by dropout (§5.4). Pre trains without a warm-up; the
 * stack then ends with a normalisation. A normalisation that comes first counts as part of the branch, so that reversible
 * layers can take the branches unchanged.
 *
 * The feed-forward layer is dense (feed-forward/dense.ts), or one that uses a part of its parameters for each token.
 */
import { add, dropout } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { MultiHeadAttention } from './attention.ts';
import { placeOf, type TransformerConfig } from './config.ts';
import type { FeedForwardKind, Routed } from './feed-forward/kind.ts';
import { DENSE, type FeedForwardSettings, feedForwardKind } from './feed-forward/registry.ts';
import { Handing, type HandingPlace } from './handing.ts';
import { type Norm, normalize, normParameters } from './linear.ts';
import type { AttentionSettings, Mixing } from './mixing.ts';
import { type Module, named } from './module.ts';
import type { OwnLosses } from './own-loss.ts';
import type { Branch, Pass } from './repeatable.ts';

/** F and G. */
export interface Branches {
  f: Branch;
  g: Branch;
}

/** The attention of F: the module's `forward` for whole sequences, or a step of generation. */
export type Attend = (x: Tensor, pass: Pass) => Tensor;

/** What a feed-forward layer that routes tokens has to know, and whom it tells. */
export interface RoutingContext {
  /** uint8 [batch, length]: 1 = a real token. Absent: all real. */
  keyMask?: Tensor | undefined;
  /** Absent: the layer has no loss of its own. */
  losses?: OwnLosses | undefined;
  note?(routed: Routed): void;
}

export class TransformerLayer implements Module {
  readonly attention: MultiHeadAttention;
  readonly attentionNorm: Norm;
  /** Learned tensors of the feed-forward layer, by the paper's names. */
  readonly feedForward: Readonly<Record<string, Tensor>>;
  readonly feedForwardNorm: Norm;
  readonly #config: TransformerConfig;
  readonly #kind: FeedForwardKind;
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(
    config: TransformerConfig,
    attention: AttentionSettings,
    random: Random,
    mixing?: Mixing,
    { kind, ...options }: FeedForwardSettings = DENSE,
    hands?: HandingPlace,
  ) {
    const { modelDim, feedForwardDim = 4 * modelDim, dtype } = config;
    this.#config = config;
    const handing = hands && new Handing(hands, config, random.split('handing'));
    this.attention = new MultiHeadAttention(attention, placeOf(config), random.split('attention'), mixing, handing);
    this.attentionNorm = normParameters(modelDim, dtype);
    this.#kind = feedForwardKind(kind);
    this.#options = options;
    const place = { width: modelDim, hidden: feedForwardDim, dtype };
    this.feedForward = this.#kind.parameters(options, place, random.split('feed-forward'));
    this.feedForwardNorm = normParameters(modelDim, dtype);
  }

  tensors(): Map<string, Tensor> {
    const { attention, attentionNorm, feedForward, feedForwardNorm } = this;
    return named({ attention: attention.tensors(), attentionNorm, feedForward, feedForwardNorm });
  }

  /** F, which uses `attend`, and G. Both are functions of x and of the pass. */
  branches(attend: Attend, training: boolean, routing: RoutingContext = {}): Branches {
    const rate = training ? this.#config.dropout : 0;
    return {
      f: (x, pass) => dropped(attend(this.#first(x, this.attentionNorm), pass), rate, pass),
      g: (x, pass) => {
        const y = this.#first(x, this.feedForwardNorm);
        return dropped(this.#feedForward(y, pass, training, routing), rate, pass);
      },
    };
  }

  #first(x: Tensor, parameters: Norm): Tensor {
    return this.#config.norm === 'pre' ? normalize(x, parameters) : x;
  }

  #last(sum: Tensor, parameters: Norm): Tensor {
    return this.#config.norm === 'post' ? normalize(sum, parameters) : sum;
  }

  #feedForward(x: Tensor, { random, once }: Pass, training: boolean, routing: RoutingContext): Tensor {
    const { keyMask, losses, note = NOBODY } = routing;
    const { feedForwardChunk } = this.#config;
    const chunkLength = feedForwardChunk === 0 ? undefined : feedForwardChunk;
    const context = { random, once, chunkLength, training, keyMask, losses, note };
    return this.#kind.apply(x, this.#options, this.feedForward, context);
  }

  /** The layer with its activations on the tape; `random` is the stream that `reversible` would pass to the branches. */
  plain(x: Tensor, { f, g }: Branches, random: Random): Tensor {
    const y = this.#last(add(x, f(x, onlyPass(random, 'f'))), this.attentionNorm);
    return this.#last(add(y, g(y, onlyPass(random, 'g'))), this.feedForwardNorm);
  }
}

const NOBODY = (): void => {};

/** The pass of a branch that runs once. */
const onlyPass = (random: Random, name: string): Pass => ({ random: random.split(name).split('pass'), once: now });

function now(_name: string, make: () => Tensor): Tensor {
  return make();
}

const dropped = (x: Tensor, rate: number, { random }: Pass): Tensor => (rate > 0 ? dropout(x, rate, random) : x);
