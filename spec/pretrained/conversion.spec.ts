/** An encoder with another attention comes nearer to what it did, and is saved as it is; sentences, and passages to learn from. */
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, UnsupportedError } from '../../src/core/errors.ts';
import { setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import type { TextInputs } from '../../src/pretrained/architecture.ts';
import { convertPretrained, type PretrainedConversionSettings } from '../../src/pretrained/conversion.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { passagesOf, passagesOfTokens } from '../../src/pretrained/passages.ts';
import { driftPart, pooledDrift } from '../../src/pretrained/pooled-drift.ts';
import { savePretrained } from '../../src/pretrained/save.ts';
import { similarities, spearman } from '../../src/pretrained/similarity.ts';
import { type Drift, driftOf, type Pass } from '../../src/pretrained/swap.ts';
import { loadTokenizer } from '../../src/pretrained/tokenizer.ts';
import { answerTo, outputOf } from '../cli/host.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkpoint } from './checkpoints.ts';
import { writeTokenizer } from './word-pieces.ts';

const folder = temporaryFolder();

/** The second text of a batch is shorter. */
function draw(_part: string, random: Random): TextInputs {
  const ids = Array.from({ length: 4 * 16 }, () => 2 + random.integer(38));
  const real = Array.from({ length: 4 * 16 }, (_, at) => Number(Math.floor(at / 16) !== 1 || at % 16 < 9));
  return { tokens: fromArray(ids, [4, 16], 'int32'), keyMask: fromArray(real, [4, 16], 'uint8') };
}

const to = (variant: string, more: Partial<PretrainedConversionSettings> = {}): PretrainedConversionSettings => ({
  ...{ steps: 0, rate: 0.01, train: 'attention', seed: 1, heldOut: 2, draw, attention: { variant } },
  ...more,
});

test('full attention as full attention is the same model, at no distance', async () => {
  const { model, report, drift } = await convertPretrained(checkpoint('bert-model'), to('full'));
  assert.equal(report.drift, { swapped: [0, 0], matched: [0, 0], converted: [0, 0] });
  assert.is(drift.swapped.relativeError, 0);
  assert.ok(model.parameters().size > 0);
});

const MODELS = [
  ['bert-model', 'linear-transformer'],
  ['bert-masked-lm', 'linformer'],
  ['roberta-classification', 'transformer-xl'],
  ['longformer-classification', 'performer'],
] as const;
for (const [name, variant] of MODELS) {
  test(`${name} as ${variant}: each attention and the whole come nearer, and the folder has the same numbers`, async () => {
    const { model, report, drift } = await convertPretrained(checkpoint(name), to(variant, { steps: 60 }));
    const { swapped, matched } = report.drift;
    for (const [layer, distance] of matched.entries()) {
      assert.ok(distance < 0.95 * swapped[layer], `layer ${layer}: ${swapped[layer]}, then ${distance}`);
    }
    // With a head, most of the loss is the divergence of its logits.
    const [before, after] = [drift.swapped, drift.converted].map(
      (each) => each.logits?.divergence ?? each.relativeError,
    );
    assert.ok(after < before, `${before}, then ${after}`);
    assert.is(report.steps, 60);
    const out = join(folder, name);
    savePretrained(model, out);
    const inputs = draw('held-out', new Random(5));
    const statesOf = (each: typeof model) => each.forward(inputs).hiddenStates.map((states) => [...elements(states)]);
    assert.equal(statesOf(loadPretrained(out)), statesOf(model));
  });
}

test('the same settings give the same bits on any number of threads; when asked, it stops after a step', async () => {
  const converted = async (threads: number, until = Number.POSITIVE_INFINITY) => {
    const before = threadCount();
    setThreads(threads);
    let last = 0;
    const onStep = ({ step }: { step: number }) => {
      last = step;
    };
    const settings = to('performer', { steps: 4, match: 'weights' });
    const { model, report, drift } = await convertPretrained(checkpoint('bert-masked-lm'), settings, {
      onStep,
      shouldStop: () => last >= until,
    });
    setThreads(before);
    return { numbers: [...model.tensors()].map(([, tensor]) => [...elements(tensor)]), report, drift };
  };
  const one = await converted(1);
  assert.equal(await converted(2), one);
  const cut = await converted(1, 3);
  assert.is(cut.report.steps, 3);
  assert.ok(cut.report.stopped && !one.report.stopped);
});

test('what does not fit is refused by name, before any work', async () => {
  const refused = async (
    type: Parameters<typeof expectThrows>[0],
    name: string,
    model: string,
    given: PretrainedConversionSettings,
  ) => {
    const onSwapped = () => assert.unreachable(name);
    const thrown: unknown = await convertPretrained(checkpoint(model), given, { onSwapped }).catch((error) => error);
    expectThrows(type, name, () => {
      if (thrown instanceof Error) throw thrown;
    });
  };
  await refused(UnsupportedError, 'directory', 'reformer-model', to('full'));
  await refused(UnsupportedError, 'causal', 'bert-model', to('gla'));
  await refused(UnsupportedError, 'match', 'bert-model', to('local-attention', { match: 'weights' }));
  // Its own attention is none of every key.
  await refused(UnsupportedError, 'match', 'longformer-classification', to('performer', { match: 'weights' }));
  await refused(ArgumentError, 'match', 'bert-model', to('performer', { match: 'all' as never }));
  await refused(ArgumentError, 'variant', 'bert-model', to('performr'));
  await refused(ArgumentError, 'rate', 'bert-model', to('performer', { rate: -1 }));
  await refused(ArgumentError, 'draw', 'bert-model', to('performer', { draw: 3 as never }));
});

test("Spearman's correlation is Pearson's of the ranks", () => {
  const lists = fc.integer({ min: 2, max: 12 }).chain((length) => {
    const list = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: length, maxLength: length });
    return fc.tuple(list, list);
  });
  fc.assert(
    fc.property(lists, ([a, b]) => {
      const rank = (all: number[]) =>
        all.map((x) => all.filter((y) => y < x).length + all.filter((y) => y === x).length / 2);
      const mean = (all: number[]) => all.reduce((sum, x) => sum + x, 0) / all.length;
      const centred = (all: number[]) => all.map((x) => x - mean(all));
      const dot = (x: number[], y: number[]) => x.reduce((sum, each, n) => sum + each * y[n], 0);
      const [x, y] = [a, b].map(rank).map(centred);
      const norm = Math.sqrt(dot(x, x) * dot(y, y));
      assert.ok(Math.abs(spearman(a, b) - (norm === 0 ? 0 : dot(x, y) / norm)) < 1e-12);
    }),
  );
});

test('the drift over several passes is that of one pass over all their tokens', () => {
  const row = (width: number) =>
    fc.array(
      fc.integer({ min: -36, max: 36 }).map((x) => x / 4),
      { minLength: width, maxLength: width },
    );
  const pair = fc.tuple(row(3), row(3), row(2), row(2), fc.constantFrom(0.01, 1, 100));
  const lists = fc.array(fc.array(pair, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(lists, fc.boolean(), (batches, hasLogits) => {
      const passOf = (rows: (typeof batches)[number], which: 0 | 1): Pass => ({
        states: Float64Array.from(rows.flatMap((each) => each[which].map((x) => x * each[4]))),
        width: 3,
        attentionMilliseconds: 0,
        ...(hasLogits && {
          logits: { values: Float64Array.from(rows.flatMap((each) => each[which + 2] as number[])), classes: 2 },
        }),
      });
      const both = (rows: (typeof batches)[number]) => [passOf(rows, 0), passOf(rows, 1)] as const;
      const whole = both(batches.flat());
      if (!whole[0].states.some((x) => x !== 0)) return;
      const [joined, pooled] = [driftOf(...whole), pooledDrift(batches.map((rows) => driftPart(...both(rows))))];
      const numbersOf = ({ logits, ...rest }: Drift) => [...Object.values(rest), ...Object.values(logits ?? {})];
      const expected = numbersOf(joined);
      for (const [n, got] of numbersOf(pooled).entries()) {
        // Sums of a few numbers in float64, in another order.
        assert.ok(Math.abs(got - expected[n]) <= 1e-9 * (1 + Math.abs(expected[n])), `${got}, not ${expected[n]}`);
      }
    }),
  );
});

test('no held-out token is in a training passage', () => {
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 400 }), fc.integer({ min: 1, max: 10 }), fc.nat(), (size, length, seed) => {
      const drawn = passagesOfTokens(
        Array.from({ length: size }, (_, n) => n),
        { length, batch: 3 },
      );
      const seen = (part: 'training' | 'held-out') => {
        const random = new Random(seed);
        return new Set(Array.from({ length: 8 }, () => [...elements(drawn(part, random).tokens)]).flat());
      };
      const heldOut = seen('held-out');
      for (const id of seen('training')) assert.not.ok(heldOut.has(id));
    }),
  );
  expectThrows(ArgumentError, 'text', () => passagesOfTokens([1, 2, 3], { length: 2, batch: 1 }));
  const tokenizer = { encode: () => assert.unreachable() as never };
  expectThrows(ArgumentError, 'text', () => passagesOf('short', tokenizer, { length: 2, batch: 1 }));
});

test('the command converts a folder, says how sentences are alike, and writes what it loads again', async () => {
  const from = join(folder, 'with-tokenizer');
  cpSync(checkpoint('bert-model'), from, { recursive: true });
  writeTokenizer(from);
  const text = join(folder, 'text.txt');
  writeFileSync(text, 'one two three ones twos '.repeat(40));
  const [out, json] = [join(folder, 'converted'), join(folder, 'numbers.json')];
  const words = ['convert', '--pretrained', from, '--to', 'nystromformer', '--option', 'landmarks=2', '--steps', '4'];
  const quick = ['--length', '8', '--batch', '2', '--examples', '2', '--threads', '1'];
  const told = await outputOf([...words, ...quick, '--text', text, '--out', out, '--json', json]);
  const { models, steps } = JSON.parse(readFileSync(json, 'utf8'));
  assert.is(steps, 4);
  const [original, model] = [from, out].map((path) => loadPretrained(path));
  const tokenizer = await loadTokenizer(out);
  const agreement = spearman(similarities(original, tokenizer), similarities(model, tokenizer));
  assert.is(models.sentences.converted, agreement);
  assert.ok(told.includes(agreement.toFixed(4)), told);
  await outputOf([
    'compare',
    '--pretrained',
    out,
    '--text',
    text,
    '--length',
    '8',
    '--variant',
    'full',
    '--threads',
    '1',
    '--no-report',
  ]);

  const ids = join(folder, 'ids.txt');
  writeFileSync(ids, Array.from({ length: 90 }, (_, n) => 2 + (n % 30)).join(' '));
  assert.match(await outputOf([...words, ...quick, '--ids', ids]), /4 steps/);
  const refused = async (message: RegExp, ...more: string[]) => {
    const never = join(folder, 'never');
    const { code, err } = await answerTo([...words, ...quick, ...more, '--out', never]);
    assert.is(code, 2, more.join(' '));
    assert.match(err, message);
    assert.not.ok(existsSync(join(never, 'config.json')));
  };
  await refused(/--text: .*expected either --text or --ids/);
  await refused(/--length: expected at most 20/, '--text', text, '--length', '21');
  await refused(/--checkpoint: expected either/, '--text', text, '--checkpoint', from);
  const both = /^Error: --to: expected a variant that reads in both directions, as the model does, got gla$/m;
  const oneWay = await answerTo(['convert', '--pretrained', from, '--to', 'gla', ...quick, '--text', text]);
  assert.match(oneWay.err, both);
  const again = await answerTo([...words, ...quick, '--text', text, '--out', out]);
  assert.match(again.err, /--out: .* already has a config\.json/);
  // Before the steps, which would be lost.
  const onto = await answerTo([...words, ...quick, '--text', text, '--out', `${from}/`, '--overwrite']);
  assert.match(onto.err, /--out: expected another folder than .*with-tokenizer\/, where the model comes from/);
  assert.not.ok(existsSync(join(from, 'unfinished.safetensors')));
});

test.run();
