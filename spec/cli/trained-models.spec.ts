/** What is done with trained models: generate, eval, and compare on their queries, keys and values. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkpointInput } from '../../src/commands/checkpoint-input.ts';
import type { ComparisonReport } from '../../src/compare/result.ts';
import { noGrad } from '../../src/core/autograd.ts';
import { argMax } from '../../src/core/ops/index.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import { loadModel } from '../../src/training/checkpoint.ts';
import type { LanguageModel } from '../../src/training/language-model.ts';
import { evaluation } from '../../src/training/module.ts';
import { textAttention } from '../../src/training/text-attention.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const TINY = ['--layers', '2', '--model-dim', '16', '--heads', '2', '--batch', '4', '--evaluation-examples', '8'];

async function trained(name: string, ...args: string[]): Promise<string> {
  const out = join(folder, name);
  await outputOf(['train', ...args, ...TINY, '--steps', '5', '--out', out]);
  return join(out, 'checkpoint.safetensors');
}

const symbols = await trained('symbols', 'copy', '--length', '20', '--attention', 'linear-transformer');
const bytes = await trained('bytes', 'byte-lm', '--length', '24', '--rate', '0.01');
const classes = await trained('classes', 'listops', '--length', '24', '--attention', 'linformer');

test('the likeliest tokens are those of the model over the whole sequence', async () => {
  const prompt = [3, 1, 4, 1, 5];
  const args = ['--checkpoint', symbols, '--prompt', prompt.join(' '), '--temperature', '0'];
  const text = await outputOf(['generate', ...args, '--count', '10']);
  const tokens = text.trim().split(' ').map(Number);
  assert.is(tokens.length, 15);
  assert.equal(tokens.slice(0, 5), prompt);
  const model = loadModel(symbols).learner.model as LanguageModel;
  const best = scope(() => {
    const logits = noGrad(() => model.forward(fromArray(tokens, [1, 15], 'int32'), evaluation));
    return Array.from(elements(argMax(logits)));
  });
  assert.equal(tokens.slice(5), best.slice(4, 14));
  // Without a count, as many as the model is long; the last one is not read any more.
  assert.is((await outputOf(['generate', ...args])).trim().split(' ').length, 21);
});

test('a text that was read is gone on from, in another process, as if there had been no break', async () => {
  const generated = async (...args: string[]) => {
    const text = await outputOf(['generate', '--checkpoint', symbols, '--temperature', '0', ...args]);
    return text.trim().split(' ');
  };
  const state = join(folder, 'state.safetensors');
  const whole = await generated('--prompt', '3 1 4', '--count', '10');
  const first = await generated('--prompt', '3 1 4', '--count', '4', '--save-state', state);
  assert.equal(first, whole.slice(0, 7));
  assert.equal(await generated('--from', state, '--count', '6'), whole.slice(7));
  // Once more, with something else to come next.
  const other = await generated('--prompt', [...first, 5, 2].join(' '), '--count', '3');
  assert.equal(await generated('--from', state, '--prompt', '5 2', '--count', '3'), other.slice(7));
  for (const [args, message] of [
    [['--from', symbols], /expected a generation, got a \.safetensors file of another kind/],
    [['--prompt', '1', '--save-state', symbols], /--save-state: .* is an input file/],
    [['--from', state, '--prompt', '1 2 3', '--count', '99'], /--count: expected an integer from 1 to 11, got 99/],
  ] as const) {
    const { code, err } = await answerTo(['generate', '--checkpoint', symbols, ...args]);
    assert.is.not(code, 0);
    assert.match(err, message);
  }
  const { code, err } = await answerTo(['generate', '--checkpoint', bytes, '--from', state]);
  assert.is.not(code, 0);
  assert.match(err, /model: expected the weights that .* was made with, got others/);
});

test('a state at the end of its model says so where it is made and where it is continued', async () => {
  const state = join(folder, 'full.safetensors');
  const generate = ['generate', '--checkpoint', symbols];
  const made = await answerTo([...generate, '--prompt', '3 1 4', '--save-state', state]);
  assert.is(made.code, 0);
  assert.match(made.err, /full\.safetensors: at the model's end \(20 of 20 tokens\), .* give a smaller --count/);
  for (const more of [[], ['--prompt', '1']]) {
    const { code, out, err } = await answerTo([...generate, '--from', state, ...more]);
    assert.equal([code, out], [2, '']);
    assert.match(
      err,
      /^Error: --from: .* at its model's end \(20 of 20 tokens\) in .*full\.safetensors: .* smaller --count/,
    );
  }
  // 17 tokens, the last of them unread: two more may be given, and the last one drawn is never read.
  const early = join(folder, 'early.safetensors');
  const saved = await answerTo([...generate, '--prompt', '3 1 4', '--count', '14', '--save-state', early]);
  assert.equal([saved.code, saved.err], [0, '']);
  const { code, out, err } = await answerTo([...generate, '--from', early]);
  assert.equal([code, out.trim().split(' ').length, err], [0, 4, "Ended at the model's end (20 of 20 tokens).\n"]);
  const long = await answerTo([...generate, '--from', early, '--prompt', '1 2 3 4']);
  assert.equal([long.code, long.out], [2, '']);
  assert.match(long.err, /^Error: --prompt: expected at most 3 tokens after the 17 of .*early\.safetensors, got 4/);
});

test('a state replaces an earlier state, and no other file', async () => {
  const generate = ['generate', '--checkpoint', symbols, '--prompt', '3', '--count', '2', '--save-state'];
  const state = join(folder, 'twice.safetensors');
  await outputOf([...generate, state]);
  await outputOf([...generate, state]);
  const note = join(folder, 'note.md');
  writeFileSync(note, 'mine');
  const { code, err } = await answerTo([...generate, note]);
  assert.is(code, 2);
  assert.match(err, /^Error: --save-state: .*note\.md exists, and is no state that generate wrote; name another file/);
  assert.is(readFileSync(note, 'utf8'), 'mine');
  const same = await answerTo([...generate, state, '--from', state]);
  assert.match(same.err, /^Error: --save-state: .*twice\.safetensors is an input file/);
});

test('text comes as it is made, the same for a seed, without control characters', async () => {
  const args = ['generate', '--checkpoint', bytes, '--prompt', 'né', '--count', '21'];
  const text = await outputOf([...args, '--seed', '1']);
  assert.ok(text.startsWith('né'));
  assert.not.match(text, /[^\P{Cc}\n\t]/u);
  assert.is(await outputOf([...args, '--seed', '1']), text);
  assert.not.equal(await outputOf([...args, '--seed', '2']), text);
  assert.is(await outputOf([...args, '--seed', '1', '--top-k', '1']), await outputOf([...args, '--temperature', '0']));
});

test('a model of lines that end in \\r\\n writes such lines, and no character that was cut off', async () => {
  const path = join(folder, 'windows.txt');
  writeFileSync(path, 'né\r\n'.repeat(200));
  const args = [
    '--length',
    '40',
    '--rate',
    '0.03',
    '--text',
    path,
    '--layers',
    '1',
    '--model-dim',
    '32',
    '--heads',
    '2',
  ];
  const out = join(folder, 'windows');
  await outputOf(['train', 'byte-lm', ...args, '--steps', '60', '--evaluation-examples', '4', '--out', out]);
  const generated = (count: number) =>
    outputOf(['generate', '--checkpoint', out, '--prompt', 'né', '--temperature', '0', '--count', `${count}`]);
  assert.is(await generated(12), 'né\r\nné\r\nné\r\n\n');
  // In the middle of é, and between the two characters that end a line.
  assert.is(await generated(9), 'né\r\nné\r\nn\n');
  assert.is(await generated(6), 'né\r\nné\n');
});

test('a text in another encoding is refused, whoever reads it', async () => {
  const content = 'Où est le café ? '.repeat(40);
  for (const encoding of ['latin1', 'utf16le'] as const) {
    const path = join(folder, `${encoding}.txt`);
    writeFileSync(path, Buffer.from(content, encoding));
    const message = encoding === 'latin1' ? /got byte 0xf9 at 1, as in Latin-1/ : /got UTF-16, little-endian/;
    for (const args of [
      ['train', 'byte-lm', '--length', '8', '--text', path, '--out', join(folder, 'none')],
      ['train', 'byte-mlm', '--attention', 'linformer', '--length', '8', '--text', path, '--out', join(folder, 'none')],
      ['compare', '--checkpoint', bytes, '--text', path, '--no-report'],
    ]) {
      const { code, err } = await answerTo(args);
      assert.equal([code, message.test(err)], [1, true], `${args.join(' ')}: ${err}`);
    }
  }
  const { code, err } = await answerTo(['generate', '--checkpoint', bytes, '--prompt', 'caf\ufffd']);
  assert.equal([code, /^Error: --prompt: expected text that is whole in UTF-8, got U\+FFFD/.test(err)], [2, true], err);
});

test('what cannot be generated is refused', async () => {
  const refusals: [string[], RegExp][] = [
    [[], /^Error: --checkpoint: expected a FILE to generate from, got nothing/],
    [['--checkpoint', classes], /^Error: --checkpoint: expected a causal language model, got one for classification/],
    [
      ['--checkpoint', symbols, '--prompt', '1 2 eleven'],
      /^Error: --prompt: expected numbers from 0 to 10, got 'eleven'/,
    ],
    [['--checkpoint', symbols, '--prompt', '11'], /^Error: --prompt: expected numbers from 0 to 10, got '11'/],
    [['--checkpoint', bytes, '--prompt', 'x'.repeat(26)], /^Error: --prompt: expected at most 24 tokens, got 26/],
    [['--checkpoint', bytes, '--prompt', 'abc', '--count', '30'], /^Error: --count: expected an integer from 1 to 22/],
  ];
  for (const [args, message] of refusals) {
    const { code, out, err } = await answerTo(['generate', ...args]);
    assert.equal([code, out], [2, ''], args.join(' '));
    assert.match(err, message);
  }
  const { code, err } = await answerTo(['generate', '--checkpoint', 'fixtures/minilm-qkv.safetensors']);
  assert.is(code, 1);
  assert.match(err, /expected a checkpoint, got a \.safetensors file of another kind/);
});

test('eval gives the figures that training ended with, and those without each layer', async () => {
  for (const checkpoint of [symbols, bytes, classes]) {
    const { results } = JSON.parse(readFileSync(join(checkpoint, '..', 'results.json'), 'utf8'));
    const text = await outputOf(['eval', '--checkpoint', checkpoint, '--examples', '8', '--ablate']);
    const figures = (name: string) => {
      const [, loss, accuracy] = new RegExp(`^${name} +([\\d.]+) +([\\d.]+)%$`, 'm').exec(text) ?? [];
      return [Number(loss), Number(accuracy)];
    };
    const [loss, accuracy] = figures('the model');
    // As printed: three digits.
    assert.ok(Math.abs(loss / results[0].loss - 1) < 0.01, text);
    assert.ok(Math.abs(accuracy - 100 * results[0].accuracy) < 0.06, text);
    for (const layer of [0, 1]) assert.ok(figures(`without layer ${layer}`)[0] > 0, text);
    assert.ok(figures('most frequent')[0] > 0);
  }
});

test('a layer of zeros is put back: the model is the same after the ablation', async () => {
  const row = (text: string) => /^the model .*$/m.exec(text)?.[0];
  const args = ['eval', '--checkpoint', bytes, '--examples', '8'];
  const text = await outputOf([...args, '--ablate']);
  assert.is(row(await outputOf(args)), row(text));
  const losses = [...text.matchAll(/^(?:the model|without layer \d) +([\d.]+)/gm)].map(([, loss]) => loss);
  assert.is(new Set(losses).size > 1, true, text);
});

test('compare runs on queries, keys and values of a trained model, causally where it is', async () => {
  const numbersOf = async (...args: string[]) =>
    JSON.parse(await outputOf(['compare', ...args, '--json', '-', '--no-report'])) as ComparisonReport;
  const { input, results } = await numbersOf('--checkpoint', bytes, '--variant', 'full,longformer', '--budget', '8');
  assert.equal([input.detail, input.heads, input.headDim, input.lengths, input.causal], [bytes, 2, 8, [24], true]);
  assert.equal([...new Set(results.map(({ layer }) => layer))], ['layer0', 'layer1']);
  const one = await numbersOf('--checkpoint', classes, '--layer', '1', '--variant', 'full,linformer');
  assert.equal([one.input.causal, ...new Set(one.results.map(({ layer }) => layer))], [false, 'layer1']);
  for (const { variant, relativeError, fullOracleError } of [...results, ...one.results]) {
    assert.ok(fullOracleError < 1e-5);
    assert.ok(variant === 'full' ? relativeError === 0 : relativeError > 0 && relativeError < 2);
  }
});

test('compare reads a whole text as the library does, as one sequence of its length', async () => {
  const [path, written] = [join(folder, 'note.txt'), 'Née le 1er mai.'];
  writeFileSync(path, written);
  const args = ['--checkpoint', bytes, '--text', path, '--whole-text', '--variant', 'full,longformer', '--budget', '4'];
  const report = await outputOf(['compare', ...args, '--json', '-', '--no-report']);
  const { input, results } = JSON.parse(report) as ComparisonReport;
  assert.equal([input.name, input.lengths], ['full trained on byte-lm, 16 bytes of note.txt', [16]]);
  assert.ok(results.some(({ variant, relativeError }) => variant === 'longformer' && relativeError > 0));
  const choice = { checkpoint: bytes, text: path, wholeText: true, layer: undefined, seed: 0 };
  const trained = loadModel(bytes);
  checkpointInput(choice).cases.forEach(({ load }, layer) => {
    scope(() => {
      const [actual, expected] = [load(), textAttention(trained, written, layer)];
      for (const part of ['queries', 'keys', 'values'] as const) {
        assert.equal(actual[part].shape, [1, 2, 16, 8]);
        assert.equal(actual[part].toArray(), expected[part].toArray(), `${part} of layer ${layer}`);
      }
    });
  });
});

test('an example drawn from another text says from which', async () => {
  const path = join(folder, 'other.txt');
  writeFileSync(path, 'Alice was beginning to get very tired. '.repeat(20));
  const args = ['--checkpoint', bytes, '--text', path, '--variant', 'full', '--json', '-', '--no-report'];
  const { input } = JSON.parse(await outputOf(['compare', ...args])) as ComparisonReport;
  assert.is(input.name, 'full trained on byte-lm, 24 tokens of other.txt');
});

test('a comparison that a checkpoint has nothing to do with is refused', async () => {
  const [empty, long] = ['', 'x'.repeat(25)].map((text) => {
    const path = join(folder, `${text.length}.txt`);
    writeFileSync(path, text);
    return path;
  });
  const conv = await trained('conv', 'copy', '--length', '16', '--attention', 'light-conv');
  const refusals: [string[], RegExp][] = [
    [['--layer', '1'], /^Error: --layer: needs a trained model/],
    [['--text', 'a'], /^Error: --text: needs a trained model/],
    [['--checkpoint', bytes, '--length', '8'], /^Error: --length: names another input than --checkpoint/],
    [['--checkpoint', bytes, '--head-dim', '8'], /^Error: --head-dim: names another input than --checkpoint/],
    [['--checkpoint', bytes, '--layer', '2'], /^Error: --layer: expected 0 to 1 in .*, got 2/],
    [['--checkpoint', symbols, '--text', 'a'], /^Error: text: copy has no such setting/],
    [['--whole-text'], /^Error: --whole-text: needs a trained model/],
    [['--checkpoint', bytes, '--whole-text'], /^Error: --whole-text: expected a text to read/],
    [['--checkpoint', symbols, '--whole-text', '--text', long], /^Error: --whole-text: expected a model of bytes/],
    [
      ['--checkpoint', bytes, '--whole-text', '--text', long],
      /^Error: --text: expected 1 to 24 bytes .*, got 25 in .*; without --whole-text it reads a piece of a text ten times as long$/m,
    ],
    [
      ['--checkpoint', bytes, '--whole-text', '--text', empty],
      /^Error: --text: expected 1 to 24 bytes .*, got 0 in.*0\.txt$/m,
    ],
    [['--pretrained', 'a', '--whole-text'], /^Error: --whole-text: cannot be combined with --pretrained/],
    [['--checkpoint', conv], /^Error: --layer: light-conv, in layer 0, compares no queries with keys/],
  ];
  for (const [args, message] of refusals) {
    const { code, out, err } = await answerTo(['compare', ...args, '--no-report']);
    assert.equal([code, out], [2, ''], args.join(' '));
    assert.match(err, message);
  }
});

test.run();
