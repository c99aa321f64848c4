/**
 * The body of every model here: it maps tokens to a vector for each token.
 *
 *     x = dropout(√d · E[token] + position),   then N layers,   then (with `norm: 'pre'`) a normalisation
 *
 * (Vaswani et al. 2017, §3.1, §3.4 and §5.4.) An encoder and a decoder differ only in `causal`. Reversible layers (Kitaev et
 * al. 2020, §3) carry two streams, which start equal; the result is their mean.
 */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectInteger, ShapeError } from '../core/errors.ts';
import { adopt } from '../core/memory.ts';
import { expectFlags } from '../core/ops/check.ts';
import { add, quietMasked, scale } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { keep, scope } from '../core/scope.ts';
import { packed, type Tensor } from '../core/tensor.ts';
import { expectState } from '../variants/check-state.ts';
import { mapTokens } from '../variants/inputs.ts';
import { type AttentionState, copyState } from '../variants/state.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import { expectContext } from './checks.ts';
import { attentionsOf, feedForwardsOf, placeOf, type TransformerConfig } from './config.ts';
import { expectOneShape, type Handed, handingOf } from './handing.ts';
import { type Attend, type Branches, TransformerLayer } from './layer.ts';
import {
  type Embedding,
  embed,
  embeddingParameters,
  expectTokens,
  type Norm,
  normalize,
  normParameters,
} from './linear.ts';
import { areShared, Mixing } from './mixing.ts';
import { dropped, evaluation, type ForwardContext, type Module, named, within } from './module.ts';
import { lossesOf } from './own-loss.ts';
import { type AddedPositions, addedPositions } from './positions.ts';
import { reversible } from './reversible.ts';
import type { TokenSteps } from './steps.ts';

export class Transformer implements Module {
  readonly config: TransformerConfig;
  readonly embedding: Embedding;
  readonly layers: readonly TransformerLayer[];
  readonly norm: Norm | undefined;
  readonly #positions: AddedPositions | null;
  /** For each entry of `config.attention`; undefined: every layer has its own. */
  readonly #shared: readonly (Mixing | undefined)[];

  /** Throws ArgumentError, and as `checkOptions` does, for settings that do not fit together. */
  constructor(config: TransformerConfig, random: Random) {
    const { vocabulary, length, layers, modelDim: width, positions: kind, axialLengths, dtype } = config;
    this.config = config;
    this.embedding = embeddingParameters(vocabulary, width, random.split('embedding'), dtype);
    const settings = { kind, length, width, ...(axialLengths && { axialLengths }) };
    this.#positions = addedPositions(settings, random.split('positions'), dtype);
    const attentions = attentionsOf(config);
    this.#shared = attentions.map((each, n) => {
      const isShared = each.shared ?? areShared(each);
      return isShared ? new Mixing(each, placeOf(config), random.split(`shared ${n}`)) : undefined;
    });
    const feedForwards = feedForwardsOf(config);
    const hands = handingOf(config, attentions);
    this.layers = Array.from({ length: layers }, (_, n) => {
      const entry = n % attentions.length;
      const feedForward = feedForwards[n % feedForwards.length];
      const own = random.split(`layer ${n}`);
      return new TransformerLayer(config, attentions[entry], own, this.#shared[entry], feedForward, hands[n]);
    });
    expectOneShape(this.layers.map(({ attention }) => attention));
    this.norm = config.norm === 'pre' ? normParameters(width, dtype) : undefined;
  }

  tensors(): Map<string, Tensor> {
    const { embedding, norm } = this;
    const layers = this.layers.map((layer) => layer.tensors());
    const sharedAttention = this.#shared.map((mixing) => mixing?.parameters);
    return named({ embedding, positions: this.#positions?.parts, sharedAttention, layers, norm });
  }

  /** Releases cached tables of positions, which can be made again. */
  forget(): void {
    this.#positions?.forget?.();
    for (const { attention } of this.layers) attention.forget();
  }

  /** Before a step of training: see `Mixing.redraw`. */
  redraw(step: number): void {
    for (const { attention } of this.layers) attention.mixing.redraw(step);
  }

  /**
   * int32 tokens [batch, length] to [batch, length, modelDim]; `keyMask` uint8 [batch, length], 1 = a real token, 0 =
   * padding. Throws ShapeError or ArgumentError for tokens that do not fit.
   */
  forward(tokens: Tensor, context: ForwardContext, keyMask?: Tensor): Tensor {
    expectContext('context', context);
    this.expectText(tokens, keyMask);
    const { training } = context;
    const handed: Handed = new Map();
    const attends = this.layers.map(({ attention }, n): Attend => {
      const losses = lossesOf(context, n);
      return (x, { once, random }) => attention.forward(x, { training, keyMask, once, losses, handed, random });
    });
    return scope(() => this.#run(tokens, 0, this.#branches(attends, context, keyMask), context, keyMask, handed));
  }

  /**
   * The queries, keys, values and gates of a layer's variant, for inspection: [batch, heads, length, headDim]. Arguments as
   * of `forward`. Keeps no tape.
   */
  attentionInputs(tokens: Tensor, layer: number, keyMask?: Tensor): AttentionInputs {
    expectInteger('layer', layer, 0, this.layers.length - 1);
    this.expectText(tokens, keyMask);
    return scope(() => {
      let found: AttentionInputs | undefined;
      this.watch(tokens, keyMask, (n, x) => {
        if (n !== layer) return;
        const { queries, keys, values, gates } = this.layers[n].attention.inputs(x);
        found = mapTokens({ queries, keys, values, ...(gates && { gates }) }, (rows) => keep(packed(rows)));
      });
      return mapTokens(found as AttentionInputs, (rows) => {
        adopt(rows.block);
        return rows;
      });
    });
  }

  /** `forward` without a tape; `visit` sees x and y of each layer's attention, [batch, length, modelDim], to be copied. */
  watch(tokens: Tensor, keyMask: Tensor | undefined, visit: (layer: number, x: Tensor, y: Tensor) => void): void {
    const handed: Handed = new Map();
    const attends = this.layers.map(
      ({ attention }, n): Attend =>
        (x, { once }) => {
          const y = attention.forward(x, { training: false, keyMask, once, handed });
          visit(n, x, y);
          return y;
        },
    );
    noGrad(() => this.#run(tokens, 0, this.#branches(attends, evaluation, keyMask), evaluation, keyMask, handed));
  }

  /**
   * Continues from the result of `states()`, or starts a new sequence. Throws UnsupportedError for a variant that cannot
   * generate, ArgumentError unless the model is causal, and for states that are not those of its layers.
   */
  startSteps(batch: number, states: readonly AttentionState[] = []): TokenSteps {
    if (!this.config.causal) throw new ArgumentError('causal: expected a causal model to generate with');
    let position = this.#positionOf(states);
    const steps = this.layers.map(({ attention }, n) => attention.startSteps(batch, states[n]));
    const attends: Attend[] = steps.map((each) => (x) => each.step(x));
    const branches = this.#branches(attends, evaluation);
    return {
      get position() {
        return position;
      },
      step: (tokens) => {
        const { length } = this.config;
        if (position === length) throw new ArgumentError(`length: all ${length} tokens were generated`);
        const [rows, count] = tokens.shape;
        if (rows !== batch || count > length - position) {
          throw new ShapeError(
            `tokens: expected [${batch}, at most ${length - position}], got [${tokens.shape.join(', ')}]`,
          );
        }
        const result = scope(() => noGrad(() => this.#run(tokens, position, branches, evaluation)));
        position += count;
        return result;
      },
      states: () => steps.flatMap((each) => each.state() ?? []).map(copyState),
      end: () => {
        for (const each of steps) each.end();
      },
    };
  }

  /** The number of tokens that the states of all layers have seen. */
  #positionOf(states: readonly AttentionState[]): number {
    if (states.length === 0) return 0;
    if (states.length !== this.layers.length) {
      throw new ArgumentError(`states: expected one for each of ${this.layers.length} layers, got ${states.length}`);
    }
    for (const [n, state] of states.entries()) expectState(`states[${n}]`, state);
    const [{ position }] = states;
    const other = states.findIndex((state) => state.position !== position);
    if (other >= 0) {
      const got = states[other].position;
      throw new ArgumentError(`states[${other}].position: expected ${position} as of layer 0, got ${got}`);
    }
    expectInteger('states[0].position', position, 1, this.config.length);
    return position;
  }

  /** Throws ShapeError or ArgumentError for a text that does not fit. */
  expectText(tokens: Tensor, keyMask: Tensor | undefined): void {
    const { vocabulary, length } = this.config;
    expectTokens('tokens', tokens, vocabulary);
    if (tokens.shape[1] > length) {
      throw new ShapeError(`tokens: expected a length of at most ${length}, got ${tokens.shape[1]}`);
    }
    if (keyMask !== undefined) expectFlags('keyMask', keyMask, tokens.shape, 'to match tokens');
  }

  /** Those of each layer, with `attends` in place of its attention. */
  #branches(attends: readonly Attend[], context: ForwardContext, keyMask?: Tensor): Branches[] {
    return this.layers.map((layer, n) =>
      layer.branches(attends[n], context.training, {
        keyMask,
        losses: lossesOf(context, n),
        note: (routed) => context.auxiliary?.note?.(n, routed),
      }),
    );
  }

  /** Tokens at positions `begin` and after; `handed` is what the attention of `blocks` hands on. */
  #run(
    tokens: Tensor,
    begin: number,
    blocks: readonly Branches[],
    context: ForwardContext,
    keyMask?: Tensor,
    handed?: Handed,
  ): Tensor {
    const { length, dropout, residual } = this.config;
    const embedded = embed(tokens, this.embedding);
    const end = begin + tokens.shape[1];
    if (end > length) throw new ShapeError(`tokens: expected a length of at most ${length}, got ${end}`);
    const placed = this.#positions === null ? embedded : add(embedded, this.#positions.rows(begin, end));
    const x = dropped(quietMasked(placed, keyMask), dropout, within(context, 'embedding'));
    const { random } = within(context, 'layers');
    let y: Tensor;
    if (residual === 'reversible') {
      const parameters = this.layers.map((layer) => [...layer.tensors().values()]);
      const [y1, y2] = reversible(
        x,
        x,
        blocks.map((block, n) => ({ ...block, parameters: parameters[n] })),
        { random },
      );
      y = scale(add(y1, y2), 0.5);
    } else {
      y = x;
      this.layers.forEach((layer, n) => {
        // Without a tape, a layer's output and what it hands on are all that is left.
        [y] = scope(() => [layer.plain(y, blocks[n], random.split(`block ${n}`)), ...(handed?.values() ?? [])]);
      });
    }
    return this.norm === undefined ? y : normalize(y, this.norm);
  }
}
