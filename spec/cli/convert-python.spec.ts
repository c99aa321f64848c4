/** The way of a reader: train, convert, export, and load the folder in Python, which gives the same logits. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { fromArray } from '../../src/core/tensor.ts';
import { loadModel } from '../../src/training/checkpoint.ts';
import { evaluation } from '../../src/training/module.ts';
import { python, withTorch } from '../training/loader-cases.ts';
import { outputOf, temporaryFolder } from './host.ts';

const PROGRAM = `
import sys, torch
from safetensors.torch import save_file
sys.path.insert(0, sys.argv[1])
from modeling_efficient import EfficientTransformer
model = EfficientTransformer.from_pretrained(sys.argv[1])
with torch.no_grad():
    save_file({"logits": model(torch.arange(16).remainder(11)[None]).contiguous()}, sys.argv[2])
`;

withTorch(
  'a model that was trained, converted by its weights and exported has the same logits in PyTorch',
  async () => {
    const folder = temporaryFolder();
    const [trained, converted, exported, program, answer] = [
      'trained',
      'converted',
      'exported',
      'program.py',
      'answer.safetensors',
    ].map((name) => join(folder, name));
    const small = [
      '--length',
      '16',
      '--layers',
      '2',
      '--model-dim',
      '16',
      '--heads',
      '2',
      '--evaluation-examples',
      '4',
    ];
    await outputOf(['train', 'copy', ...small, '--steps', '4', '--threads', '1', '--out', trained]);
    const hedgehog = ['--to', 'linear-transformer', '--option', 'featureMap=hedgehog', '--match', 'weights'];
    const few = ['--steps', '4', '--examples', '4', '--threads', '1', '--out', converted];
    const told = await outputOf(['convert', '--checkpoint', trained, ...hedgehog, ...few]);
    // What the output says comes next.
    assert.ok(told.includes(`export ${converted} --out FOLDER`), told);
    await outputOf(['export', converted, '--out', exported]);
    writeFileSync(program, PROGRAM);
    const { status, stderr } = spawnSync(python, [program, exported, answer], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
    const theirs = readSafetensors(answer).tensors.get('logits')?.load() as Float32Array;
    const { learner } = loadModel(join(converted, 'checkpoint.safetensors'));
    const ids = Array.from({ length: 16 }, (_, at) => at % 11);
    const tokens = fromArray(ids, [1, 16], 'int32');
    const counts = fromArray(new Uint8Array(16).fill(1), [1, 16], 'uint8');
    const batch = { sequences: [{ tokens, keyMask: undefined }], targets: tokens, counts, counted: 16 };
    const ours = learner.logits(batch, evaluation).toArray();
    assert.is(theirs.length, ours.length);
    // Float32 on both sides, in another order.
    for (const [at, x] of ours.entries())
      assert.ok(Math.abs(x - theirs[at]) <= 1e-4 * (1 + Math.abs(x)), `${at}: ${x}, ${theirs[at]}`);
  },
);

test.run();
