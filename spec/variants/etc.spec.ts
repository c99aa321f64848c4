/** ETC, held to loops over its definition (Ainslie et al. 2020, §3), to full attention, to BigBird's form of it, and to its reach. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { broadcastTo, contiguous, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { bigbird } from '../../src/variants/bigbird.ts';
import { type EtcOptions, etc } from '../../src/variants/etc.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionShape, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read, redrawn } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { inAllSettings } from '../laws/settings.ts';
import { byLoops, type Definition, paper } from './etc-written-out.ts';

const variant = findVariant('etc') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as EtcOptions;

/** Labels of norm 1 and more: those that training starts from would hide a wrong one. */
const loud = (attentionCase: AttentionCase): Parameters => {
  const { shape, seed } = attentionCase;
  const drawn = (name: string, { shape: extents }: Tensor) =>
    randomNormal([...extents], new Random(seed).split(name), shape.dtype);
  const { a_g, a_l } = parametersOf(variant, attentionCase);
  return { a_g: drawn('g', a_g), a_l: drawn('l', a_l) };
};

for (const { name, run } of inAllSettings('equals loops over its definition', ({ draw, tolerance }) => {
  draw(variant, { maxLength: 36 }, 60, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const parameters = loud(attentionCase);
    const expected = byLoops(inputs, optionsOf(attentionCase), parameters);
    expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, tolerance(inputs), 'output');
  });
})) {
  test(name, run);
}

const shapeOf = (length: number, headDim = 4): AttentionShape => ({
  ...{ batch: 2, heads: 2, queryLength: length, keyLength: length, headDim },
  dtype: 'float64',
});

const caseOf = (options: Partial<EtcOptions>, length = 19): AttentionCase => ({
  ...{ shape: shapeOf(length), mask: null, seed: 5 },
  options: checkOptions(
    etc,
    { numGlobals: 3, segmentLength: 5, radius: 3, maxDistance: 2, ...options },
    shapeOf(length),
  ),
});

test('the loops notice other labels, another scale of them, other segments, other vectors and another radius', () => {
  const broken: Partial<Definition>[] = [
    { distance: (difference, k) => paper.distance(-difference, k) },
    { distance: (difference, k) => paper.distance(difference, k - 1) },
    { labelScale: () => 1 },
    { belongs: (token, global, s) => Math.floor((token + 1) / s) === global },
    { belongs: (token, global, s) => Math.min(2, Math.floor(token / s)) === global },
    { vectorsOf: (_query, keyIsGlobal) => (keyIsGlobal ? 'a_g' : 'a_l') },
    { reach: (radius) => radius - 1 },
  ];
  for (const ownSegment of [false, true]) {
    const attentionCase = caseOf({ ownSegment });
    const [inputs, parameters] = [inputsOf(attentionCase), loud(attentionCase)];
    const output = outputOf(variant, attentionCase, inputs, parameters);
    expectClose(output, byLoops(inputs, optionsOf(attentionCase), parameters), ROUNDING, 'the definition');
    for (const change of broken) {
      const other = byLoops(inputs, optionsOf(attentionCase), parameters, { ...paper, ...change });
      assert.throws(() => expectClose(output, other, 1e-4, `${Object.keys(change)}`), `${Object.keys(change)}`);
    }
  }
});

test('with a radius of all tokens it is full attention, if all labels have one vector, whatever that is', () => {
  forAllCases(variant, { dtype: 'float64' }, 40, (drawn) => {
    const options = { ...optionsOf(drawn), radius: drawn.shape.keyLength, ownSegment: false };
    const attentionCase = { ...drawn, options };
    const inputs = inputsOf(attentionCase);
    const one = (a: Tensor) => noGrad(() => contiguous(broadcastTo(contiguous(slice(a, 1, 0, 1)), [...a.shape])));
    const { a_g, a_l } = loud(attentionCase);
    const output = outputOf(variant, attentionCase, inputs, { a_g: one(a_g), a_l: one(a_l) });
    expectClose(output, read(noGrad(() => attend(full, inputs))), ROUNDING, 'full attention');
  });
});

test('without labels it is what BigBird calls ETC, with blocks of one token', () => {
  forAllCases(variant, { dtype: 'float64', minLength: 6 }, 30, (drawn) => {
    const last = drawn.shape.keyLength - 1;
    const numGlobals = Math.min(optionsOf(drawn).numGlobals, drawn.shape.keyLength - 5);
    const attentionCase = { ...drawn, options: { ...optionsOf(drawn), numGlobals, radius: 1, ownSegment: false } };
    const inputs = inputsOf(attentionCase);
    const none = ({ shape }: Tensor) => zeros([...shape], 'float64');
    const { a_g, a_l } = loud(attentionCase);
    const output = outputOf(variant, attentionCase, inputs, { a_g: none(a_g), a_l: none(a_l) });
    const theirs = { construction: 'etc', blockSize: 1, globalBlocks: numGlobals, randomBlocks: 0 } as const;
    // BigBird draws a block in place of a neighbour that does not exist, or that is global.
    const hasBoth = (_b: number, _h: number, i: number) => i !== numGlobals && i !== last;
    expectClose(output, read(noGrad(() => attend(bigbird, inputs, theirs))), ROUNDING, 'BigBird', hasBoth);
  });
});

test('a token of the long input changes what is within the radius, and global tokens: all, or its own', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 4 }, 30, (attentionCase) => {
    const { numGlobals: n, radius, segmentLength, ownSegment } = optionsOf(attentionCase);
    const { keyLength: length } = attentionCase.shape;
    if (n === length) return;
    const token = n + (attentionCase.seed % (length - n));
    const { queries, keys, values } = inputsOf(attentionCase);
    const random = new Random(attentionCase.seed);
    const change = (x: Tensor, name: string) => redrawn(x, (_b, _h, at) => at === token, random.split(name));
    const changed = { queries: change(queries, 'q'), keys: change(keys, 'k'), values: change(values, 'v') };
    const parameters = loud(attentionCase);
    const [before, after] = [{ queries, keys, values }, changed].map((x) =>
      outputOf(variant, attentionCase, x, parameters),
    );
    const width = values.shape[3];
    const own = Math.floor((token - n) / segmentLength);
    before.data.forEach((number, at) => {
      const i = Math.floor(at / width) % length;
      const isReached = i < n ? !ownSegment || i === own : Math.abs(i - token) <= radius;
      if (!isReached) assert.is(after.data[at], number, `row ${i}, after a change of ${token}`);
    });
    const rows = (of: typeof before) => Array.from(of.data).slice(token * width, (token + 1) * width);
    assert.not.equal(rows(after), rows(before));
  });
});

test('cost: at fixed n_g and r each token of the long input costs the same', () => {
  for (const ownSegment of [false, true]) {
    const options = { ...etc.defaults(512), numGlobals: 16, radius: 84, ownSegment };
    const flops = (length: number) => etc.cost({ ...shapeOf(length), headDim: 64 }, options).flops;
    for (let length = 2048; length <= 2 ** 18; length *= 2) {
      assert.is(flops(2 * length + 512) - flops(2 * length), flops(length + 512) - flops(length), `${length}`);
    }
  }
});

test('more global tokens than tokens, a negative radius and vectors of other labels are refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(ArgumentError, 'numGlobals', () => void attend(etc, inputs, { numGlobals: 20 }));
  expectThrows(ArgumentError, 'radius', () => void attend(etc, inputs, { radius: -1 }));
  const parameters = parametersOf(variant, caseOf({ maxDistance: 4 }));
  expectThrows(ShapeError, 'parameters.a_g', () => void attend(etc, inputs, { maxDistance: 5 }, { parameters }));
});

test.run();
