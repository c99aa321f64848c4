/** `train --resume` goes on on the kernels that the run was on, and says so where it cannot or may not. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { kernelBuild } from '../../src/core/kernels/simd.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { kernelsOf } from '../../src/training/checkpoint.ts';
import { readMetrics } from '../../src/training/metrics.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

delete process.env.EFFICIENT_TRANSFORMERS_KERNELS;
const folder = temporaryFolder();
const best = kernelBuild();
test.after.each(() => setKernels(best));

const at = (out: string, name: string) => join(folder, out, name);
const bytesOf = (out: string) => readFileSync(at(out, 'checkpoint.safetensors'));

/** Six steps, of which the checkpoint before the last is of step 3. */
async function trained(out: string, ...more: string[]): Promise<void> {
  const size = [
    '--length',
    '8',
    '--symbols',
    '4',
    '--layers',
    '1',
    '--model-dim',
    '16',
    '--heads',
    '2',
    '--batch',
    '2',
  ];
  const steps = ['--steps', '6', '--checkpoint-every', '3', '--evaluation-examples', '2'];
  await outputOf(['train', 'copy', ...size, ...steps, '--out', join(folder, out), ...more]);
}

/** Goes on with a copy of a training from its third step. */
async function resumed(from: string, out: string, ...more: string[]) {
  cpSync(join(folder, from), join(folder, out), { recursive: true });
  const answer = await answerTo(['train', '--resume', at(out, 'checkpoint.previous.safetensors'), ...more]);
  assert.is(answer.code, 0, answer.err);
  const notes = readMetrics(at(out, 'metrics.jsonl')).filter(({ kind }) => kind === 'note');
  return { ...answer, notes };
}

const sets = best === 'plain' ? ['plain'] : ['plain', 'simd'];

for (const set of sets) {
  test(`a run of ${set} kernels goes on to the same bits without being told, and nothing is said`, async () => {
    await trained(set, '--kernels', set);
    const build = set === 'plain' ? 'plain' : best;
    assert.is(kernelsOf(at(set, 'checkpoint.safetensors')), build);
    for (const before of sets) {
      setKernels(before);
      const out = `${set}-after-${before}`;
      const { err, notes } = await resumed(set, out);
      assert.equal([err, notes], ['', []]);
      assert.ok(bytesOf(out).equals(bytesOf(set)));
      assert.is(kernelBuild(), build);
    }
  });
}

if (sets.length === 2) {
  test('on other kernels that were asked for, it goes on and says what that means, in the metrics too', async () => {
    await trained('vectors');
    await trained('loops', '--kernels', 'plain');
    for (const [from, more] of [
      ['vectors', ['--kernels', 'plain']],
      ['loops', ['--kernels', 'simd']],
    ] as const) {
      const out = `${from}-changed`;
      const { err, notes } = await resumed(from, out, ...more);
      assert.match(err, /: its steps so far ran on .* kernels.*, those from here on run on .*not to the same bits/);
      assert.is(notes.length, 1);
      assert.equal([notes[0].kind, notes[0].step], ['note', 3]);
      assert.not.ok(bytesOf(out).equals(bytesOf(from)));
      assert.is(kernelsOf(at(out, 'checkpoint.safetensors')), kernelBuild());
    }
  });

  test('what the environment asks for counts as asked for', async () => {
    await trained('environment');
    process.env.EFFICIENT_TRANSFORMERS_KERNELS = 'plain';
    setKernels('plain');
    try {
      assert.match((await resumed('environment', 'environment-changed')).err, /not to the same bits/);
    } finally {
      delete process.env.EFFICIENT_TRANSFORMERS_KERNELS;
    }
  });

  test('vectors without fused multiply-adds are what --kernels simd means for a run of them', async () => {
    setKernels('vector');
    await trained('without');
    setKernels('simd');
    const { err } = await resumed('without', 'without-again', '--kernels', 'simd');
    assert.equal([err, kernelBuild()], ['', 'vector']);
    assert.ok(bytesOf('without-again').equals(bytesOf('without')));
  });
}

test.run();
