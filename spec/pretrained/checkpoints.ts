/** The folders of fixtures/pretrained, and what transformers computes with them. See fixtures/README.md. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import type { TextInputs, TextOutput } from '../../src/pretrained/architecture.ts';

const FOLDER = fileURLToPath(new URL('../../fixtures/pretrained/', import.meta.url));

export const checkpoint = (name: string): string => join(FOLDER, name);

export interface ExpectedCase {
  name: string;
  inputs: TextInputs;
  /** By the path in `TextOutput`: `hiddenStates/0`, `pooled`, `logits`. */
  outputs: Map<string, Tensor>;
  /** For the gradient `output` of the logits, or else of the last hidden states: those of `words` and `positions`. */
  gradients: Map<string, Tensor>;
}

/** Of names that begin with one of these. */
export function checkpointsOf(...families: string[]): string[] {
  const names = readdirSync(FOLDER).filter((name) => families.some((family) => name.startsWith(family)));
  assert.ok(names.length > 0, `no folder of ${families.join(' or ')}`);
  return names.sort();
}

export function expectedOf(name: string): ExpectedCase[] {
  const { tensors, metadata } = readSafetensors(join(FOLDER, name, 'expected.safetensors'));
  const cases = JSON.parse(metadata.get('cases') ?? '[]') as string[];
  assert.ok(cases.length > 0, `${name}: no cases`);
  return cases.map((each) => {
    const start = `${each}/`;
    const own = [...tensors].filter(([key]) => key.startsWith(start));
    const read = new Map(
      own.map(([key, { load, shape, dtype }]) => [key.slice(start.length), fromArray(load(), shape, dtype)]),
    );
    const take = (key: string) => {
      const found = read.get(key);
      read.delete(key);
      return found;
    };
    const inputs: TextInputs = {
      tokens: take('tokens') as Tensor,
      keyMask: take('keyMask'),
      tokenTypes: take('tokenTypes'),
      globalMask: take('globalMask'),
    };
    const ofGradients = [...read.keys()].filter((key) => key.startsWith('gradients/'));
    const gradients = new Map(ofGradients.map((key) => [key.slice('gradients/'.length), take(key) as Tensor]));
    return { name: each, inputs, outputs: read, gradients };
  });
}

/** The largest difference between our outputs and theirs; each of theirs has to have one of ours, in its shape. */
export function largestDifference(ours: TextOutput, theirs: ReadonlyMap<string, Tensor>): number {
  assert.is(ours.hiddenStates.length, [...theirs.keys()].filter((key) => key.startsWith('hiddenStates/')).length);
  let largest = 0;
  for (const [key, expected] of theirs) {
    const [part, index] = key.split('/');
    const found = part === 'hiddenStates' ? ours.hiddenStates[Number(index)] : ours[part as 'pooled' | 'logits'];
    assert.ok(found, `no ${key}`);
    assert.equal(found.shape, expected.shape, key);
    const [a, b] = [elements(found), elements(expected)];
    for (let i = 0; i < b.length; i++) {
      const difference = Math.abs(a[i] - b[i]);
      // Written so that NaN counts.
      if (!(difference <= largest)) largest = difference;
    }
  }
  return largest;
}
