/**
 * What a layer hands on to the next besides its tokens: a few rows that its attention has made, where the variant declares a
 * parameter for them (`handsOn`). Only the lowest layer has that parameter; the others take rows of the layer below:
 *
 *     post:  P_n = norm(P_{n−1} + Y_{n−1}),    in its place: P_n W + b           (Ma et al. 2021, fig. 1, with Y the packed rows)
 *     pre:   P_n = P_{n−1} + Y_{n−1},          in its place: norm(P_n) W + b
 *
 * with dropout of Y, as of the tokens' own residual branch. Y are the rows of all heads side by side, without a projection, as in
 * the authors' encoder. The lowest P is not projected: it is a parameter, which holds the product as well.
 */
import { ArgumentError, formatShape } from '../core/errors.ts';
import { add, broadcastTo, contiguous, dropout, reshape } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { divided, merged } from './attention-parts.ts';
import { placeOf, type TransformerConfig } from './config.ts';
import { type Linear, linear, linearParameters, type Norm, normalize, normParameters } from './linear.ts';
import { type AttentionSettings, areShared, type Mixing, type MixOptions, variantOf } from './mixing.ts';

/** The sums P + Y that layers have left in a pass, [batch, rows, width], by the name of the variant. */
export type Handed = Map<string, Tensor>;

/** A pass in which layers hand on. */
export interface HandingPass {
  handed?: Handed | undefined;
  /** For dropout while training. */
  random?: Random | undefined;
}

/** Whether a layer takes rows of one below, and whether one above takes its own. */
export interface HandingPlace {
  takes: boolean;
  gives: boolean;
}

/** The part of a layer that hands on. */
export class Handing {
  readonly place: HandingPlace;
  /** Of a layer that takes rows. */
  readonly parameters: { norm: Norm; query: Linear } | undefined;
  readonly #config: TransformerConfig;

  constructor(place: HandingPlace, config: TransformerConfig, random: Random) {
    const { heads, headDim, dtype } = placeOf(config);
    const width = heads * headDim;
    this.place = place;
    this.parameters = place.takes
      ? { norm: normParameters(width, dtype), query: linearParameters(width, width, random, dtype) }
      : undefined;
    this.#config = config;
  }

  /** What stands for the parameter in this pass, [batch, heads, rows, headDim], and where the rows for the layer above go. */
  in(
    pass: HandingPass,
    { variant, hands, parameters }: Mixing,
    training: boolean,
  ): Pick<MixOptions, 'taken' | 'leave'> {
    const { handed, random } = pass;
    if (handed === undefined || hands === null) return {};
    const { norm, dropout: rate, heads } = this.#config;
    const sum = handed.get(variant.name);
    const normed = this.parameters && sum && normalize(sum, this.parameters.norm);
    const P = (norm === 'post' ? normed : sum) ?? sideBySide(parameters[hands]);
    const left = (rows: Tensor) => (training && random ? dropout(rows, rate, random.split('handed')) : rows);
    return {
      ...(this.parameters && normed && { taken: contiguous(divided(linear(normed, this.parameters.query), heads)) }),
      ...(this.place.gives && {
        leave: (rows: Tensor) => {
          const Y = merged(rows);
          handed.set(variant.name, add(broadcastTo(P, Y.shape), left(Y)));
        },
      }),
    };
  }
}

/** The parameter's rows, [heads, rows, headDim] or one for each text, with the heads side by side. */
const sideBySide = (rows: Tensor): Tensor => merged(rows.shape.length === 4 ? rows : reshape(rows, [1, ...rows.shape]));

/**
 * For each layer: whether it takes rows of an earlier layer with its variant, and whether a later one takes its own; undefined where
 * nothing is handed on. Throws ArgumentError where that is asked for and cannot be.
 */
export function handingOf(
  { layers, residual, causal }: Pick<TransformerConfig, 'layers' | 'residual' | 'causal'>,
  attentions: readonly AttentionSettings[],
): (HandingPlace | undefined)[] {
  const names = Array.from({ length: layers }, (_, n) => {
    const settings = attentions[n % attentions.length];
    const isShared = settings.shared ?? areShared(settings);
    const refused = residual === 'reversible' ? 'reversible layers' : isShared ? 'layers that share' : undefined;
    if (settings.handsOn && refused !== undefined) {
      throw new ArgumentError(`handsOn: expected false for ${refused}, got true`);
    }
    const { name, handsOn } = variantOf(settings);
    const hands = handsOn?.({ ...settings.options, causal }) ?? null;
    return hands !== null && (settings.handsOn ?? refused === undefined) ? name : undefined;
  });
  return names.map((name, n) => {
    if (name === undefined) return undefined;
    return { takes: names.slice(0, n).includes(name), gives: names.slice(n + 1).includes(name) };
  });
}

/** Throws ArgumentError unless what a layer takes has the shape of what the layer below hands on. */
export function expectOneShape(attentions: readonly { mixing: Mixing; handing: Handing | undefined }[]): void {
  const last = new Map<string, string>();
  for (const [n, { mixing, handing }] of attentions.entries()) {
    const { variant, options, shape, hands } = mixing;
    if (hands === null || handing === undefined) continue;
    const own = formatShape(variant.sizes?.(options, shape).parameters?.[hands] ?? []);
    const below = last.get(variant.name) ?? own;
    if (own !== below) {
      const why = `as the layer below hands on; handsOn: false gives each layer its own ${hands}`;
      throw new ArgumentError(`options: expected rows of ${below} in layer ${n}, ${why}, got ${own}`);
    }
    last.set(variant.name, own);
  }
}
