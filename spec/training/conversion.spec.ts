/** A trained model with another attention: what stays, what learns, and that the model comes nearer to what it did. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, UnsupportedError } from '../../src/core/errors.ts';
import { setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray, randomNormal } from '../../src/core/tensor.ts';
import { convertModel, type ModelConversionSettings, swapped } from '../../src/training/conversion/learner.ts';
import { divergence, relativeDistance } from '../../src/training/conversion/losses.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { endRun, type Run, runDefaults, startRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

/** A model that has learned something, so that its attention matters. */
async function trained(task: string, variant: string, options: Record<string, unknown> = {}): Promise<Run> {
  const run = startRun({
    ...runDefaults,
    task: { name: task, length: 16 },
    model: { layers: 2, modelDim: 16, heads: 2, attention: { variant, options } },
    schedule: { kind: 'constant', rate: 0.01 },
    ...{ steps: 60, batch: 8, evaluateEvery: 60, evaluationExamples: 1, seed: 2 },
  });
  await train(run);
  return run;
}

const copy = await trained('copy', 'full');
const modelOf = ({ learner, settings, step, task }: Run) => ({ learner, settings, step, alphabet: task.alphabet });
const settings = { steps: 0, rate: 0.01, train: 'attention', seed: 1, heldOut: 2, batch: 8 } as const;
const to = (variant: string, more: Partial<ModelConversionSettings> = {}): ModelConversionSettings => ({
  ...settings,
  attention: { variant },
  ...more,
});
const total = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0);
const look = { examples: 16, batch: 8, seed: 7 };

test('full attention as full attention is the same model, at no distance', async () => {
  const { run, report } = await convertModel(modelOf(copy), to('full'));
  assert.equal(report.drift, { swapped: [0, 0], matched: [0, 0], converted: [0, 0] });
  assert.is(report.learned.added, 0);
  assert.equal(evaluate(run.learner, copy.task, look), evaluate(copy.learner, copy.task, look));
  endRun(run);
});

// The first has nothing to learn of its own, the second random features, the third gates, the fourth projections of tokens.
for (const variant of ['linear-transformer', 'performer', 'gla', 'nsa']) {
  test(`${variant}: the distance falls in each half, and the model answers better`, async () => {
    const before = copy.learner.model.tensors();
    const bytes = [...before].map(([, tensor]) => [...elements(tensor)]);
    let swappedLoss = 0;
    const losses: Record<string, number[]> = { attention: [], outputs: [] };
    const { run, report } = await convertModel(modelOf(copy), to(variant, { steps: 80 }), {
      onSwapped: (run) => {
        swappedLoss = evaluate(run.learner, copy.task, look).loss;
      },
      onStep: ({ part, loss }) => losses[part].push(loss),
    });
    const { swapped, matched } = report.drift;
    for (const [layer, drift] of matched.entries()) assert.ok(drift < 0.9 * swapped[layer], `layer ${layer}: ${drift}`);
    for (const part of Object.values(losses)) {
      assert.is(part.length, 40);
      // Other texts in each step: sums of ten.
      assert.ok(total(part.slice(-10)) < total(part.slice(0, 10)), `${part}`);
    }
    const { loss } = evaluate(run.learner, copy.task, look);
    assert.ok(loss < swappedLoss, `${loss}, swapped ${swappedLoss}`);
    // The original stays as it is.
    assert.equal(
      [...copy.learner.model.tensors()].map(([, tensor]) => [...elements(tensor)]),
      bytes,
    );
    endRun(run);
  });
}

test('only what was asked for learns', async () => {
  const changed = async (variant: string, train: ModelConversionSettings['train']) => {
    const { run: start, added } = swapped(modelOf(copy), to(variant));
    const { run, report } = await convertModel(modelOf(copy), to(variant, { train, steps: 2 }));
    const moved = [...run.learner.model.parameters()].filter(([name, tensor]) => {
      return start.learner.model.tensors().get(name)?.toArray().join() !== tensor.toArray().join();
    });
    assert.is(report.learned.numbers >= total(moved.map(([, { size }]) => size)), true);
    const names = moved.map(([name]) => name);
    endRun(run);
    endRun(start);
    return { names, added };
  };
  const onlyAdded = await changed('gla', 'added');
  assert.ok(onlyAdded.names.length > 0 && onlyAdded.names.every((name) => onlyAdded.added.has(name)));
  const projections = await changed('gla', 'attention');
  assert.ok(projections.names.some((name) => /attention\.query\.weight$/.test(name)));
  assert.ok(projections.names.every((name) => /\.attention\./.test(name)));
  const all = await changed('gla', 'all');
  assert.ok(all.names.some((name) => /feedForward\.W1$/.test(name)));
  // Nothing is added: the projections learn in place of it.
  const none = await changed('local-attention', 'added');
  assert.is(none.added.size, 0);
  assert.ok(none.names.some((name) => /attention\.query\.weight$/.test(name)));
});

test('the same settings give the same bits on any number of threads, and an interrupted conversion stops after its step', async () => {
  const converted = async (threads: number, until = Number.POSITIVE_INFINITY) => {
    const before = threadCount();
    setThreads(threads);
    let last = 0;
    const { run, report } = await convertModel(modelOf(copy), to('performer', { steps: 6 }), {
      onStep: ({ step }) => {
        last = step;
      },
      shouldStop: () => last >= until,
    });
    setThreads(before);
    const numbers = [...run.learner.model.tensors()].map(([, tensor]) => [...elements(tensor)]);
    assert.is(run.step, report.steps);
    endRun(run);
    return { numbers, report };
  };
  const [one, two] = [await converted(1), await converted(2)];
  assert.equal(one, two);
  const cut = await converted(1, 4);
  assert.is(cut.report.steps, 4);
  assert.ok(cut.report.stopped && !one.report.stopped);
  assert.not.equal(cut.numbers, one.numbers);
  assert.equal(cut.report.drift.matched, one.report.drift.matched);
});

test('padding does not count, and projections of global tokens start as copies', async () => {
  const longformer = { variant: 'longformer', options: { attentionWindow: 4, globalPositions: [0] } };
  const { run, added } = swapped(modelOf(copy), to('longformer', { attention: longformer }));
  const tensors = run.learner.model.tensors();
  const globals = [...added].filter((name) => name.includes('.global.'));
  assert.is(globals.length, 12);
  for (const name of globals) {
    assert.equal(tensors.get(name)?.toArray(), tensors.get(name.replace('.global.', '.'))?.toArray(), name);
  }
  endRun(run);
  const listops = await trained('listops', 'full');
  const other = await convertModel(modelOf(listops), to('linformer', { steps: 10 }));
  assert.ok(total(other.report.drift.matched) < total(other.report.drift.swapped));
  endRun(other.run);
  endRun(listops);
});

test('projections that read values in place of tokens are drawn, and the rest stays', () => {
  const { run, added } = swapped(modelOf(copy), to('mamba'));
  const own = [...added]
    .filter((name) => name.includes('.layers.0.attention.'))
    .map((name) => name.split('attention.')[1]);
  for (const name of ['query.weight', 'key.bias', 'gates.delta.inner', 'convolution.values', 'A_log']) {
    assert.ok(own.includes(name), name);
  }
  for (const name of ['value.weight', 'output.weight']) assert.not(own.includes(name), name);
  endRun(run);
});

test('projections of values in the original are none of tokens: of Mamba, full attention has neither queries nor keys', () => {
  const mamba = startRun({
    ...runDefaults,
    task: { name: 'copy', length: 16 },
    model: { layers: 1, modelDim: 16, heads: 2, attention: { variant: 'mamba' } },
    schedule: { kind: 'constant', rate: 0.01 },
    ...{ steps: 1, batch: 8, evaluateEvery: 1, evaluationExamples: 1, seed: 2 },
  });
  const { run, added } = swapped(modelOf(mamba), to('full'));
  const before = mamba.learner.model.tensors();
  for (const part of ['query', 'key', 'value', 'output']) {
    const name = `decoder.layers.0.attention.${part}.weight`;
    const isDrawn = part === 'query' || part === 'key';
    const [was, is] = [before, run.learner.model.tensors()].map((tensors) => [...elements(tensors.get(name)!)]);
    assert.is(added.has(name), isDrawn, name);
    assert.is(
      was.every((each, n) => each === is[n]),
      !isDrawn,
      name,
    );
  }
  endRun(run);
  // As Mamba it is the same model.
  const again = swapped(modelOf(mamba), to('mamba'));
  assert.is(again.added.size, 0);
  endRun(again.run);
  endRun(mamba);
});

test('layers that would hand on are refused by name: in a conversion each has all of its parameters', () => {
  const attention = { variant: 'luna', handsOn: true };
  expectThrows(ArgumentError, 'attention.handsOn', () => void swapped(modelOf(copy), { ...settings, attention }));
});

const matrices = fc.record({ rows: fc.integer({ min: 1, max: 6 }), classes: fc.integer({ min: 1, max: 7 }) });
const norms = fc.constantFrom(1e-3, 1, 1e2);

test('distances are what their definitions say', () => {
  fc.assert(
    fc.property(matrices, fc.nat(), norms, ({ rows, classes }, seed, norm) => {
      const random = new Random(seed);
      const drawn = (name: string) => {
        const numbers = randomNormal([1, rows, classes], random.split(name), 'float64').toArray();
        return [...numbers].map((x) => norm * x);
      };
      const [a, b] = [drawn('a'), drawn('b')];
      const mask = Array.from({ length: rows }, (_, row) => Number(row % 2 === 0));
      const tensor = (numbers: number[]) => fromArray(numbers, [1, rows, classes], 'float64');
      const real = a.flatMap((_, n) => (mask[Math.floor(n / classes)] === 1 ? [n] : []));
      const squares = total(real.map((n) => b[n] ** 2));
      const distance = total(real.map((n) => (a[n] - b[n]) ** 2)) / squares;
      const near = (actual: number, expected: number) =>
        assert.ok(Math.abs(actual - expected) <= 1e-12 * (1 + Math.abs(expected)), `${actual}, ${expected}`);
      near(relativeDistance(tensor(a), tensor(b), fromArray(mask, [1, rows], 'uint8')).item(), distance);

      const rowsOf = (numbers: number[]) => mask.map((_, row) => numbers.slice(row * classes, (row + 1) * classes));
      const logSoftmax = (x: number[]) => {
        const most = Math.max(...x);
        const sum = most + Math.log(total(x.map((each) => Math.exp(each - most))));
        return x.map((each) => each - sum);
      };
      const [z, p] = [rowsOf(a).map(logSoftmax), rowsOf(b).map(logSoftmax)];
      const expected = total(p.map((row, n) => total(row.map((each, i) => Math.exp(each) * (each - z[n][i]))))) / rows;
      const logits = tensor(a).withGrad();
      const loss = divergence(logits, tensor(b));
      // Sums of terms of this size are rounded.
      assert.ok(Math.abs(loss.item() - expected) <= 1e-12 * (1 + norm * classes), `${loss.item()}, ${expected}`);
      backward(loss);
      const gradient = elements(logits.grad as NonNullable<typeof logits.grad>);
      for (const [n, each] of z.flat().entries()) near(gradient[n], (Math.exp(each) - Math.exp(p.flat()[n])) / rows);
    }),
  );
});

test('what does not fit is refused by name, before any work', async () => {
  const refused = async (type: Parameters<typeof expectThrows>[0], name: string, given: ModelConversionSettings) => {
    let thrown: unknown;
    await convertModel(modelOf(copy), given, { onSwapped: () => assert.unreachable(name) }).catch((error) => {
      thrown = error;
    });
    expectThrows(type, name, () => {
      if (thrown !== undefined) throw thrown;
    });
  };
  await refused(ArgumentError, 'variant', to('performr'));
  await refused(UnsupportedError, 'causal', to('bigbird'));
  await refused(
    ArgumentError,
    'window',
    to('local-attention', { attention: { variant: 'local-attention', options: { window: -1 } } }),
  );
  for (const [name, value] of [
    ['steps', -1],
    ['steps', 1.5],
    ['rate', Number.NaN],
    ['train', 'some'],
    ['match', 'some'],
    ['heldOut', 0],
    ['seed', 'a'],
  ] as const) {
    await refused(ArgumentError, name, { ...to('performer'), [name]: value } as ModelConversionSettings);
  }
});

test.run();
