/** The loop: what it computes does not depend on threads, on parts, or on who looks at it; and it learns. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryError, NumericalError, WorkerError } from '../../src/core/errors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { add, log, reshape, scale, shift, slice, sqrt, square, subtract } from '../../src/core/ops/index.ts';
import { setThreads } from '../../src/core/parallel/pool.ts';
import { elements, type Tensor } from '../../src/core/tensor.ts';
import { resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { learningRate } from '../../src/training/optimizers/schedules.ts';
import { endRun, type Run } from '../../src/training/run.ts';
import { type EvaluationReport, type StepReport, train } from '../../src/training/trainer.ts';
import { bytesAfter, freshPath, tinyRun, tinySettings } from './runs.ts';

/** Large enough that kernels are split between threads. */
const WIDE = {
  task: { name: 'copy', length: 70 },
  model: { modelDim: 64, heads: 2 },
  steps: 2,
  batch: 6,
} as const;

test('the same bits on 1 thread and on 3, and others for another seed', async () => {
  for (const variant of ['full', 'performer', 'reformer']) {
    const settings = { ...WIDE, model: { ...WIDE.model, attention: { variant } } };
    setThreads(1);
    const alone = await bytesAfter(tinyRun(settings));
    setThreads(3);
    const together = await bytesAfter(tinyRun(settings));
    const other = await bytesAfter(tinyRun({ ...settings, seed: 1 }));
    setThreads(1);
    assert.is(Buffer.compare(alone, together), 0, variant);
    assert.not.equal(other, alone);
  }
});

test('an error that has nothing to do with the numbers costs no step: those before it are kept, and lead to the same end', async () => {
  const whole = await bytesAfter(tinyRun());
  for (const [error, kept] of [
    [new MemoryError('made up'), [3]],
    [new WorkerError('made up'), [3]],
    [new TypeError('made up'), [3]],
    // The same steps lead there again.
    [new NumericalError('made up'), []],
  ] as const) {
    const run = tinyRun();
    const { model } = run.learner;
    const redraw = model.redraw.bind(model);
    model.redraw = (step) => {
      if (step === 4) throw error;
      redraw(step);
    };
    const saved: number[] = [];
    const path = freshPath();
    const onCheckpoint = () => {
      saved.push(run.step);
      saveCheckpoint(path, run);
    };
    await train(run, { onCheckpoint }).then(
      () => assert.unreachable('it should have thrown'),
      (thrown) => assert.is(thrown, error),
    );
    assert.equal(saved, kept);
    endRun(run);
    if (kept.length > 0) assert.is(Buffer.compare(await bytesAfter(resumeRun(path)), whole), 0);
  }
});

async function reportsOf(run: Run): Promise<StepReport[]> {
  const reports: StepReport[] = [];
  await train(run, { onStep: (report) => reports.push(report) });
  return reports;
}

const parametersOf = ({ learner }: Run) =>
  [...learner.model.parameters().values()].flatMap((tensor) => Array.from(elements(tensor)));

test('a batch in parts is the batch: the same examples, and the same step up to rounding', async () => {
  // ListOps has as many targets in each part, copy has not: both must be means over all targets.
  for (const task of [
    { name: 'copy', length: 16 },
    { name: 'listops', length: 16 },
  ]) {
    const settings = { task, model: { dropout: 0 }, steps: 3, batch: 12, optimizer: { kind: 'sgd' as const } };
    const [whole, inParts] = [tinyRun(settings), tinyRun({ ...settings, parts: 4 })];
    const [a, b] = [await reportsOf(whole), await reportsOf(inParts)];
    a.forEach((report, n) => {
      assert.is(b[n].tokens, report.tokens);
      // Sums of a few hundred float32 terms in another order.
      assert.ok(Math.abs(b[n].loss - report.loss) < 1e-5, `${b[n].loss}, ${report.loss}`);
      assert.ok(Math.abs(b[n].gradientNorm / report.gradientNorm - 1) < 1e-4);
    });
    const others = parametersOf(inParts);
    const furthest = Math.max(...parametersOf(whole).map((value, n) => Math.abs(value - others[n])));
    assert.ok(furthest < 1e-5, String(furthest));
  }
});

test('gradients are clipped: a step of plain descent is as long as the rate times the largest norm', async () => {
  const clip = 1e-3;
  const settings = { clip, steps: 1, optimizer: { kind: 'sgd', weightDecay: 0 }, model: { dropout: 0 } } as const;
  const schedule = { kind: 'constant', rate: 0.5 } as const;
  const [run, still] = [tinyRun({ ...settings, schedule }), tinyRun({ ...settings, schedule })];
  const before = parametersOf(still);
  const [{ gradientNorm }] = await reportsOf(run);
  assert.ok(gradientNorm > 10 * clip);
  const moved = Math.hypot(...parametersOf(run).map((value, n) => value - before[n]));
  // Float32 parameters of size 1 move by 10⁻⁴ at most.
  assert.ok(Math.abs(moved / (clip * schedule.rate) - 1) < 0.01, String(moved));
});

test('the rate is that of the schedule, and a step is told of once', async () => {
  const run = tinyRun();
  const reports = await reportsOf(run);
  assert.equal(
    reports.map(({ step }) => step),
    [1, 2, 3, 4, 5, 6],
  );
  for (const report of reports) assert.is(report.learningRate, learningRate(run.settings.schedule, report.step));
  assert.is(reports[0].tokens, 4 * 16);
});

test('looking at held-out examples changes nothing, and is done when it is due and at the end', async () => {
  const quiet = await bytesAfter(tinyRun({ evaluateEvery: 1000, checkpointEvery: 1000 }));
  const looks: EvaluationReport[] = [];
  await bytesAfter(tinyRun({ evaluateEvery: 4 }), { onEvaluation: (report) => looks.push(report) });
  assert.equal(
    looks.map(({ step }) => step),
    [4, 6],
  );
  const again = tinyRun({ evaluateEvery: 1, evaluationExamples: 3 });
  // The settings are in the checkpoint: they are put back before it is written.
  await train(again);
  const { evaluateEvery, evaluationExamples } = tinySettings();
  const settings = { ...again.settings, evaluateEvery, evaluationExamples };
  assert.is(Buffer.compare(await bytesAfter({ ...again, settings }), quiet), 0);
});

test('a model learns: loss and accuracy of duplication beat every blind guess', async () => {
  const run = tinyRun({
    task: { name: 'duplication', length: 8, symbols: 8 },
    model: { layers: 2, modelDim: 32, heads: 4, dropout: 0 },
    steps: 300,
    batch: 16,
    schedule: { kind: 'cosine', peak: 1e-2, warmup: 20, total: 300 },
    evaluationExamples: 128,
  });
  let last: EvaluationReport | null = null;
  await train(run, { onEvaluation: (report) => (last = report) });
  const { loss, accuracy } = last as unknown as EvaluationReport;
  // All three symbols right: blind, once in 512.
  assert.ok(accuracy > 0.5 && loss < 0.5 * Math.log(8), `loss ${loss}, accuracy ${accuracy}`);
});

test('memory is flat', async () => {
  for (const model of [{}, { residual: 'reversible' as const, attention: { variant: 'reformer' } }]) {
    const live: number[] = [];
    await train(tinyRun({ model, steps: 12 }), { onStep: () => live.push(memoryStatistics().liveBytes) });
    // The garbage collector may take what is left of other tests meanwhile: it may fall.
    const grown = live.slice(1).some((bytes, n) => n > 0 && bytes > live[n]);
    assert.not.ok(grown, live.join(' '));
  }
});

/** The tiny run with something done to its logits. */
function runWith(change: (logits: Tensor) => Tensor): Run {
  const run = tinyRun();
  const { logits } = run.learner;
  return { ...run, learner: { ...run.learner, logits: (...args) => change(logits(...args)) } };
}

async function errorOf(run: Run): Promise<string> {
  try {
    await train(run);
  } catch (error) {
    if (error instanceof NumericalError) return error.message;
    throw error;
  }
  throw new Error('expected a NumericalError, nothing was thrown');
}

test('a loss that is no number stops the run, names the op that made it, and moves nothing', async () => {
  const run = runWith((logits) => scale(add(logits, log(shift(scale(logits, 0), -1))), 2));
  const before = parametersOf(run);
  const message = await errorOf(run);
  assert.match(
    message,
    /^loss: NaN at step 1: log made NaN at element 0 of \[4, 16, 11\] from finite numbers: \[4, 16, 11\] from -1\.00 to -1\.00$/,
  );
  assert.equal(parametersOf(run), before);
  assert.is(run.step, 0);
});

test('an infinity that became a NaN later is followed to where it began', async () => {
  const message = await errorOf(
    runWith((logits) => {
      const huge = scale(shift(logits, 100), 3e38);
      return subtract(huge, huge);
    }),
  );
  assert.match(message, /: scale made Infinity at element 0 .* from finite numbers/);
});

test('a parameter that is no number is named', async () => {
  const run = tinyRun();
  const gain = run.learner.model.tensors().get('decoder.norm.gain') as Tensor;
  elements(gain)[3] = Number.NaN;
  assert.match(await errorOf(run), /: decoder\.norm\.gain holds NaN at element 3 of \[16\]$/);
});

test('a gradient that is not finite under a finite loss names the op whose it is', async () => {
  const message = await errorOf(
    runWith((logits) => {
      // √0 has an infinite slope.
      const zero = sqrt(square(scale(logits, 0)));
      return add(logits, reshape(slice(zero, 0, 0, 4), logits.shape));
    }),
  );
  assert.match(
    message,
    /^gradient: not finite at step 1: that of sqrt with respect to its input 0 is -?(Infinity|NaN)/,
  );
});

test.run();
