/**
 * A layer of a Transformer: attention, then the same small network at every position, each in a residual branch.
 *
 *     post (Vaswani et al. 2017, §3.1):   y = norm(x + F(x)),     z = norm(y + G(y))
 *     pre (Xiong et al. 2020, fig. 1):    y = x + F(norm(x)),     z = y + G(norm(y))
 *
 * with F the attention and G the feed-forward layer, both followed by dropout (§5.4). Pre trains without a warm-up; the
 * stack then ends with a normalisation. The normalisation counts as part of the branch where it comes first, so that
 * reversible layers may take the branches as they are.
 */
import { add, dropout } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { MultiHeadAttention } from './attention.ts';
import { placeOf, type TransformerConfig } from './config.ts';
import { type FeedForwardParameters, feedForward, feedForwardParameters } from './feed-forward.ts';
import { type Norm, normalize, normParameters } from './linear.ts';
import type { AttentionSettings, Mixing } from './mixing.ts';
import { type Module, named } from './named.ts';
import type { Branch, Pass } from './repeatable.ts';

/** F and G. */
export interface Branches {
  f: Branch;
  g: Branch;
}

/** What F attends with: the module's `forward` for whole sequences, or a step of a generation. */
export type Attend = (x: Tensor, once: Pass['once']) => Tensor;

export class TransformerLayer implements Module {
  readonly attention: MultiHeadAttention;
  readonly attentionNorm: Norm;
  readonly feedForward: FeedForwardParameters;
  readonly feedForwardNorm: Norm;
  readonly #config: TransformerConfig;

  constructor(config: TransformerConfig, attention: AttentionSettings, random: Random, mixing?: Mixing) {
    const { modelDim, feedForwardDim = 4 * modelDim, dtype } = config;
    this.#config = config;
    this.attention = new MultiHeadAttention(attention, placeOf(config), random.split('attention'), mixing);
    this.attentionNorm = normParameters(modelDim, dtype);
    this.feedForward = feedForwardParameters(modelDim, feedForwardDim, random.split('feed-forward'), dtype);
    this.feedForwardNorm = normParameters(modelDim, dtype);
  }

  tensors(): Map<string, Tensor> {
    const { attention, attentionNorm, feedForward, feedForwardNorm } = this;
    return named({ attention: attention.tensors(), attentionNorm, feedForward, feedForwardNorm });
  }

  /** F, which attends by `attend`, and G. Both are functions of x and of what the pass gives. */
  branches(attend: Attend, training: boolean): Branches {
    const { norm, dropout: rate, feedForwardChunk } = this.#config;
    const first = (x: Tensor, parameters: Norm) => (norm === 'pre' ? normalize(x, parameters) : x);
    const dropped = (x: Tensor, { random }: Pass) => (training ? dropout(x, rate, random) : x);
    const chunks = feedForwardChunk === 0 ? {} : { chunkLength: feedForwardChunk };
    return {
      f: (x, pass) => dropped(attend(first(x, this.attentionNorm), pass.once), pass),
      g: (x, pass) => dropped(feedForward(first(x, this.feedForwardNorm), this.feedForward, chunks), pass),
    };
  }

  /** The layer with its activations on the tape; `random` is what `reversible` would hand to the branches. */
  plain(x: Tensor, { f, g }: Branches, random: Random): Tensor {
    const pass = (name: string): Pass => ({ random: random.split(name).split('pass'), once: (_, make) => make() });
    const last = (sum: Tensor, parameters: Norm) => (this.#config.norm === 'post' ? normalize(sum, parameters) : sum);
    const y = last(add(x, f(x, pass('f'))), this.attentionNorm);
    return last(add(y, g(y, pass('g'))), this.feedForwardNorm);
  }
}
