/** `train --feed-forward` and `eval --routing`: the layers of a run, its config, and who is routed where. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/training/checkpoint.ts';
import { readMetrics } from '../../src/training/metrics.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const SIZES = ['--length', '16', '--layers', '2', '--model-dim', '16', '--heads', '2', '--batch', '4', '--steps', '2'];
const args = (name: string, ...more: string[]) => {
  const where = ['--out', join(folder, name), '--overwrite'];
  return ['train', 'copy', ...SIZES, '--evaluation-examples', '4', ...where, ...more];
};

test('layers take turns, with options of each kind; the config of the run says so, and makes the same run', async () => {
  const options = ['--feed-forward-option', 'numExperts=3', '--feed-forward-option', 'switch.capacityFactor=0.5'];
  const text = await outputOf(args('a', '--feed-forward', 'dense,switch', ...options));
  assert.match(text, /of choices dropped/);
  const path = join(folder, 'a', 'checkpoint.safetensors');
  const [first, second] = loadModel(path).learner.model.config.feedForward as never as Record<string, unknown>[];
  assert.equal(first, { kind: 'dense' });
  assert.equal([second.kind, second.numExperts, second.capacityFactor], ['switch', 3, 0.5]);
  const [line] = readMetrics(join(folder, 'a', 'metrics.jsonl')).filter(({ kind }) => kind === 'steps');
  assert.ok(line.kind === 'steps' && (line.auxiliary ?? 0) > 0 && (line.dropped ?? 0) > 0);
  const config = join(folder, 'a', 'config.json');
  await outputOf(['train', '--config', config, '--out', join(folder, 'b'), '--overwrite']);
  const [one, other] = ['a', 'b'].map((name) => readFileSync(join(folder, name, 'checkpoint.safetensors')));
  assert.is(Buffer.compare(one, other), 0);
});

test('projections are multiplicative where asked for; the config says so, and what contradicts is refused', async () => {
  const sparse = ['--projections', 'multiplicative', '--modules', '4', '--projection-kernel', '5'];
  await outputOf(args('f', ...sparse));
  const [attention] = [loadModel(join(folder, 'f', 'checkpoint.safetensors')).learner.model.config.attention].flat();
  const { projections, modules, projectionKernel } = attention as unknown as Record<string, unknown>;
  assert.equal([projections, modules, projectionKernel], ['multiplicative', 4, 5]);
  await outputOf(['train', '--config', join(folder, 'f', 'config.json'), '--out', join(folder, 'g'), '--overwrite']);
  const [one, other] = ['f', 'g'].map((name) => readFileSync(join(folder, name, 'checkpoint.safetensors')));
  assert.is(Buffer.compare(one, other), 0);
  for (const [more, message] of [
    [['--projections', 'sparse'], /--projections: unknown projections 'sparse'. Known: dense, multiplicative/],
    [['--modules', '4'], /modules: expected multiplicative projections/],
    [['--projections', 'multiplicative', '--modules', '3'], /modules: expected a divisor of modelDim 16, got 3/],
    [['--projections', 'multiplicative', '--projection-kernel', '2'], /projectionKernel: expected an odd number/],
  ] as const) {
    const { code, err } = await answerTo(args('h', ...more));
    assert.is.not(code, 0);
    assert.match(err, message);
  }
});

test('a table for each layer that routes: every choice of every token, and its tokens', async () => {
  await outputOf(args('c', '--feed-forward', 'dense,top-2', '--feed-forward-option', 'numExperts=3'));
  const text = await outputOf(['eval', '--checkpoint', join(folder, 'c'), '--examples', '4', '--routing']);
  assert.not.match(text, /Layer 0/);
  assert.match(text, /Layer 1: \d of 3 are used, the most used by [\d.]+% of the choices/);
  const rows = text.split('\n').filter((each) => /^ +[012] +[\d.]+%/.test(each));
  assert.is(rows.length, 3);
  const shares = rows.map((row) => Number(/([\d.]+)%/.exec(row)?.[1]));
  // Three shares, each rounded to three digits.
  assert.ok(Math.abs(shares.reduce((sum, each) => sum + each, 0) - 100) < 0.3, shares.join(' '));
});

test('what does not fit is refused with the nearest name', async () => {
  for (const [more, message] of [
    [['--feed-forward', 'swich'], /did you mean 'switch'\?/],
    [['--feed-forward', 'switch', '--feed-forward-option', 'experts=3'], /unknown option 'experts'/],
    [['--feed-forward', 'switch', '--feed-forward-option', 'tip-2.numExperts=3'], /unknown kind 'tip-2'/],
    [['--feed-forward', 'switch', '--feed-forward-option', 'numExperts=0'], /numExperts: expected .*1/],
    [['--feed-forward-option', 'numExperts=3'], /unknown option 'numExperts'/],
  ] as const) {
    const { code, err } = await answerTo(args('d', ...more));
    assert.is.not(code, 0);
    assert.match(err, message);
  }
  await outputOf(args('e'));
  const { err } = await answerTo(['eval', '--checkpoint', join(folder, 'e'), '--routing']);
  assert.match(err, /--routing: expected a model trained with --feed-forward, got one of dense layers/);
});

test.run();
