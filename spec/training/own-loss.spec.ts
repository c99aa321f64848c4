/** Losses that variants declare, in models: gradients by differences, reversible layers, runs that resume, threads, reports. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { setThreads } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, ones, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { languageModel } from '../../src/training/language-model.ts';
import { readMetrics } from '../../src/training/metrics.ts';
import { Mixing } from '../../src/training/mixing.ts';
import { withOwnLoss } from '../../src/training/own-loss.ts';
import { endRun, type RunSettings } from '../../src/training/run.ts';
import { type StepReport, train } from '../../src/training/trainer.ts';
import { outputOf, temporaryFolder } from '../cli/host.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { drawTokens, maskOf, stir } from './modules.ts';
import { bytesAfter, freshPath, tinyRun } from './runs.ts';

interface Learner {
  variant: string;
  options: Record<string, unknown>;
  /** Its option that weighs the loss. */
  weight: string;
  /** The parameters that the loss trains, and the task does not. */
  trains: RegExp;
}

const LEARNERS: readonly Learner[] = [
  { variant: 'dsa', options: { topKeys: 3, indexDim: 2 }, weight: 'indexerWeight', trains: /gates\.index/ },
  {
    variant: 'compressive',
    options: {
      compression: 'convolution',
      segmentLength: 4,
      memoryLength: 4,
      compressedLength: 2,
      ratio: 2,
      dilation: 2,
    },
    weight: 'reconstruction',
    trains: /W_[KV]$/,
  },
];

const attentionOf = ({ variant, options, weight }: Learner, by: number) => ({
  variant,
  options: { ...options, [weight]: by },
});

function modelOf(learner: Learner, residual: 'plain' | 'reversible', by = 0.5) {
  const sizes = { vocabulary: 9, length: 12, layers: 2, modelDim: 8, heads: 2, dropout: 0, dtype: 'float64' } as const;
  const settings = { ...sizes, causal: true, residual, tied: false, attention: attentionOf(learner, by) };
  const model = languageModel(settings, 1);
  stir(model.tensors(), 1);
  return model;
}

/** A pass over two texts, one of them padded: its own losses by layer, and the gradients if they count `scale`. */
function passOf(model: ReturnType<typeof modelOf>, scale: number) {
  const lost: [number, number][] = [];
  const auxiliary = { scale, noteLoss: (layer: number, loss: number) => lost.push([layer, loss]) };
  return scope(() => {
    const context = { training: true, random: new Random(1), auxiliary };
    const output = model.forward(drawTokens(2, 11, 9, 5), context, maskOf([11, 9], 11));
    backward(output, randomNormal(output.shape, new Random(2), 'float64'));
    const gradients = new Map(
      [...model.parameters()].map(([name, { grad, size }]) => [name, [...(grad?.toArray() ?? new Float64Array(size))]]),
    );
    zeroGrad(model.parameters().values());
    return { lost, gradients };
  });
}

test('between projections of a checkpoint, which has no gates, DSA attends, decides once, and has nothing to learn', () => {
  const place = { ...{ modelDim: 8, heads: 2, headDim: 4, length: 6 }, rotary: false, causal: true } as const;
  const mixing = new Mixing({ variant: 'dsa', options: { topKeys: 2 } }, { ...place, dtype: 'float64' }, new Random(1));
  const [queries, keys, values] = [0, 1, 2].map((seed) => randomNormal([1, 2, 6, 4], new Random(seed), 'float64'));
  const made = new Map<string, Tensor>();
  const once = (name: string, make: () => Tensor) => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name) as Tensor;
  };
  const note = () => assert.unreachable();
  const attended = (more: object) => mixing.attend({ queries, keys, values }, { training: true, ...more }).toArray();
  const expected = attended({});
  for (let run = 0; run < 2; run++) assert.equal(attended({ once, losses: { scale: 1, note } }), expected);
  assert.is(made.get('lists')?.dtype, 'int32');
});

test('what is no loss is refused', () => {
  const y = ones([1, 2], 'float64');
  const losses = { scale: 1, note: () => {} };
  const refuses = (Kind: typeof ArgumentError | typeof ShapeError, loss: unknown) =>
    expectThrows(Kind, 'ownLoss', () => withOwnLoss(y, loss as Tensor, losses, true));
  for (const loss of [0, 0.5, undefined, ones([])]) refuses(ArgumentError, loss);
  for (const shape of [[1], [2]]) refuses(ShapeError, ones(shape, 'float64'));
  withOwnLoss(y, ones([], 'float64'), losses, true);
});

for (const learner of LEARNERS) {
  const { variant, trains, weight } = learner;

  test(`${variant}: the gradients of its loss are differences of it, and no other parameter has any`, () => {
    for (const residual of ['plain', 'reversible'] as const) {
      const model = modelOf(learner, residual);
      const [without, withLoss] = [passOf(model, 0), passOf(model, 3)];
      assert.equal(
        withLoss.lost.map(([layer]) => layer),
        [0, 1],
      );
      const sumOf = () => passOf(model, 0).lost.reduce((total, [, loss]) => total + loss, 0);
      for (const [name, parameter] of model.parameters()) {
        const added = withLoss.gradients.get(name)!.map((each, n) => each - without.gradients.get(name)![n]);
        const most = Math.max(...added.map(Math.abs));
        if (!trains.test(name)) {
          // Reversible layers recover their inputs, which rounds.
          assert.ok(most <= (residual === 'plain' ? 0 : 1e-9), `${name}: ${most}`);
          continue;
        }
        if (residual === 'reversible' || !/layers\.1/.test(name)) continue;
        assert.ok(most > 1e-6, `${name}: ${most}`);
        const numbers = elements(parameter);
        for (let n = 0; n < numbers.length; n += 1 + Math.floor(numbers.length / 6)) {
          const before = numbers[n];
          const at = (step: number) => {
            numbers[n] = before + step;
            const found = sumOf();
            numbers[n] = before;
            return found;
          };
          const slope = (3 * (at(1e-5) - at(-1e-5))) / 2e-5;
          assert.ok(Math.abs(slope - added[n]) < 1e-6 * Math.max(1, most), `${name} ${n}: ${slope}, got ${added[n]}`);
        }
      }
    }
  });

  test(`${variant}: a weight of 0 is no loss, and twice the weight is twice the loss`, () => {
    const [none, one, two] = [0, 0.5, 1].map((by) => passOf(modelOf(learner, 'plain', by), 1));
    assert.is(none.lost.length, 0);
    assert.is(one.lost.length, 2);
    for (const [n, [, loss]] of one.lost.entries()) {
      assert.ok(loss > 0);
      assert.ok(Math.abs(two.lost[n][1] - 2 * loss) < 1e-12);
    }
  });

  test(`${variant}: evaluation has no such loss`, () => {
    const noted: number[] = [];
    const auxiliary = { scale: 1, noteLoss: (_: number, loss: number) => noted.push(loss) };
    const model = modelOf(learner, 'plain');
    noGrad(() => model.forward(drawTokens(2, 12, 9, 5), { training: false, random: new Random(1), auxiliary }));
    assert.equal(noted, []);
  });

  const settings: Partial<RunSettings> = { model: { layers: 2, attention: attentionOf(learner, 2) }, parts: 2 };

  test(`${variant}: a run that is resumed goes on to the same bits, and so it does on 3 threads`, async () => {
    const whole = await bytesAfter(tinyRun(settings));
    const path = freshPath();
    const run = tinyRun(settings);
    await train(run, { shouldStop: () => run.step === 3, onCheckpoint: (each) => saveCheckpoint(path, each) });
    endRun(run);
    assert.is(Buffer.compare(await bytesAfter(resumeRun(path)), whole), 0);
    setThreads(3);
    const together = await bytesAfter(tinyRun(settings));
    setThreads(1);
    assert.is(Buffer.compare(together, whole), 0);
    const without = { model: { layers: 2, attention: attentionOf(learner, 0) }, parts: 2 };
    assert.is.not(Buffer.compare(await bytesAfter(tinyRun(without)), whole), 0);
  });

  test(`${variant}: training makes it smaller, and each step reports it`, async () => {
    const reports: StepReport[] = [];
    const run = tinyRun({ ...settings, steps: 40, schedule: { kind: 'constant', rate: 3e-3 } });
    await train(run, { onStep: (report) => reports.push(report) });
    endRun(run);
    const mean = (from: number, to: number) =>
      reports.slice(from, to).reduce((sum, { auxiliary = Number.NaN }) => sum + auxiliary, 0) / (to - from);
    assert.ok(mean(30, 40) < 0.9 * mean(0, 10), `${mean(0, 10)} to ${mean(30, 40)}`);
    assert.is(reports[0].dropped, undefined);
  });

  test(`${variant}: train adds it by its default weight, writes it, shows it and plots it`, async () => {
    const folder = join(temporaryFolder(), variant);
    const sizes = [
      '--length',
      '16',
      '--layers',
      '1',
      '--model-dim',
      '16',
      '--heads',
      '2',
      '--batch',
      '4',
      '--steps',
      '2',
    ];
    const options = Object.entries(learner.options).flatMap(([name, value]) => ['--option', `${name}=${value}`]);
    const where = ['--evaluation-examples', '4', '--out', folder, '--overwrite'];
    const args = ['train', 'copy', '--attention', variant, ...sizes, ...options, ...where];
    assert.match(await outputOf(args), /own losses [\d.]+/);
    const lines = readMetrics(join(folder, 'metrics.jsonl')).filter(({ kind }) => kind === 'steps');
    assert.ok(lines.every((line) => line.kind === 'steps' && (line.auxiliary ?? 0) > 0));
    assert.match(readFileSync(join(folder, 'curves.html'), 'utf8'), /Own losses of layers/);
    assert.not.match(await outputOf([...args, '--option', `${weight}=0`]), /own losses/);
  });
}

test.run();
