import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CompareSettings, compare } from '../../src/compare/compare.ts';
import type { ComparisonInput } from '../../src/compare/inputs.ts';
import { meanOf, meanRecall, topKRecalls, totalVariations } from '../../src/compare/metrics.ts';
import type { Skip } from '../../src/compare/plan.ts';
import type { ComparisonReport, ComparisonResult } from '../../src/compare/result.ts';
import { syntheticInput } from '../../src/compare/synthetic.ts';
import { ArgumentError, MemoryError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import {
  maxAbsoluteError,
  referenceAttention,
  referenceWeights,
  relativeFrobeniusError,
} from '../../src/core/reference.ts';
import { fromArray } from '../../src/core/tensor.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { read } from '../laws/evaluate.ts';
import { settledBytes } from './settled-bytes.ts';
import { registerTestVariants } from './test-variants.ts';

registerTestVariants();

const LENGTH = 40;
/** One turn: how long things take is not looked at here. */
const timing = { minTurns: 1, maxTurns: 1 };
const input = syntheticInput({ lengths: [LENGTH], heads: 2, headDim: 8, batch: 2, distribution: 'peaked', seed: 5 });

/** With parameters to draw. */
const options = { linformer: { projection: 'learned' } };

async function results(settings: CompareSettings, of: ComparisonInput = input): Promise<ComparisonResult[]> {
  return (await compare(of, { timing, ...settings })).results;
}

/** The same tensors whenever they are asked for, perhaps with others in their place. */
function fixed(part: (inputs: AttentionInputs) => Partial<AttentionInputs> = () => ({})): ComparisonInput {
  const inputs = input.cases[0].load();
  return { ...input, cases: [{ length: LENGTH, load: () => ({ ...inputs, ...part(inputs) }) }] };
}

for (const causal of [false, true]) {
  test(`exact attention by other means has no error to speak of${causal ? ', causally' : ''}`, async () => {
    const [dense] = await results({ variants: ['dense'], causal });
    // Scores of about 10 round by 1e-6 in float32, and so do the weights.
    for (const figure of ['relativeError', 'totalVariation', 'fullOracleError'] as const) {
      assert.ok(dense[figure] < 1e-5, `${figure} ${dense[figure]}`);
      assert.ok(figure === 'totalVariation' || dense[figure] > 0, 'two ways of adding up differ in the last bits');
    }
    assert.ok(dense.maxAbsError < 1e-4 && dense.maxAbsError > 0);
    // One near tie for the last place may be seen either way.
    assert.ok(dense.topKRecall >= 1 - 1 / (16 * 4 * LENGTH), `recall ${dense.topKRecall}`);
  });

  test(`the figures of a window are those that the oracle gives${causal ? ', causally' : ''}`, async () => {
    const { queries, keys, values } = input.cases[0].load();
    const [q, k, v] = [queries, keys, values].map(read);
    const dense = { queries: q, keys: k, values: v };
    for (const result of await results({ variants: ['dummy'], budgets: [1, 4, 16], causal })) {
      const reach = result.budget?.value as number;
      const window = { causal, allowed: (_: number, i: number, j: number) => Math.abs(i - j) <= reach };
      const expected: Partial<ComparisonResult> = {
        relativeError: relativeFrobeniusError(referenceAttention(dense, window), referenceAttention(dense, { causal })),
        maxAbsError: maxAbsoluteError(referenceAttention(dense, window), referenceAttention(dense, { causal })),
        totalVariation: meanOf(totalVariations(referenceWeights(dense, window), referenceWeights(dense, { causal }))),
        topKRecall: meanRecall(topKRecalls(referenceWeights(dense, window), referenceWeights(dense, { causal }))),
      };
      for (const [figure, value] of Object.entries(expected) as [keyof ComparisonResult, number][]) {
        const error = Math.abs((result[figure] as number) - value);
        assert.ok(error < 1e-5, `${figure}, r = ${reach}: ${result[figure]}, by the oracle ${value}`);
      }
    }
  });
}

test('the fields are the documented ones, and survive being written as JSON', async () => {
  const report = await compare(input, { timing, variants: ['full', 'dummy'], budgets: [2], causal: true, seed: 7 });
  const read = JSON.parse(JSON.stringify(report)) as ComparisonReport;
  assert.equal(read, report);
  assert.equal(Object.keys(read), ['environment', 'input', 'results', 'baselines']);
  const { name, ...described } = read.input;
  assert.is.not(name, '');
  const sizes = { batch: 2, heads: 2, lengths: [LENGTH], headDim: 8, causal: true, seed: 7 };
  assert.equal(described, { source: 'synthetic', detail: 'peaked', ...sizes });
  const [full, dummy] = read.results;
  assert.equal([full.exactness, full.untrained, dummy.untrained], ['exact', false, false]);
  const [{ baseline, ...zeros }] = read.baselines ?? [];
  assert.is(baseline, 'zeros');
  const { variant: _, options: __, budget: ___, exactness: ____, untrained: _____, stateBytes: ______, ...own } = dummy;
  assert.equal(Object.keys(zeros).sort(), Object.keys(own).sort());
  const figures = Object.entries(dummy).flatMap(([field, value]) => (typeof value === 'number' ? [field] : []));
  assert.equal(
    figures.sort(),
    [
      ...['length', 'relativeError', 'maxAbsError', 'totalVariation', 'topKRecall', 'sampledRows', 'milliseconds'],
      ...['fullMilliseconds', 'peakBytes', 'fullPeakBytes', 'flops', 'fullFlops', 'fullOracleError'],
      'stateBytes',
    ].sort(),
  );
  assert.equal([dummy.variant, dummy.options], ['dummy', { causal: true, reach: 2 }]);
  assert.equal(dummy.budget, { symbol: 'r', option: 'reach', value: 2 });
  assert.equal([full.variant, full.options, full.budget], ['full', { causal: true }, null]);
  assert.is(full.milliseconds, full.fullMilliseconds);
  assert.is(dummy.fullMilliseconds, full.milliseconds);
});

test('full attention itself: no error, its own time and memory', async () => {
  const [full, dense] = await results({ variants: ['full', 'dense'] });
  assert.equal([full.relativeError, full.maxAbsError, full.totalVariation, full.topKRecall], [0, 0, 0, 1]);
  assert.equal(
    [full.milliseconds, full.peakBytes, full.flops],
    [dense.fullMilliseconds, dense.fullPeakBytes, dense.fullFlops],
  );
});

test('a state is what a causal run leaves to continue from: keys and values, a window of them, or a matrix', async () => {
  const { queries } = input.cases[0].load();
  const [batch, heads, length, d] = queries.shape;
  const causal = await results({
    variants: ['full', 'longformer', 'deltanet'],
    causal: true,
    budgets: [8],
  });
  const bytes = (rows: number) => 4 * batch * heads * rows * d;
  assert.equal(
    causal.map(({ stateBytes }) => stateBytes),
    [bytes(2 * length), bytes(2 * 4), bytes(d)],
  );
  for (const { stateBytes } of await results({ variants: ['full', 'linformer'] })) assert.is(stateBytes, undefined);
});

test('memory is what a pass holds beyond its inputs: an output at least, a matrix where there is one', async () => {
  const [full, dense, dummy] = await results({ variants: ['full', 'dense', 'dummy'], budgets: [1] });
  const [output, matrix] = [4 * 4 * LENGTH * 8, 4 * 4 * LENGTH ** 2];
  assert.ok(dense.peakBytes >= 3 * matrix, 'scores, masked scores, weights');
  assert.ok(dense.peakBytes <= 6 * matrix + output, `${dense.peakBytes} for matrices of ${matrix}`);
  for (const { peakBytes } of [full, dummy])
    assert.ok(peakBytes >= output && peakBytes < matrix + output, String(peakBytes));
});

test('the same seed gives the same figures but for times; another seed other parameters', async () => {
  const figures = async (seed: number) =>
    (await results({ variants: ['linformer', 'dummy'], budgets: [4], options, seed })).map(
      ({ milliseconds, fullMilliseconds, ...others }) => others,
    );
  const [first, again, other] = [await figures(1), await figures(1), await figures(2)];
  assert.equal(again, first);
  assert.is.not(other[0].relativeError, first[0].relativeError);
  assert.is(other[1].relativeError, first[1].relativeError);
});

test('all rows of a short sequence, a seeded sample of a long one', async () => {
  const long = syntheticInput({ lengths: [512, 513], heads: 1, headDim: 4 });
  const rowsOf = async (seed: number) => await results({ variants: ['dummy'], budgets: [1], seed }, long);
  const [first, other] = [await rowsOf(1), await rowsOf(2)];
  assert.equal(
    first.map(({ sampledRows }) => sampledRows),
    [512, 64],
  );
  assert.is(other[0].totalVariation, first[0].totalVariation);
  assert.is.not(other[1].totalVariation, first[1].totalVariation);
});

test('where each row takes a pass of its own, a seeded sample of a short sequence too, with the error of it', async () => {
  const input = syntheticInput({ lengths: [64, 96], heads: 2, headDim: 4 });
  const rowsOf = async (seed: number) => await results({ variants: ['hyena'], causal: true, seed }, input);
  const [[whole, first], [, again], [, other]] = [await rowsOf(1), await rowsOf(1), await rowsOf(2)];
  assert.equal([whole.sampledRows, first.sampledRows], [64, 64]);
  assert.not.ok('totalVariationError' in whole);
  assert.ok((first.totalVariationError ?? 0) > 0 && (first.topKRecallError ?? 0) > 0);
  assert.is(again.totalVariation, first.totalVariation);
  assert.is.not(other.totalVariation, first.totalVariation);
});

test('where parameters give all columns the mean of their weights, all rows of a short sequence', async () => {
  const input = syntheticInput({ lengths: [96], heads: 2, headDim: 4 });
  const [even] = await results({ variants: ['memory-compressed'] }, input);
  assert.is(even.sampledRows, 96);
  assert.not.ok('totalVariationError' in even);
});

test('what a caller keeps of the same tensors is not computed again, and the figures are the same', async () => {
  const input = syntheticInput({ lengths: [20], heads: 2, headDim: 4 });
  const inputs = input.cases[0].load();
  const kept = new Map<string, unknown>();
  const asked: string[] = [];
  const recall = <Answer>(kind: string, key: string, compute: () => Answer): Answer => {
    const name = `${kind} ${key}`;
    asked.push(`${kind} ${kept.has(name) ? 'kept' : 'new'}`);
    if (!kept.has(name)) kept.set(name, compute());
    return kept.get(name) as Answer;
  };
  const keeping = { ...input, cases: [{ ...input.cases[0], load: () => inputs, recall }] };
  const figures = async (from: typeof input, projectedLength: number) =>
    (
      await results({ variants: ['dummy', 'linformer'], options: { ...options, linformer: { projectedLength } } }, from)
    ).map(({ milliseconds, fullMilliseconds, ...others }) => others);
  for (const k of [4, 4, 5]) assert.equal(await figures(keeping, k), await figures(input, k));
  const [fresh, old] = [
    ['oracle new', 'rows new', 'rows new'],
    ['oracle kept', 'rows kept', 'rows kept'],
  ];
  assert.equal(asked, [...fresh, ...old, 'oracle kept', 'rows kept', 'rows new']);
});

test('figures are told as soon as they are known, those of the table', async () => {
  const told: unknown[] = [];
  const timed: string[] = [];
  const report = await compare(syntheticInput({ lengths: [8, 20], heads: 1, headDim: 4 }), {
    variants: ['full', 'dummy', 'linformer'],
    onMeasured: (row) => told.push(row),
    onProgress: (_done, _total, label) => void (/timing/.test(label) && timed.push(`${told.length}`)),
  });
  const rows = report.results.map(({ variant, options, budget, length, relativeError, totalVariation, topKRecall }) => {
    return { variant, options, budget, length, relativeError, totalVariation, topKRecall };
  });
  assert.equal(told, rows);
  // All of a length before any of it is timed.
  assert.equal([...new Set(timed)], ['3', '6']);
});

test('what comes of a sample of rows has its standard error, what comes of all rows has none', async () => {
  const input = syntheticInput({ lengths: [512, 700], heads: 2, headDim: 4 });
  const [whole, sampled] = await results({ variants: ['dummy'], budgets: [1], seed: 3 }, input);
  assert.not.ok('totalVariationError' in whole || 'topKRecallError' in whole);
  for (const error of [sampled.totalVariationError, sampled.topKRecallError]) assert.ok((error ?? 0) > 0);
  const estimates: number[] = [];
  for (let seed = 0; seed < 12; seed++) {
    const [, other] = await results({ variants: ['dummy'], budgets: [1], seed }, input);
    estimates.push(other.totalVariation);
  }
  // The spread of twelve samples is what the error of one says, to a factor that twelve are enough for.
  const mean = estimates.reduce((sum, each) => sum + each / 12, 0);
  const spread = Math.sqrt(estimates.reduce((sum, each) => sum + (each - mean) ** 2 / 11, 0));
  const stated = sampled.totalVariationError ?? 0;
  assert.ok(spread > stated / 3 && spread < 3 * stated, `spread ${spread}, stated ${stated}`);
});

test('progress never falls and ends at the total, pictures and several lengths included', async () => {
  const told: [number, number, string][] = [];
  const several = syntheticInput({ lengths: [8, 20], heads: 1, headDim: 4 });
  const onProgress = (...now: [number, number, string]) => told.push(now);
  await compare(several, { variants: ['dummy', 'full'], pictures: true, onProgress });
  const total = told[0][1];
  told.forEach(([done, all, label], n) => {
    assert.is(all, total);
    assert.ok(done <= total && done >= (n === 0 ? 0 : told[n - 1][0]), `${done} after ${told[n - 1]?.[0]}`);
    assert.match(label, n === 0 ? /^$/ : /tokens|picture/);
  });
  assert.is(told[told.length - 1][0], total);
  assert.ok(told.filter(([done]) => done < total).length > 10, 'in many steps');
});

test('pictures: full attention and each variant once, rows of weights that add up to one', async () => {
  const { pictures = [] } = await compare(input, {
    timing,
    pictures: true,
    variants: ['dummy', 'dense'],
    budgets: [1, 4, 16],
  });
  assert.equal(
    pictures.map(({ variant, title }) => [variant, title]),
    [
      ['full', 'full'],
      ['dummy', 'dummy, r = 4'],
      ['dense', 'dense'],
    ],
  );
  for (const { size, cells, variant } of pictures) {
    assert.equal([size, cells.length], [LENGTH, LENGTH ** 2]);
    for (let row = 0; row < size; row++) {
      const sum = cells.slice(row * size, (row + 1) * size).reduce((total, weight) => total + weight, 0);
      // 40 float32 weights.
      assert.ok(Math.abs(sum - 1) < 1e-5, `${variant}: row ${row} adds up to ${sum}`);
    }
  }
  const [full, , dense] = pictures;
  for (const [n, weight] of full.cells.entries()) assert.ok(Math.abs(weight - dense.cells[n]) < 1e-5);
});

test('layers keep their names and their order', async () => {
  const cases = ['first', 'second'].map((layer) => ({ ...input.cases[0], layer }));
  const layered = await results({ variants: ['dummy'], budgets: [1, 2] }, { ...input, cases });
  assert.equal(
    layered.map(({ layer, budget }) => `${layer} ${budget?.value}`),
    ['first 1', 'first 2', 'second 1', 'second 2'],
  );
});

test('no tensor is left but the inputs', async () => {
  const of = fixed();
  const before = await settledBytes();
  await results({ pictures: true, variants: ['full', 'linformer', 'dummy'], budgets: [4], options }, of);
  assert.is(await settledBytes(), before);
});

test('padding: what has no answer for it is left out once with a reason, or refused by name', async () => {
  const mask = Uint8Array.from({ length: 2 * LENGTH }, (_, n) => (n % LENGTH < 30 ? 1 : 0));
  const of = fixed(() => ({ keyMask: fromArray(mask, [2, LENGTH], 'uint8') }));
  const skips: Skip[] = [];
  const all = await results({ onSkip: (skip) => skips.push(skip), budgets: [2, 4] }, of);
  assert.is(all.filter(({ variant }) => variant === 'picky').length, 0);
  assert.is(skips.filter(({ reason }) => reason === 'keyMask: picky has no defined answer for padded keys').length, 1);
  const dense = all.find(({ variant }) => variant === 'dense');
  assert.ok((dense?.relativeError ?? 1) < 1e-5 && (dense?.totalVariation ?? 1) < 1e-5);
  await rejects(results({ variants: ['picky'], budgets: [2] }, of), UnsupportedError, /^keyMask: picky/);
});

test('a cell that memory is too small for is left out with the reason, and the others are measured', async () => {
  const before = memoryStatistics().liveBytes;
  const skips: Skip[] = [];
  const found = await compare(input, {
    timing,
    variants: ['greedy', 'full'],
    allBudgets: true,
    pictures: true,
    onSkip: (skip) => skips.push(skip),
  });
  assert.equal(
    found.results.map(({ variant, budget }) => [variant, budget?.value]),
    [
      ['greedy', 1],
      ['greedy', 2],
      ['full', undefined],
    ],
  );
  assert.equal(
    skips.map(({ variant }) => variant),
    ['greedy'],
  );
  assert.match(skips[0].reason, /^40 tokens, greedy, r = 3: memory: 32768\.0 MiB requested with .* live/);
  // The inputs of this run may still be there; they are small.
  assert.ok(memoryStatistics().liveBytes - before < 2 ** 20, 'what it held by then is not released');
});

test('if nothing fits, that is the error', async () => {
  await rejects(results({ variants: ['greedy'], budgets: [3] }), MemoryError, /^memory: 32768\.0 MiB/);
});

test('a length that no memory can hold is refused before anything is drawn, whichever of several it is', async () => {
  for (const lengths of [[200_000_000], [8, 10 ** 12]]) {
    let loaded = 0;
    const huge = syntheticInput({ lengths, heads: 2, headDim: 64 });
    const load = (): never => {
      loaded++;
      throw new Error('drawn');
    };
    const cases = huge.cases.map((each) => ({ ...each, load }));
    await rejects(
      results({}, { ...huge, cases }),
      MemoryError,
      /^length: .* use fewer tokens, heads or batch entries$/,
    );
    assert.is(loaded, 0);
  }
});

test('a bad number in the input is named, and so is an input that is not what it says', async () => {
  for (const name of ['queries', 'keys', 'values'] as const) {
    const of = fixed((inputs) => {
      const numbers = inputs[name].toArray();
      numbers[11] = name === 'keys' ? Number.POSITIVE_INFINITY : Number.NaN;
      return { [name]: fromArray(numbers, inputs[name].shape) };
    });
    await rejects(
      results({ variants: ['dummy'] }, of),
      ArgumentError,
      new RegExp(`^${name}: expected finite .* element 11$`),
    );
  }
  await rejects(results({}, { ...input, heads: 3 }), ShapeError, /^queries: expected \[2, 3, 40, 8\]/);
});

test('a request that cannot be met is refused before anything is loaded', async () => {
  let loads = 0;
  const load = () => input.cases[loads++].load();
  const counted = { ...input, cases: [{ length: LENGTH, load }] };
  await rejects(results({ variants: ['dumy'] }, counted), ArgumentError, /^variants: /);
  await rejects(results({ variants: ['picky'], causal: true }, counted), UnsupportedError, /^causal: /);
  assert.is(loads, 0);
});

async function rejects(
  promise: Promise<unknown>,
  type: new (message: string) => Error,
  message: RegExp,
): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.instance(error, type);
  assert.match((error as Error).message, message);
}

test.run();
