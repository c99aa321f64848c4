/** The file of metrics: what goes in comes out, and a run that is resumed goes on where its checkpoint stands. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError, FileWriteError } from '../../src/core/errors.ts';
import { Metrics, readMetrics } from '../../src/training/metrics.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';

const folder = temporaryFolder();
let files = 0;
const freshPath = () => join(folder, `${files++}.jsonl`);

/** `step` took a tenth of a second for 50 tokens. */
const report = (step: number) => ({
  step,
  loss: step,
  gradientNorm: 100 - step,
  learningRate: step / 1000,
  tokens: 50,
  milliseconds: 100,
});
const look = (step: number, loss = 1) => ({ step, loss, accuracy: 0.5, examples: 8 });

function written(path: string, steps: number, evaluateAt: number, from = 0): Metrics {
  const metrics = new Metrics(path, from);
  for (let step = from + 1; step <= steps; step++) {
    metrics.addStep(report(step));
    if (step === evaluateAt) metrics.addEvaluation(look(step));
  }
  return metrics;
}

test("own losses of layers are a mean over the line's steps, of which some may have none", () => {
  const metrics = new Metrics(freshPath(), 0);
  for (let step = 1; step <= 10; step++) metrics.addStep({ ...report(step), ...(step > 5 && { auxiliary: 3 }) });
  const [line] = metrics.lines;
  assert.ok(line.kind === 'steps');
  assert.is(line.auxiliary, 1.5);
  assert.is(line.dropped, undefined);
});

test('a line for every ten steps, and before an evaluation', () => {
  const { path, lines } = written(freshPath(), 30, 14);
  assert.equal(readMetrics(path), lines);
  assert.equal(
    lines.map(({ kind, step }) => [kind, step]),
    [
      ['steps', 10],
      ['steps', 14],
      ['evaluation', 14],
      ['steps', 24],
    ],
  );
  const [first, second, third] = lines;
  const near = (value: number | null, expected: number) => assert.ok(Math.abs((value ?? 0) - expected) < 1e-9);
  assert.ok(first.kind === 'steps' && second.kind === 'steps' && third.kind === 'evaluation');
  near(first.loss, 5.5);
  near(first.gradientNorm, 99);
  near(first.tokensPerSecond, 500);
  near(first.seconds, 1);
  near(second.loss, 12.5);
  near(second.learningRate, 0.014);
  near(second.seconds, 1.4);
  assert.equal([third.loss, third.accuracy, third.examples, third.seconds], [1, 0.5, 8, second.seconds]);
});

test('resumed: what came after the checkpoint is dropped, and time goes on', () => {
  const path = freshPath();
  written(path, 30, 20);
  const { lines } = written(path, 30, 25, 20);
  assert.equal(readMetrics(path), lines);
  assert.equal(
    lines.map(({ kind, step }) => [kind, step]),
    [
      ['steps', 10],
      ['steps', 20],
      ['evaluation', 20],
      ['steps', 25],
      ['evaluation', 25],
    ],
  );
  assert.ok(Math.abs(lines[3].seconds - 2.5) < 1e-9);
});

test('a loss that is no number is null, which JSON has a word for', () => {
  const metrics = new Metrics(freshPath());
  metrics.addEvaluation(look(1, Number.NaN));
  metrics.addEvaluation(look(2, Number.POSITIVE_INFINITY));
  assert.equal(
    readMetrics(metrics.path).map(({ loss }) => loss),
    [null, null],
  );
});

test('a last line that was cut off is passed over, another file is refused', () => {
  const path = freshPath();
  written(path, 20, 20);
  const whole = readFileSync(path, 'utf8');
  writeFileSync(path, whole.slice(0, -30));
  assert.is(readMetrics(path).length, 2);
  appendFileSync(path, '\n{}\n');
  assert.throws(
    () => readMetrics(path),
    (error: Error) => error instanceof FileFormatError && /line 3/.test(error.message),
  );
  for (const change of [
    { step: 0 },
    { step: 1.5 },
    { step: 2 ** 60 },
    { seconds: null },
    { loss: 'x' },
    { kind: 'other' },
  ]) {
    const [first, ...rest] = whole.trim().split('\n');
    writeFileSync(path, `${[JSON.stringify({ ...JSON.parse(first), ...change }), ...rest].join('\n')}\n`);
    assert.throws(
      () => readMetrics(path),
      /line [12]: expected (metrics as JSON|steps in order)/,
      JSON.stringify(change),
    );
  }
  writeFileSync(path, `${whole.trim().split('\n').reverse().join('\n')}\n`);
  assert.throws(() => readMetrics(path), /expected steps in order, got \d+ after \d+$/);
  writeFileSync(path, 'step,loss\n1,2\n');
  assert.throws(
    () => new Metrics(path, 5),
    (error: Error) => error instanceof FileFormatError,
  );
  assert.throws(
    () => new Metrics(join(folder, 'none', 'a.jsonl')),
    (error: Error) => error instanceof FileWriteError,
  );
  assert.equal(readMetrics(join(folder, 'none.jsonl')), []);
});

test.run();
