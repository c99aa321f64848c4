/**
 * Golden files: inputs, outputs and gradients of implementations that others wrote. They are made by
 * fixtures/scripts/make_golden.py, are described in fixtures/README.md, and are read here.
 */

import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { unreadInputs } from '../../src/variants/inputs.ts';
import type { AttentionInputs, AttentionVariant, CommonOptions, Parameters } from '../../src/variants/variant.ts';

export type FloatType = 'float32' | 'float64';

export interface GoldenCase {
  readonly name: string;
  /** Who theirs are, with their versions. */
  readonly implementation: string;
  /** What theirs was computed in. */
  readonly precision: FloatType;
  /** Options of our variant, or of our op. */
  readonly options: Record<string, unknown>;
  /** Settings of theirs. */
  readonly theirs: Record<string, unknown>;
  /** Names of the tensors that begin with `prefix`, without it. */
  names(prefix: string): string[];
  has(name: string): boolean;
  /** Numbers with a fraction come as `dtype`, a leaf that collects a gradient; others as they are. */
  tensor(name: string, dtype: FloatType): Tensor;
}

type Settings = Pick<GoldenCase, 'precision' | 'options' | 'theirs'>;

/** All cases of fixtures/golden/NAME.safetensors. */
export function readGolden(name: string): GoldenCase[] {
  const path = fileURLToPath(new URL(`../../fixtures/golden/${name}.safetensors`, import.meta.url));
  const { tensors, metadata } = readSafetensors(path);
  const cases = JSON.parse(metadata.get('cases') ?? '{}') as Record<string, Settings>;
  assert.ok(Object.keys(cases).length > 0, `${name}: no cases`);
  const implementation = metadata.get('implementation') ?? '';
  return Object.entries(cases).map(([each, settings]) => {
    const names = (prefix: string) => {
      const start = `${each}/${prefix}`;
      return [...tensors.keys()].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
    };
    const tensor = (key: string, dtype: FloatType) => {
      const stored = tensors.get(`${each}/${key}`);
      if (stored === undefined) throw new Error(`${each}: expected a tensor ${key} in ${name}`);
      if (stored.dtype !== 'float32') return fromArray(stored.load(), stored.shape, stored.dtype);
      return fromArray(stored.load(), stored.shape, dtype).withGrad();
    };
    return { name: each, implementation, ...settings, names, has: (key) => tensors.has(`${each}/${key}`), tensor };
  });
}

/** How far our numbers may be from theirs, relative to the largest of theirs. */
export interface Tolerance {
  output: number;
  gradient: number;
}

/**
 * In float32 a number of ours goes through tens of roundings of 6 · 10⁻⁸. In float64 only their roundings are left: that
 * of the file, or those of all their steps where theirs was computed in float32.
 */
export function toleranceOf({ precision }: GoldenCase, dtype: FloatType): Tolerance {
  if (dtype === 'float32') return { output: 1e-5, gradient: 1e-4 };
  const roundings = precision === 'float64' ? 1.2e-7 : 2e-6;
  return { output: roundings, gradient: roundings };
}

/** What `run` of a case gave: the output, and the inputs and parameters that it depends on, by their names in the file. */
export interface Ran {
  output: Tensor;
  inputs: Record<string, Tensor>;
}

/** Runs a case through one of our variants, as `attend` does for a user. `options` replace some of the case's. */
export function runVariant<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  { options, names, has, tensor }: GoldenCase,
  dtype: FloatType,
  otherOptions: Partial<Options> = {},
): Ran {
  const values = tensor('values', dtype);
  const read = (name: string) => (has(name) ? tensor(name, dtype) : undefined);
  const unread = (name: 'queries' | 'keys') => {
    const given = variant.defaults(values.shape[2], options as Partial<Options>);
    assert.ok(unreadInputs(variant, given).includes(name), `${variant.name} reads ${name}, which the file lacks`);
    return zeros((read('queries') ?? values).shape, dtype);
  };
  const attended: AttentionInputs = {
    queries: read('queries') ?? unread('queries'),
    keys: read('keys') ?? unread('keys'),
    values,
    ...(has('keyMask') && { keyMask: tensor('keyMask', dtype) }),
  };
  const inputs: Record<string, Tensor> = { ...attended } as unknown as Record<string, Tensor>;
  if (has('global/queries')) {
    const of = (name: string) => (inputs[`global/${name}`] = tensor(`global/${name}`, dtype));
    attended.global = { queries: of('queries'), keys: of('keys'), values: of('values') };
  }
  const gates: Record<string, Tensor> = {};
  for (const name of names('gates/')) gates[name] = inputs[`gates/${name}`] = tensor(`gates/${name}`, dtype);
  if (Object.keys(gates).length > 0) attended.gates = gates;
  const parameters: Parameters = {};
  for (const name of names('parameters/')) {
    parameters[name] = inputs[`parameters/${name}`] = tensor(`parameters/${name}`, dtype);
  }
  const complete = { ...(options as Partial<Options>), ...otherOptions };
  return { output: attend(variant, attended, complete, { parameters }), inputs };
}

/**
 * Throws unless our output, and the gradient of every input for which the file has one, are theirs. `terms` of a gradient: the
 * largest number of those that it sums. Where they cancel, their roundings stay, so that differences are relative to it.
 */
export function expectAgreement(
  golden: GoldenCase,
  dtype: FloatType,
  run: () => Ran,
  terms: Readonly<Record<string, number>> = {},
) {
  const tolerance = toleranceOf(golden, dtype);
  compareEach(golden, dtype, run, (what, furthest) => {
    const { claim, name, actual, expected, at } = furthest;
    const scale = Math.max(furthest.scale, terms[name] ?? 0);
    if (Math.abs(actual - expected) <= tolerance[what] * scale) return;
    // Not an assertion of uvu's, which `assert.throws` would let through.
    const limit = tolerance[what] * scale;
    throw new Error(`${claim}: element ${at} is ${actual}, theirs ${expected}; ${limit} apart at most`);
  });
}

/** How far our output, and any of our gradients, is from theirs at most, relative to the largest of theirs. */
export function differencesOf(golden: GoldenCase, dtype: FloatType, run: () => Ran): Tolerance {
  const largest = { output: 0, gradient: 0 };
  compareEach(golden, dtype, run, (what, { apart }) => {
    largest[what] = Math.max(largest[what], apart);
  });
  return largest;
}

/** The two numbers that are the furthest apart. */
interface Furthest {
  claim: string;
  /** `output`, or whose gradient it is. */
  name: string;
  /** What a difference is relative to. */
  scale: number;
  at: number;
  actual: number;
  expected: number;
  /** Infinite where ours is NaN. */
  apart: number;
}

function compareEach(
  golden: GoldenCase,
  dtype: FloatType,
  run: () => Ran,
  visit: (what: keyof Tolerance, furthest: Furthest) => void,
): void {
  scope(() => {
    const { output, inputs } = run();
    const outputGradient = golden.tensor('outputGradient', dtype);
    const rows = golden.has('rows') ? elements(golden.tensor('rows', dtype)) : undefined;
    const claim = `${golden.name} in ${dtype}`;
    visit('output', furthestOf(output, golden.tensor('output', dtype), 0, 'output', `${claim}: output`, rows));

    backward(output, outputGradient);
    const gradients = golden.names('gradients/');
    assert.ok(gradients.length > 0, `${claim}: no gradients in the file`);
    // A gradient that is 0 in exact arithmetic (that of the only key) is what the rounding of its terms has left.
    const floor = 0.05 * largestOf(outputGradient);
    for (const name of gradients) {
      const actual = inputs[name]?.grad;
      assert.ok(actual, `${claim}: our ${name} got no gradient`);
      visit(
        'gradient',
        furthestOf(actual, golden.tensor(`gradients/${name}`, dtype), floor, name, `${claim}: d${name}`),
      );
      inputs[name].grad = null;
    }
  });
}

/** `rows` are flags: of [batch, heads, length, width], rows to compare. */
function furthestOf(
  actual: Tensor,
  expected: Tensor,
  floor: number,
  name: string,
  claim: string,
  rows?: ArrayLike<number>,
): Furthest {
  assert.equal(actual.shape, expected.shape, `${claim}: shape`);
  const [ours, theirs] = [elements(actual), elements(expected)];
  const width = expected.shape[expected.shape.length - 1] ?? 1;
  const scale = Math.max(floor, largestOf(expected)) || 1;
  let [at, apart] = [-1, -1];
  for (let i = 0; i < theirs.length; i++) {
    if (rows?.[Math.floor(i / width)] === 0) continue;
    const difference = Math.abs(ours[i] - theirs[i]) / scale;
    if (difference <= apart) continue;
    at = i;
    apart = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  assert.ok(at >= 0, `${claim}: nothing to compare`);
  return { claim, name, scale, at, actual: ours[at], expected: theirs[at], apart };
}

function largestOf(tensor: Tensor): number {
  let largest = 0;
  for (const value of elements(tensor)) largest = Math.max(largest, Math.abs(value));
  return largest;
}
