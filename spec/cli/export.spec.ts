/** `export` and `import`: from a checkpoint to a folder for PyTorch, and back to a checkpoint that generates the same. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const TINY = ['--layers', '1', '--model-dim', '16', '--heads', '2', '--batch', '4', '--evaluation-examples', '8'];

async function trained(name: string, ...args: string[]): Promise<string> {
  const out = join(folder, name);
  await outputOf(['train', 'copy', '--length', '16', ...args, ...TINY, '--steps', '4', '--out', out]);
  return out;
}

const full = await trained('full', '--positions', 'learned');
const reformer = await trained('reformer', '--attention', 'reformer');

test('a model goes out and comes back, and generates the same', async () => {
  for (const [checkpoint, reader] of [
    [full, /^For GPT2LMHeadModel of transformers$/m],
    [reformer, /^For EfficientTransformer of modeling_efficient\.py \(transformers: only full attention\)$/m],
  ] as const) {
    const [exported, again] = [`${checkpoint}-exported`, `${checkpoint}-again`];
    assert.match(await outputOf(['export', checkpoint, '--out', exported, '--check']), reader);
    assert.is(existsSync(join(exported, 'check.safetensors')), true);
    const { efficient_transformers: origin } = JSON.parse(readFileSync(join(exported, 'config.json'), 'utf8'));
    assert.equal([origin.step, origin.alphabet, origin.settings.task.name], [4, 'numbers', 'copy']);

    assert.match(await outputOf(['import', exported, '--out', again]), /checkpoint\.safetensors\n$/);
    const text = (from: string) =>
      outputOf(['generate', '--checkpoint', from, '--prompt', '3 1 4', '--temperature', '0']);
    assert.is(await text(again), await text(checkpoint));
    // A run at its first step, which can be trained.
    assert.match(await outputOf(['train', '--resume', again]), /^From step 0 of 4\n/);
  }
});

test('what cannot be right is refused, and nothing is overwritten unasked', async () => {
  const out = join(folder, 'taken');
  await outputOf(['export', full, '--out', out]);
  const refusals: [string[], RegExp][] = [
    [['export'], /^Error: CHECKPOINT: expected a checkpoint of train or its folder, got nothing/],
    [['export', full], /^Error: --out: expected a FOLDER to write, got nothing/],
    [['export', full, '--out', out], /^Error: --out: .*config\.json already exists/],
    [['import'], /^Error: FOLDER: expected an exported model, got nothing/],
    [['import', out], /^Error: --out: expected a FOLDER to write, got nothing/],
    [['import', out, '--out', full], /^Error: --out: .* already has a (finished )?run in it: /],
  ];
  for (const [args, message] of refusals) {
    const { code, err } = await answerTo(args);
    assert.is(code, 2, args.join(' '));
    assert.match(err, message);
  }
  await outputOf(['export', full, '--out', out, '--overwrite', '--loader']);
  assert.is(existsSync(join(out, 'modeling_efficient.py')), true);
  const { code, err } = await answerTo(['export', join(folder, 'nothing'), '--out', join(folder, 'new')]);
  assert.is(code, 1);
  assert.match(err, /^Error: .*nothing/);
});

test.run();
