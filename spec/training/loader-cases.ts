/**
 * Cases for the PyTorch loader's attention and for ours. Python is $PYTHON, or that of .venv, or python3; tests that need its
 * torch and safetensors are skipped where it lacks them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { multiply, sum, zeroMasked } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { filled, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { loaderCode } from '../../src/training/export/pieces.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import type { BigBirdOptions } from '../../src/variants/bigbird.ts';
import { randomTable } from '../../src/variants/bigbird-blocks.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import type { AttentionInputs, CommonOptions, Parameters } from '../../src/variants/variant.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import type { AttentionCase } from '../laws/draw.ts';
import { type Output, parametersOf, read } from '../laws/evaluate.ts';

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const local = ['bin/python', 'Scripts/python.exe'].map((path) => pathOf(`../../.venv/${path}`));
export const python = process.env.PYTHON ?? local.find(existsSync) ?? 'python3';
export const hasTorch = spawnSync(python, ['-c', 'import torch, safetensors']).status === 0;
export const withTorch = hasTorch ? test : test.skip;

/** A case that both sides compute. */
export interface Compared {
  name: string;
  variant: string;
  attentionCase: AttentionCase;
  inputs: AttentionInputs;
  /** Absent: those that follow from the case's seed. */
  parameters?: Parameters;
}

const PARTS = { q: 'queries', k: 'keys', v: 'values' } as const;
const folder = temporaryFolder();
let files = 0;
export const variantOf = (name: string) => allVariants().find((each) => each.name === name) as AnyVariant;

/**
 * What the loader for the variants of these cases makes of them, by NAME/output, and the gradients of Σ direction · output, by
 * NAME/q, k, v, gates/… and parameters/….
 */
export function attendByLoader(cases: readonly Compared[]): Map<string, Float32Array | Float64Array> {
  const [from, to] = [0, 1].map(() => join(folder, `${files++}.safetensors`));
  const settings: Record<string, unknown> = {};
  const tensors: [string, ArrayToStore][] = [];
  for (const each of cases) {
    const { name, variant, attentionCase, inputs } = each;
    const store = (key: string, { shape }: Tensor, data: ArrayToStore['data']) =>
      tensors.push([`${name}/${key}`, { shape, data }]);
    settings[name] = [variant, checkOptions(variantOf(variant), attentionCase.options, attentionCase.shape)];
    const mask = maskOf(inputs);
    for (const [key, part] of Object.entries(PARTS)) store(key, inputs[part], inputs[part].toArray());
    store('mask', mask, mask.toArray());
    store('direction', inputs.queries, directionOf(inputs).toArray());
    for (const [key, tensor] of Object.entries(inputs.gates ?? {})) store(`gates/${key}`, tensor, tensor.toArray());
    for (const [key, tensor] of Object.entries(parametersIn(each))) {
      store(`parameters/${key}`, tensor, tensor.toArray());
    }
    if (variant === 'bigbird') {
      const { heads, keyLength } = attentionCase.shape;
      const blocks = randomTable(attentionCase.options as BigBirdOptions, heads, keyLength);
      tensors.push([`${name}/parameters/randomBlocks`, blocks]);
    }
  }
  writeSafetensors(from, tensors, [['cases', JSON.stringify(settings)]]);
  const loader = join(folder, 'modeling_efficient.py');
  writeFileSync(loader, loaderCode(cases.map(({ variant }) => variant)));
  const { status, stderr } = spawnSync(python, [pathOf('export_attention.py'), loader, from, to], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return new Map([...readSafetensors(to).tensors].map(([key, each]) => [key, each.load() as Float32Array]));
}

/**
 * Without what training leaves out at random, and without what enlarges roundings many times: many steps to an inverse, and three
 * layers of sines of a high frequency.
 */
export function plainOptions(options: CommonOptions): Partial<CommonOptions> {
  const plain = { dropConnect: 0, gumbel: 0, pinvIterations: 2, sineFrequency: 1 };
  return Object.fromEntries(Object.entries(plain).filter(([name]) => name in options));
}

export function maskOf({ keys: { shape }, keyMask }: AttentionInputs): Tensor {
  return keyMask ?? filled([shape[0], shape[2]], 1, 'uint8');
}

function parametersIn({ variant, attentionCase, parameters }: Compared): Parameters {
  return parameters ?? parametersOf(variantOf(variant), attentionCase);
}

/** What is asked of the output of real queries; of others nothing. */
function directionOf(inputs: AttentionInputs): Tensor {
  const { shape, dtype } = inputs.queries;
  return zeroMasked(randomNormal(shape, new Random(0).split('direction'), dtype as 'float32'), maskOf(inputs));
}

/** Of Σ direction · output, by our own backward pass: by q, k, v, gates/… and the learned parameters/…. */
export function gradientsOf(compared: Compared): Record<string, Output> {
  const { variant: name, attentionCase, inputs } = compared;
  const [variant, parameters] = [variantOf(name), parametersIn(compared)];
  const leaves: Record<string, Tensor> = { q: inputs.queries, k: inputs.keys, v: inputs.values };
  for (const [key, gate] of Object.entries(inputs.gates ?? {})) leaves[`gates/${key}`] = gate;
  for (const [key, parameter] of Object.entries(parameters)) {
    if (parameter.requiresGrad) leaves[`parameters/${key}`] = parameter;
  }
  for (const leaf of Object.values(leaves)) leaf.withGrad();
  const output = attend(variant, inputs, attentionCase.options, { parameters });
  backward(sum(multiply(output, directionOf(inputs))));
  return Object.fromEntries(
    Object.entries(leaves).map(([key, { grad, shape, dtype }]) => [key, read(grad ?? zeros(shape, dtype))]),
  );
}
