/** A checkpoint with one number that is not finite: whoever reads it says which, and computes nothing. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { elements } from '../../src/core/tensor.ts';
import { loadModel, resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { endRun } from '../../src/training/run.ts';
import { answerTo } from '../cli/host.ts';
import { freshPath, tinyRun } from './runs.ts';

const VALUES = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

test('any tensor of the model, and of the optimizer where a run goes on, is named with its element', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('adamw', 'adafactor', 'sgd'),
      fc.nat(),
      fc.nat(),
      fc.constantFrom(...VALUES),
      (kind, which, where, value) => {
        const run = tinyRun({ optimizer: { kind: kind as 'adamw' } });
        const named = [
          ...[...run.learner.model.tensors()].map(([name, tensor]) => [`model.${name}`, tensor] as const),
          ...[...run.optimizer.state()].map(([name, tensor]) => [`optimizer.${name}`, tensor] as const),
        ].filter(([, { dtype }]) => dtype.startsWith('float'));
        const [name, tensor] = named[which % named.length];
        elements(tensor)[where % tensor.size] = value;
        const path = freshPath();
        saveCheckpoint(path, run);
        endRun(run);
        const live = memoryStatistics().liveBytes;
        const readers = name.startsWith('model.') ? [loadModel, resumeRun] : [resumeRun];
        for (const read of readers) {
          const message = `${path}: ${name}: expected finite numbers, got ${value} at element ${where % tensor.size}`;
          assert.throws(
            () => read(path),
            (error: Error) => error instanceof FileFormatError && error.message === message,
          );
          assert.is(memoryStatistics().liveBytes, live);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('generate, eval, compare, export and train --resume: an error, and no numbers', async () => {
  const run = tinyRun();
  const name = 'decoder.layers.0.attention.query.weight';
  elements(run.learner.model.tensors().get(name)!)[5] = Number.NaN;
  const folder = join(dirname(freshPath()), 'poisoned');
  mkdirSync(folder);
  const path = join(folder, 'checkpoint.safetensors');
  saveCheckpoint(path, run);
  endRun(run);
  for (const args of [
    ['generate', '--checkpoint', path, '--prompt', '1'],
    ['eval', '--checkpoint', path],
    ['compare', '--checkpoint', path, '--no-report'],
    ['export', path, '--out', join(folder, 'out')],
    ['train', '--resume', path],
  ]) {
    const { code, out, err } = await answerTo(args);
    assert.is.not(code, 0, args.join(' '));
    assert.match(err, `model.${name}: expected finite numbers, got NaN at element 5`, args.join(' '));
    assert.not.match(out, 'NaN');
  }
});

test.run();
