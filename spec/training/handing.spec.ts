/** Rows that layers hand on, held to loops in float64 over the layers, to differences, and to the loader of an export. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { setThreads } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { type LanguageModel, type LanguageModelSettings, languageModel } from '../../src/training/language-model.ts';
import { evaluation } from '../../src/training/module.ts';
import { attend } from '../../src/variants/attend.ts';
import { luna } from '../../src/variants/luna.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { python, withTorch } from './loader-cases.ts';
import { checkParameters, drawTokens, maskOf, stir } from './modules.ts';
import { bytesAfter, tinyRun } from './runs.ts';

const [LENGTH, WIDTH, HEADS] = [7, 6, 2];
const attention = { variant: 'luna', options: { packLength: 3 } };
const small = { vocabulary: 5, length: LENGTH, modelDim: WIDTH, heads: HEADS, dropout: 0, dtype: 'float64' } as const;

function modelOf(settings: Partial<LanguageModelSettings>, seed = 1): LanguageModel {
  const model = languageModel({ ...small, layers: 3, attention, ...settings }, seed);
  stir(model.tensors(), seed);
  return model;
}

type Rows = number[][];
const range = (count: number) => Array.from({ length: count }, (_, n) => n);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, n) => sum + each * b[n], 0);
const column = (rows: Rows, n: number) => rows.map((row) => row[n]);
const times = (rows: Rows, { weight, bias }: { weight: Rows; bias: number[] }): Rows =>
  rows.map((row) => bias.map((b, n) => b + dot(row, column(weight, n))));
const plus = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((each, n) => each + b[i][n]));
const softmax = (scores: readonly number[]) => {
  const all = scores.map((each) => Math.exp(each - Math.max(...scores)));
  return all.map((each) => each / all.reduce((sum, one) => sum + one, 0));
};
const mixed = (scores: Rows, rows: Rows): Rows =>
  scores.map((each) => {
    const weights = softmax(each);
    return rows[0].map((_, n) => dot(weights, column(rows, n)));
  });
const normed = (rows: Rows, { gain, bias }: { gain: number[]; bias: number[] }): Rows =>
  rows.map((row) => {
    const mean = dot(
      row,
      row.map(() => 1 / row.length),
    );
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / row.length;
    return row.map((each, n) => ((each - mean) / Math.sqrt(variance + 1e-5)) * gain[n] + bias[n]);
  });

/** Parts of the definition that a copy gets wrong, for the law to notice. */
const paper = { adds: true, norms: true, projects: true };

/** What the attention of each layer makes of the x that it got, for one text: luna by loops, P from layer to layer. */
function byLoops(model: LanguageModel, xs: readonly Rows[], real: readonly number[], how = paper): Rows[] {
  const tensors = model.tensors();
  const order = model.config.norm;
  const of = (name: string) => {
    const tensor = tensors.get(`encoder.layers.${name}`) as Tensor;
    const [all, width] = [Array.from(tensor.toArray()), tensor.shape.at(-1) as number];
    return range(all.length / width).map((n) => all.slice(n * width, (n + 1) * width));
  };
  const projection = (name: string) => ({ weight: of(`${name}.weight`), bias: of(`${name}.bias`)[0] });
  const d = WIDTH / HEADS;
  const head = (rows: Rows, h: number) => rows.map((row) => row.slice(h * d, (h + 1) * d));
  let P: Rows = [];
  let sum: Rows = [];
  return xs.map((x, n) => {
    const [q, k, v] = ['query', 'key', 'value'].map((name) => times(x, projection(`${n}.attention.${name}`)));
    const l = 3;
    let pack: Rows;
    if (n === 0) {
      // [heads · l, d] to [l, heads · d]
      const own = of('0.attention.P');
      P = range(l).map((i) => range(HEADS).flatMap((h) => own[h * l + i]));
      pack = P;
    } else {
      const norm = { gain: of(`${n}.attention.handed.norm.gain`)[0], bias: of(`${n}.attention.handed.norm.bias`)[0] };
      const clean = how.norms ? normed(sum, norm) : sum;
      P = order === 'post' ? clean : sum;
      pack = how.projects ? times(clean, projection(`${n}.attention.handed.query`)) : clean;
    }
    const parts = range(HEADS).map((h) => {
      const seen = (rows: Rows) => head(rows, h).filter((_, i) => real[i] === 1);
      const scores = (a: Rows, b: Rows) => a.map((row) => b.map((other) => dot(row, other) / Math.sqrt(d)));
      const A = scores(head(pack, h), seen(k));
      const [K, V] = [mixed(A, seen(k)), mixed(A, seen(v))];
      return { V, y: mixed(scores(head(q, h), K), V) };
    });
    const beside = (pick: (part: (typeof parts)[number]) => Rows) =>
      pick(parts[0]).map((_, i) => parts.flatMap((part) => pick(part)[i]));
    const Y = beside(({ V }) => V);
    sum = how.adds ? plus(P, Y) : Y;
    return times(
      beside(({ y }) => y),
      projection(`${n}.attention.output`),
    );
  });
}

/** What each layer's attention got and gave, [layer][text], rows of a text. */
function watched(model: LanguageModel, tokens: Tensor, keyMask?: Tensor): { xs: Rows[][]; ys: Rows[][] } {
  const [xs, ys]: [Rows[][], Rows[][]] = [[], []];
  const rowsOf = (tensor: Tensor): Rows[] => {
    const [batch, length, width] = tensor.shape;
    const all = Array.from(tensor.toArray());
    return range(batch).map((b) => range(length).map((i) => all.slice((b * length + i) * width).slice(0, width)));
  };
  scope(() =>
    model.body.watch(tokens, keyMask, (layer, x, y) => {
      xs[layer] = rowsOf(x);
      ys[layer] = rowsOf(y);
    }),
  );
  return { xs, ys };
}

/** The largest difference between attention and loops, at real tokens. */
function difference(model: LanguageModel, seed: number, real: readonly number[], how = paper): number {
  const batch = real.length;
  const mask = maskOf(real, LENGTH);
  const { xs, ys } = watched(model, drawTokens(batch, LENGTH, 5, seed), mask);
  let largest = 0;
  for (const b of range(batch)) {
    const seen = range(LENGTH).map((i) => Number(i < real[b]));
    const expected = byLoops(
      model,
      xs.map((each) => each[b]),
      seen,
      how,
    );
    for (const [n, rows] of expected.entries()) {
      for (const i of range(real[b])) {
        for (const [c, each] of rows[i].entries()) largest = Math.max(largest, Math.abs(ys[n][b][i][c] - each));
      }
    }
  }
  return largest;
}

test('each layer packs by what the layer below has packed, as loops in float64 do, and they notice each part of it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('pre' as const, 'post' as const),
      fc.array(fc.integer({ min: 1, max: LENGTH }), { minLength: 1, maxLength: 3 }),
      fc.nat(1e6),
      (norm, real, seed) => {
        const model = modelOf({ norm }, seed);
        // Some tens of float64 terms in another order.
        assert.ok(difference(model, seed, real) < 1e-11, `${difference(model, seed, real)}`);
        // With one token all rows are the same, whatever packs it.
        if (Math.max(...real) < 3) return;
        for (const part of Object.keys(paper)) {
          const wrong = difference(model, seed, real, { ...paper, [part]: false });
          assert.ok(wrong > 1e-9, `${norm}: without what "${part}" says nothing changes: ${wrong}`);
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('gradients of all parameters go through the rows: by differences, of a P that only the lowest layer has', () => {
  for (const norm of ['pre', 'post'] as const) {
    const model = modelOf({ norm, layers: 2 });
    const names = [...model.parameters().keys()].filter((name) => /attention\.(P|handed)/.test(name));
    assert.equal(names, [
      'encoder.layers.0.attention.P',
      ...['norm.gain', 'norm.bias', 'query.weight', 'query.bias'].map(
        (each) => `encoder.layers.1.attention.handed.${each}`,
      ),
    ]);
    const tokens = drawTokens(2, LENGTH, 5, 3);
    checkParameters(() => model.forward(tokens, evaluation, maskOf([7, 4], LENGTH)), model.tensors());
  }
});

test('layers between hand nothing on and take nothing; each variant has rows of its own', () => {
  const model = modelOf({ layers: 4, attention: [{ variant: 'full' }, attention] });
  const places = model.body.layers.map(({ attention: { handing } }) => handing?.place);
  assert.equal(places, [undefined, { takes: false, gives: true }, undefined, { takes: true, gives: false }]);
  const tokens = drawTokens(2, LENGTH, 5, 1);
  const before = model.forward(tokens, evaluation).toArray();
  const P = model.tensors().get('encoder.layers.1.attention.P') as Tensor;
  assert.is(model.tensors().get('encoder.layers.3.attention.P'), undefined);
  elements(P)[0] += 1;
  assert.not.equal(model.forward(tokens, evaluation).toArray(), before);
});

test('each layer has its own P in a causal model, in reversible layers, where asked for, and none takes rows', () => {
  const own: Partial<LanguageModelSettings>[] = [
    { causal: true },
    { residual: 'reversible' },
    { attention: { ...attention, handsOn: false } },
  ];
  for (const settings of own) {
    const names = [...modelOf(settings).tensors().keys()];
    assert.is(names.filter((name) => name.endsWith('attention.P')).length, 3, JSON.stringify(settings));
    assert.not.ok(names.some((name) => name.includes('handed')));
  }
});

test('layers that cannot hand on but should, and rows of another number, are refused by name', () => {
  const handsOn = { ...attention, handsOn: true };
  const wrong: [Partial<LanguageModelSettings>, string][] = [
    [{ attention: handsOn, residual: 'reversible' }, 'handsOn'],
    [{ attention: { ...handsOn, shared: true } }, 'handsOn'],
    [{ attention: { variant: 'luna', perLayer: { packLength: [3, 3, 4] } } }, 'options'],
  ];
  for (const [settings, named] of wrong) expectThrows(ArgumentError, named, () => void modelOf(settings));
  // Without a layer below there is nothing in the place of P.
  const [, { attention: second }] = modelOf({}).body.layers;
  const x = randomNormal([1, LENGTH, WIDTH], new Random(1), 'float64');
  expectThrows(ArgumentError, 'parameters.P', () => void second.forward(x, { training: false }));
  const rows = randomNormal([1, 2, LENGTH, 3], new Random(2), 'float64');
  const inputs = { queries: rows, keys: rows, values: rows };
  const parameters = { P: randomNormal([2, 2, 3, 3], new Random(3), 'float64') };
  expectThrows(ShapeError, 'parameters.P', () => void attend(luna, inputs, { packLength: 3 }, { parameters }));
});

test('P for each text gives each text what P for all gives it', () => {
  const random = new Random(4);
  const draw = (name: string, shape: readonly number[]) => randomNormal(shape, random.split(name), 'float64');
  const [queries, keys, values] = ['q', 'k', 'v'].map((name) => draw(name, [2, 2, 5, 3]));
  const P = draw('P', [2, 2, 4, 3]);
  const of = (b: number, tensor: Tensor) => {
    const size = tensor.size / 2;
    return fromArray(tensor.toArray().slice(b * size, (b + 1) * size), [1, ...tensor.shape.slice(1)], 'float64');
  };
  const options = { packLength: 4 };
  const all = attend(luna, { queries, keys, values }, options, { parameters: { P } }).toArray();
  for (const b of [0, 1]) {
    const inputs = { queries: of(b, queries), keys: of(b, keys), values: of(b, values) };
    const own = fromArray(of(b, P).toArray(), [2, 4, 3], 'float64');
    const alone = attend(luna, inputs, options, { parameters: { P: own } }).toArray();
    assert.equal(Array.from(alone), Array.from(all).slice(b * alone.length, (b + 1) * alone.length));
  }
});

test('training with dropout gives the same bits on 1 and 3 threads', async () => {
  const settings = { task: { name: 'listops', length: 16 }, model: { layers: 2, attention } };
  const alone = await bytesAfter(tinyRun(settings));
  setThreads(3);
  const together = await bytesAfter(tinyRun(settings));
  setThreads(1);
  assert.is(Buffer.compare(together, alone), 0);
});

withTorch('an export gives the same logits and gradients in PyTorch', () => {
  const folder = temporaryFolder();
  const check = fileURLToPath(new URL('../../fixtures/scripts/check_export.py', import.meta.url));
  const paths = (['pre', 'post'] as const).map((norm) => {
    const path = join(folder, norm);
    const run = tinyRun({
      task: { name: 'listops', length: 16 },
      model: { layers: 3, norm, attention, dropout: 0.1 },
    });
    stir(run.learner.model.tensors(), 1);
    exportModel({ ...run, alphabet: run.task.alphabet }, path, { check: true });
    return path;
  });
  const { status, stdout, stderr } = spawnSync(python, [check, ...paths], { encoding: 'utf8' });
  assert.is(status, 0, stdout + stderr);
});

test.run();
