/**
 * Parameters of a variant, each declared once. The way it is drawn, the shape that `attend` checks, and its share of the
 * memory that options imply all follow from the declaration.
 */
import { expectDType } from '../core/dtype.ts';
import { ArgumentError, expectInteger, expectShape } from '../core/errors.ts';
import { expectRecord, numberOf } from '../core/expect.ts';
import { expectExtents } from '../core/extents.ts';
import { scale } from '../core/ops/index.ts';
import { expectRandom, type Random } from '../core/random.ts';
import { elements, empty, expectTensor, randomNormal, type Tensor } from '../core/tensor.ts';
import type { AttentionShape, CommonOptions, Parameters } from './variant.ts';

/** The declaration of one parameter: its shape, its initial value, and whether it is learned. */
export interface DeclaredParameter<Options extends CommonOptions = CommonOptions> {
  /** Learned; otherwise random and fixed, or redrawn now and then during training. */
  learned: boolean;
  /** Not learned, and never redrawn in training either. */
  fixed?: true;
  /** Its extents; null if it does not exist with these options. */
  shape(options: Options, shape: AttentionShape): readonly number[] | null;
  /** Its initial value: a tensor of these extents. */
  start(drawing: Drawing<Options>): Tensor;
  /** The name of the random stream that it is drawn from, by default the parameter's name; null: the variant's own stream. */
  stream?: string | null;
  /** For an option that is for training only: evaluation may still pass it. */
  trainingOnly?: true;
  /** No weight decay, whatever its shape: for the logarithm of a rate, 0 is a value like any other. */
  decays?: false;
  /** A parameter drawn for another length is allowed: its extents are checked by the variant's `attend` only. */
  anyLength?: true;
}

export type DeclaredParameters<Options extends CommonOptions = CommonOptions> = Readonly<
  Record<string, DeclaredParameter<Options>>
>;

/** The arguments for drawing a parameter. */
export interface Drawing<Options extends CommonOptions = CommonOptions> {
  extents: readonly number[];
  dtype: AttentionShape['dtype'];
  /** A stream that no other parameter draws from, unless its declaration says so. */
  random: Random;
  options: Options;
  shape: AttentionShape;
}

/** Tensors that were declared with `decays: false`. */
const spared = new WeakSet<Tensor>();

/** Whether a variant declares that this parameter of its own has no weight decay. */
export const isSpared = (parameter: Tensor): boolean => spared.has(parameter);

const finite = numberOf(0, Number.MAX_VALUE);

function expectPlace({ extents, random, dtype }: Pick<Drawing, 'extents' | 'random' | 'dtype'>): void {
  expectExtents(extents, 'drawing.extents');
  expectRandom('drawing.random', random);
  expectDType('drawing.dtype', dtype, ['float32', 'float64']);
}

/**
 * A `start` that draws a tensor of its extents from N(0, deviation²). Throws ArgumentError or ShapeError for wrong arguments.
 */
export function normal(drawing: Pick<Drawing, 'extents' | 'random' | 'dtype'>, deviation: number): Tensor {
  expectRecord('drawing', drawing);
  expectPlace(drawing);
  finite('deviation', deviation);
  const drawn = randomNormal(drawing.extents, drawing.random, drawing.dtype);
  return deviation === 1 ? drawn : scale(drawn, deviation);
}

/**
 * A `start` that draws a tensor of its extents uniformly in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010). `inputs` and
 * `outputs` are how many numbers the parameter reads and makes. Throws ArgumentError or ShapeError for wrong arguments.
 */
export function glorotUniform(
  drawing: Pick<Drawing, 'extents' | 'random' | 'dtype'>,
  inputs: number,
  outputs: number,
): Tensor {
  expectRecord('drawing', drawing);
  expectPlace(drawing);
  expectInteger('inputs', inputs, 1);
  expectInteger('outputs', outputs, 1);
  const tensor = empty(drawing.extents, drawing.dtype);
  const bound = Math.sqrt(6 / (inputs + outputs));
  drawing.random.fillUniform(elements(tensor), -bound, bound);
  return tensor;
}

/** The extents of the parameters that exist with these options, by name. */
export function shapesOf<Options extends CommonOptions>(
  declared: DeclaredParameters<Options>,
  options: Options,
  shape: AttentionShape,
): Record<string, readonly number[]> {
  const all = Object.entries(declared).map(([name, each]) => [name, each.shape(options, shape)] as const);
  return Object.fromEntries(all.filter((entry): entry is [string, readonly number[]] => entry[1] !== null));
}

/** Draws the parameters; `random` is the stream of the variant. */
export function drawDeclared<Options extends CommonOptions>(
  declared: DeclaredParameters<Options>,
  options: Options,
  shape: AttentionShape,
  random: Random,
): Parameters {
  const drawn = Object.entries(shapesOf(declared, options, shape)).map(([name, extents]) => {
    const { start, stream = name, learned, decays } = declared[name];
    const own = stream === null ? random : random.split(stream);
    const tensor = start({ extents, dtype: shape.dtype, random: own, options, shape });
    if (decays === false) spared.add(tensor);
    return [name, learned ? tensor.withGrad() : tensor];
  });
  return Object.fromEntries(drawn);
}

/**
 * Throws ShapeError or ArgumentError unless these parameters match the declaration for the options and the shape. That which layers
 * hand on may come with rows for each sequence, [batch, ...].
 */
export function expectParameters<Options extends CommonOptions>(
  declared: DeclaredParameters<Options>,
  parameters: Parameters,
  options: Options,
  shape: AttentionShape,
  handed: string | null = null,
): void {
  for (const [name, declaration] of Object.entries(declared)) {
    const given: unknown = parameters[name];
    const extents = declaration.shape(options, shape);
    if (given === undefined && (extents === null || declaration.anyLength)) continue;
    if (extents === null && !declaration.anyLength) {
      if (declaration.trainingOnly) continue;
      throw new ArgumentError(`parameters.${name}: expected none with these options, got one`);
    }
    expectTensor(`parameters.${name}`, given);
    if (given.dtype !== shape.dtype) {
      throw new ArgumentError(`parameters.${name}: expected ${shape.dtype} like queries, got ${given.dtype}`);
    }
    if (extents !== null && !declaration.anyLength) {
      const forEach = name === handed && given.shape.length > extents.length;
      const expected = forEach ? [shape.batch, ...extents] : extents;
      expectShape(`parameters.${name}`, given.shape, expected, 'to match queries and options');
    }
  }
}
