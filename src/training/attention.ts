/**
 * Multi-head attention around any registered variant (Vaswani et al. 2017, §3.2.2):
 *
 *     MultiHead(x) = Concat(head_1, …, head_h) W^O,   head_i = Attention(x W_i^Q, x W_i^K, x W_i^V)
 *
 * Each projection is one matrix for all heads, followed by a bias, or a sparse one (projections.ts). A variant declares which
 * projections it needs: inputs that it does not read are not projected, its gates are projections with an activation, and its
 * global tokens, if any, have their own projections. What `layer.fromValues` names is projected from the values, not from x.
 */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, formatShape, ShapeError } from '../core/errors.ts';
import { releaseBlock } from '../core/memory.ts';
import { contiguous } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { keep, scope } from '../core/scope.ts';
import { packed, type Tensor } from '../core/tensor.ts';
import { comparesTokens, unreadInputs } from '../variants/inputs.ts';
import type { AttentionState } from '../variants/state.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import {
  beforeAttention,
  convolvedInputs,
  divided,
  finished,
  type InputName,
  joined,
  type LastRows,
  merged,
  type PartParameters,
  partParameters,
  separated,
} from './attention-parts.ts';
import { gateProjections, projectedGates } from './gate-projections.ts';
import type { Handing, HandingPass } from './handing.ts';
import { type Linear, linear } from './linear.ts';
import { type AttentionPlace, type AttentionSettings, Mixing, type MixOptions } from './mixing.ts';
import { type Module, named } from './module.ts';
import type { Multiplicative } from './multiplicative.ts';
import { Rotary } from './positions.ts';
import {
  copyOf,
  gatedUnit,
  keptRows,
  type Project,
  type Projections,
  projecting,
  projectionParameters,
} from './projections.ts';
import type { Steps } from './steps.ts';

type Projected = { inputs: AttentionInputs; last: LastRows };

export interface AttendOptions extends Omit<MixOptions, 'taken' | 'leave'>, HandingPass {
  /** uint8 [batch, length]: 1 = a real token, 0 = padding. Absent: all real. */
  keyMask?: Tensor | undefined;
}

export class MultiHeadAttention implements Module {
  readonly projections: Projections;
  /** D and E of multiplicative projections; undefined for dense ones. */
  readonly multiplicative: Multiplicative | undefined;
  /** The projections of global tokens, if the variant has them. They start as copies (Beltagy et al. 2020, §3.1). */
  readonly global: Projections | undefined;
  /** The projections of the variant's gates, by name. */
  readonly gates: Readonly<Record<string, Linear>>;
  /** Undefined if nothing is handed on between layers. */
  readonly handing: Handing | undefined;
  /** Of the parts that the variant declares around the attention. */
  readonly parts: PartParameters;
  /** Undefined behind multiplicative projections. */
  readonly output: Linear | undefined;
  readonly mixing: Mixing;
  readonly #place: AttentionPlace;
  readonly #sharesMixing: boolean;
  readonly #gated: boolean;
  readonly #rotary: Rotary | null;

  /**
   * `mixing`: the variant with its parameters, if another layer shares them. `handing`: absent if nothing is handed on. Throws
   * ArgumentError for an unknown variant or if rotary positions would have no effect, and as `checkOptions` does for options that
   * do not fit.
   */
  constructor(settings: AttentionSettings, place: AttentionPlace, random: Random, mixing?: Mixing, handing?: Handing) {
    this.#place = place;
    this.#sharesMixing = mixing !== undefined;
    this.handing = handing;
    this.mixing = mixing ?? new Mixing(settings, place, random.split('mixing'), handing?.place.takes);
    const { variant, options } = this.mixing;
    this.#gated = settings.gatedValues ?? variant.inputs.values === 'gated';

    const fromValues = this.mixing.layer?.fromValues ?? [];
    const unread = unreadInputs(variant, options);
    const read = (['queries', 'keys', 'values'] as const).filter((name) => name === 'values' || !unread.includes(name));
    const made = projectionParameters(settings, place, read, fromValues, this.#gated, random);
    this.projections = made.projections;
    this.multiplicative = made.multiplicative;
    this.output = made.output;
    this.gates = gateProjections(this.mixing, place, random);
    this.global = variant.inputs.global?.(options) === true ? copyOf(this.projections) : undefined;
    const convolved = read.filter((name) => !fromValues.includes(name));
    this.parts = partParameters(this.mixing.layer ?? {}, convolved, place, random.split('parts'));

    if (place.rotary && !comparesTokens(variant)) {
      throw new ArgumentError(`positions: expected others than rotary, because ${variant.name} compares no tokens`);
    }
    this.#rotary = place.rotary ? new Rotary(place.length, place.headDim, place.dtype) : null;
  }

  /**
   * Leaves out the variant's parameters if they belong to another layer, because that layer names them. Throws ArgumentError for one
   * that has the name of a part of every layer like this: one would hide the other, from training and from checkpoints.
   */
  tensors(): Map<string, Tensor> {
    const { projections, multiplicative, gates, global, handing, parts, output, mixing } = this;
    // What sparse projections learn is a part of its own: variants have a D or an E, too.
    const own = { multiplicative, ...projections, gates, global, handed: handing?.parameters, ...parts, output };
    const ofVariant = this.#sharesMixing ? {} : mixing.parameters;
    const hidden = Object.keys(ofVariant).find((name) => Object.entries(own).some(([n, part]) => n === name && part));
    if (hidden !== undefined) {
      const why = `as a layer has a part '${hidden}'`;
      throw new ArgumentError(`parameters: expected another name of ${mixing.variant.name}, ${why}, got '${hidden}'`);
    }
    return named({ ...own, ...ofVariant });
  }

  /** The tensors of the projections that read values in place of the tokens. */
  readingValues(): Tensor[] {
    const { query, key } = this.projections;
    const all: Readonly<Record<string, Linear | undefined>> = { ...this.gates, queries: query, keys: key };
    return (this.mixing.layer?.fromValues ?? []).flatMap((name) => Object.values(all[name] ?? {}));
  }

  /**
   * Self-attention of x [batch, length, modelDim]; the result has the same shape. Throws ShapeError for a sequence that is
   * too long.
   */
  forward(x: Tensor, { keyMask, handed, random, ...options }: AttendOptions): Tensor {
    const { length, modelDim } = this.#place;
    const [, own, width] = x.shape;
    if (x.shape.length !== 3 || own > length || width !== modelDim) {
      throw new ShapeError(`x: expected [batch, at most ${length}, ${modelDim}], got ${formatShape(x.shape)}`);
    }
    const inputs = this.inputs(x, keyMask);
    const handing = this.handing?.in({ handed, random }, this.mixing, options.training);
    return this.#merge(this.mixing.attend(inputs, { ...options, ...handing }), x);
  }

  /** The inputs of the variant for x: queries, keys and values, [batch, heads, length, headDim] each. */
  inputs(x: Tensor, keyMask?: Tensor): AttentionInputs {
    return { ...this.#project(x, 0, keyMask).inputs, ...(keyMask && { keyMask }) };
  }

  /**
   * Causal generation: the rows of `forward`, one or more at a time. Throws UnsupportedError for a variant that cannot
   * generate, ArgumentError for a state of another variant. (A step of Reformer returns the last rows of a run over the
   * tokens so far.)
   */
  startSteps(batch: number, state?: AttentionState): Steps {
    const { own, last } = separated(state, [...convolvedInputs(this.parts), ...keptRows(this.projections)]);
    const decoder = this.mixing.startDecoding(batch, own);
    let rows: LastRows = last;
    const goOn = (next: LastRows) => {
      for (const tensor of Object.values(next)) keep(tensor);
      for (const { block } of Object.values(rows)) if (!block.free) releaseBlock(block);
      rows = next;
    };
    return {
      step: (x) =>
        scope(() =>
          noGrad(() => {
            const { inputs, last } = this.#project(x, decoder.position, undefined, rows);
            const output = this.#merge(decoder.step(inputs), x);
            // A view would keep all rows of this call.
            goOn(Object.fromEntries(Object.entries(last).map(([name, tensor]) => [name, packed(tensor)])));
            return output;
          }),
        ),
      state: () => joined(decoder.state, rows),
      end: () => {
        goOn({});
        decoder.end();
      },
    };
  }

  /** Releases cached tables of positions, which can be made again. */
  forget(): void {
    this.#rotary?.forget();
  }

  /** The variant's inputs for tokens from position `begin` on, and what convolutions need of them in the next call. */
  #project(x: Tensor, begin: number, keyMask?: Tensor, before: LastRows = {}): Projected {
    const { part, last } = beforeAttention(this.mixing.layer, this.parts, keyMask, before);
    const made = projecting(x, this.multiplicative, this.projections, keyMask, before.modules);
    const heads = this.#heads(made.project, this.projections, begin, part);
    const inputs = {
      ...heads,
      ...(this.global && { global: this.#heads(made.project, this.global, begin) }),
      ...(this.mixing.variant.inputs.gates && { gates: projectedGates(x, heads.values, this.gates, this.mixing) }),
    };
    return { inputs, last: made.last === undefined ? last : { ...last, modules: made.last } };
  }

  #heads(
    project: Project,
    { query, key, value }: Projections,
    begin: number,
    part: (name: InputName, rows: Tensor) => Tensor = (_name, rows) => rows,
  ): AttentionInputs {
    const values = contiguous(
      part('values', divided(project(value, this.#gated ? gatedUnit : undefined), this.#place.heads)),
    );
    const { fromValues } = this.mixing.layer ?? {};
    const turned = (name: InputName, projection: Linear) => {
      const projected = fromValues?.includes(name) ? linear(merged(values), projection) : project(projection);
      const rows = part(name, divided(projected, this.#place.heads));
      return this.#rotary === null ? contiguous(rows) : this.#rotary.turn(rows, begin);
    };
    // Unused inputs must be present anyway.
    const queries = query === undefined ? values : turned('queries', query);
    return { queries, keys: key === undefined ? queries : turned('keys', key), values };
  }

  #merge(output: Tensor, x: Tensor): Tensor {
    const { layer } = this.mixing;
    const heads =
      layer === undefined
        ? output
        : finished(output, x, layer, this.parts, (each) => contiguous(divided(each, this.#place.heads)));
    return this.output === undefined ? merged(heads) : linear(merged(heads), this.output);
  }
}
