/** The loss of the summaries of hidden sentences: held to loops over two passes, to differences, and to runs that resume. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { setThreads } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { type Learner, learnerFor, lossOf, type ModelSettings } from '../../src/training/learner.ts';
import { evaluation } from '../../src/training/module.ts';
import { endRun, type RunSettings } from '../../src/training/run.ts';
import { sentencesAlone } from '../../src/training/summaries.ts';
import { type Batch, drawBatch, type HiddenSentences } from '../../src/training/tasks/batch.ts';
import { MASK } from '../../src/training/tasks/byte-lm.ts';
import { openTask } from '../../src/training/tasks/registry.ts';
import { SUMMARY } from '../../src/training/tasks/sentence-mlm.ts';
import type { HiddenSentence, Task } from '../../src/training/tasks/task.ts';
import { type StepReport, train } from '../../src/training/trainer.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { bytesAfter, freshPath, tinyRun } from './runs.ts';

type Hiding = Batch & { hidden: HiddenSentences };

const LENGTH = 20;
const sentenceTask = (summaryWeight: number): Task =>
  openTask('sentence-mlm', { length: LENGTH, sentences: 4, summaryWeight });
const batchOf = (task: Task, seed: number, size = 3) => drawBatch(task, 'training', new Random(seed), size) as Hiding;
const modelFor = (variant: string, options: Record<string, unknown> = {}, seed = 1): Learner => {
  const settings = { layers: 2, modelDim: 8, heads: 2, dropout: 0, dtype: 'float64', attention: { variant, options } };
  return learnerFor(sentenceTask(1), settings as ModelSettings, seed);
};

/** Vectors of one text, [length][width], by a pass of its own. */
function vectorsOf({ model }: Learner, tokens: readonly number[], seen?: readonly number[]): number[][] {
  const width = model.config.modelDim;
  return scope(() =>
    noGrad(() => {
      const mask = seen && fromArray(Uint8Array.from(seen), [1, LENGTH], 'uint8');
      const y = model.body.forward(fromArray(Int32Array.from(tokens), [1, LENGTH], 'int32'), evaluation, mask);
      const all = Array.from(elements(y));
      return Array.from({ length: LENGTH }, (_, n) => all.slice(n * width, (n + 1) * width));
    }),
  );
}

/** −log softmax_j(p_i·s_j)_i in the mean, a pass for each text and for each sentence alone; `other`: whose s is taken for i. */
function byLoops(learner: Learner, batch: Hiding, other = (i: number, _count: number) => i): number {
  const rows = (tensor: Tensor, example: number) =>
    Array.from(elements(tensor)).slice(example * LENGTH, (example + 1) * LENGTH) as number[];
  const { sentences } = batch.hidden;
  const p = sentences.map(
    ({ example, summary }) => vectorsOf(learner, rows(batch.sequences[0].tokens, example))[summary],
  );
  const s = sentences.map(({ example, summary, begin, end }) => {
    const seen = Array.from({ length: LENGTH }, (_, at) => Number(at === summary || (at >= begin && at < end)));
    return vectorsOf(learner, rows(batch.targets, example), seen)[summary];
  });
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const scores = s.map((each) => each.reduce((total, value, n) => total + value * p[i][n], 0));
    const highest = Math.max(...scores);
    const all = Math.log(scores.reduce((total, score) => total + Math.exp(score - highest), 0)) + highest;
    sum += all - scores[other(i, p.length)];
  }
  return sum / p.length;
}

/** What a step is told of, and what it walks back from. */
function lossesOf(learner: Learner, batch: Batch): { task: number; own: number } {
  const noted: number[] = [];
  const auxiliary = { scale: batch.counted, noteLoss: (_: number, loss: number) => noted.push(loss) };
  const task = scope(() => lossOf(learner, batch, { training: true, random: new Random(1), auxiliary }).item());
  return { task, own: noted.reduce((sum, each) => sum + each, 0) };
}

test('the loss is that of loops over two passes, times its weight, whatever the variant, and they notice another order', () => {
  const attentions = [
    ['etc', { numGlobals: 4, segmentLength: 4, radius: 2 }],
    ['full', {}],
    ['linformer', { projectedLength: 3 }],
  ] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...attentions),
      fc.nat(1e6),
      fc.double({ min: 0.1, max: 9, noNaN: true }),
      ([name, options], seed, by) => {
        const learner = modelFor(name, options, seed);
        const batch = batchOf(sentenceTask(by), seed);
        const expected = byLoops(learner, batch);
        const { own } = lossesOf(learner, batch);
        // Sums of the same float64 numbers in another order.
        assert.ok(Math.abs(own / by - expected) < 1e-9 * (1 + expected), `${name}: ${own / by}, by loops ${expected}`);
        const wrong = byLoops(learner, batch, (i, count) => (i + 1) % count);
        assert.ok(Math.abs(own / by - wrong) > 1e-6, `${name}: the order makes no difference`);
      },
    ),
    { numRuns: 8 },
  );
});

test('both passes have gradients: those of the whole loss, by differences', () => {
  const learner = modelFor('etc', { numGlobals: 4, segmentLength: 4, radius: 2 });
  const batch = batchOf(sentenceTask(0.7), 5);
  const parameters = learner.model.parameters();
  zeroGrad(parameters.values());
  scope(() => {
    const auxiliary = { scale: batch.counted };
    backward(lossOf(learner, batch, { training: true, random: new Random(1), auxiliary }));
  });
  const whole = () => {
    const { task, own } = lossesOf(learner, batch);
    return task + batch.counted * own;
  };
  let checked = 0;
  for (const [name, tensor] of parameters) {
    const at = (7 * checked) % tensor.size;
    const values = elements(tensor);
    const [step, before] = [1e-5, values[at]];
    const [high, low] = [before + step, before - step].map((value) => {
      values[at] = value;
      return whole();
    });
    values[at] = before;
    const expected = (high - low) / (2 * step);
    const gradient = elements(tensor.grad as Tensor)[at];
    // Third derivatives times 1e-10, and rounding of a sum of tens over 2e-5.
    assert.ok(Math.abs(gradient - expected) < 1e-5 * (1 + Math.abs(expected)), `${name}: ${gradient}, ${expected}`);
    checked++;
  }
  assert.ok(checked > 20);
});

test('in the second pass a summary sees its sentence and nothing else', () => {
  const batch = batchOf(sentenceTask(1), 3);
  const learner = modelFor('etc', { numGlobals: 4, segmentLength: 4, radius: 6 });
  const { tokens, keyMask } = sentencesAlone(batch);
  const [bytes, seen] = [elements(tokens), elements(keyMask)];
  const rows = (from: number, list: ArrayLike<number>) =>
    Array.from(list).slice(from * LENGTH, (from + 1) * LENGTH) as number[];
  for (const [row, { summary, begin, end, example }] of batch.hidden.sentences.entries()) {
    const [own, mask] = [rows(row, bytes), rows(row, seen)];
    assert.equal(own, rows(example, elements(batch.targets)));
    assert.is(
      mask.reduce((sum, flag) => sum + flag, 0),
      1 + end - begin,
    );
    const s = vectorsOf(learner, own, mask)[summary];
    const elsewhere = own.map((token, at) => (mask[at] === 1 ? token : (token + 1) % 258));
    assert.equal(vectorsOf(learner, elsewhere, mask)[summary], s);
    const inside = own.map((token, at) => (at === begin ? (token + 1) % 256 : token));
    assert.not.equal(vectorsOf(learner, inside, mask)[summary], s);
  }
});

test('a quarter of the sentences are hidden: masked, no targets, and their summaries stay', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 7 }), fc.nat(1e6), (count, piece, seed) => {
      const length = count * (piece + 1);
      const task = openTask('sentence-mlm', { length, sentences: count });
      const { tokens, targets, counts, hidden } = task.draw('training', new Random(seed));
      const all = hidden as readonly HiddenSentence[];
      assert.is(new Set(all.map(({ summary }) => summary)).size, Math.max(1, Math.round(count / 4)));
      for (const { summary, begin, end } of all) {
        assert.equal([begin, end], [count + summary * piece, count + (summary + 1) * piece]);
        for (let at = begin; at < end; at++) assert.equal([tokens[at], counts?.[at]], [MASK, 0]);
      }
      for (let at = 0; at < count; at++) assert.equal([tokens[at], targets[at], counts?.[at]], [SUMMARY, SUMMARY, 0]);
    }),
    { numRuns: 40 },
  );
});

test('without a weight there is no second pass: the same loss of the task, and none besides', async () => {
  const [some, none] = [batchOf(sentenceTask(1), 2), batchOf(sentenceTask(0), 2)];
  assert.is(none.hidden, undefined);
  const learner = modelFor('full');
  assert.is(lossesOf(learner, none).task, lossesOf(learner, some).task);
  assert.is(lossesOf(learner, none).own, 0);
  // Nor does an evaluation have one.
  const look = { examples: 4, batch: 2, seed: 1 };
  assert.equal(evaluate(learner, sentenceTask(1), look), evaluate(learner, sentenceTask(0), look));
});

const settings = (summaryWeight: number, residual: 'plain' | 'reversible'): Partial<RunSettings> => ({
  task: { name: 'sentence-mlm', length: LENGTH, sentences: 4, summaryWeight },
  model: {
    layers: 2,
    residual,
    attention: { variant: 'etc', options: { numGlobals: 4, segmentLength: 4, radius: 2 } },
  },
  parts: 2,
});

for (const residual of ['plain', 'reversible'] as const) {
  test(`a run that is resumed goes on to the same bits, and so it does on 3 threads: ${residual}`, async () => {
    const whole = await bytesAfter(tinyRun(settings(0.5, residual)));
    const path = freshPath();
    const run = tinyRun(settings(0.5, residual));
    await train(run, { shouldStop: () => run.step === 3, onCheckpoint: (each) => saveCheckpoint(path, each) });
    endRun(run);
    assert.is(Buffer.compare(await bytesAfter(resumeRun(path)), whole), 0);
    setThreads(3);
    const together = await bytesAfter(tinyRun(settings(0.5, residual)));
    setThreads(1);
    assert.is(Buffer.compare(together, whole), 0);
  });
}

test('training makes it smaller, and each step reports it', async () => {
  const reports: StepReport[] = [];
  const { model, task } = settings(1, 'plain');
  // A text of long runs of a letter: what stands around a sentence says what is in it.
  const text = join(temporaryFolder(), 'runs.txt');
  const random = new Random(1);
  writeFileSync(
    text,
    Array.from({ length: 60 }, () => String.fromCharCode(97 + random.integer(26)).repeat(50)).join(''),
  );
  const run = tinyRun({
    task: { ...(task as RunSettings['task']), text },
    ...{ batch: 12, steps: 50, schedule: { kind: 'constant', rate: 3e-3 } },
    // No positions: a summary is known by its sentence alone.
    model: { ...model, dropout: 0, positions: 'none' },
  });
  await train(run, { onStep: (report) => reports.push(report) });
  endRun(run);
  const own = reports.map(({ auxiliary = Number.NaN }) => auxiliary);
  const last = own.slice(20).reduce((sum, each) => sum + each, 0) / 30;
  // Chance is ln 12, of 12 hidden sentences; about two of them are of the same letter.
  assert.ok(own[0] > 0.7 * Math.log(12) && last < 0.4 * Math.log(12), `${own[0]} to ${last}`);
});

test('places that do not fit, and pieces that leave a sentence without bytes, are refused by name', () => {
  const task = sentenceTask(1);
  const hiding = (hidden: HiddenSentence): Task => ({
    ...task,
    draw: (part, random) => ({ ...task.draw(part, random), hidden: [hidden] }),
  });
  const wrong: [HiddenSentence, string][] = [
    [{ summary: 0, begin: LENGTH, end: LENGTH + 1 }, 'hidden of example 0: begin'],
    [{ summary: 0, begin: 4, end: 4 }, 'hidden of example 0: end'],
    [{ summary: LENGTH, begin: 4, end: 8 }, 'hidden of example 0: summary'],
    [{ summary: 5, begin: 4, end: 8 }, 'hidden of example 0: summary'],
  ];
  for (const [hidden, named] of wrong) expectThrows(ArgumentError, named, () => void batchOf(hiding(hidden), 1, 1));
  expectThrows(ArgumentError, 'sentences', () => void openTask('sentence-mlm', { length: 13, sentences: 5 }));
  expectThrows(ArgumentError, 'length', () => void openTask('sentence-mlm', { length: 9, sentences: 5 }));
  expectThrows(ArgumentError, 'sentences', () => void openTask('sentence-mlm', { sentences: 1 }));
  expectThrows(ArgumentError, 'summaryWeight', () => void openTask('sentence-mlm', { summaryWeight: -1 }));
});

test.run();
