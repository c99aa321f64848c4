/** Options of which each layer has its own: windows that grow (Beltagy et al. 2020, §4.1), patterns that take turns. */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { scope } from '../../src/core/scope.ts';
import { loadModel, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { attentionsOf } from '../../src/training/config.ts';
import { type LanguageModelSettings, languageModel } from '../../src/training/language-model.ts';
import { evaluation } from '../../src/training/module.ts';
import { reattended } from '../../src/training/reattend.ts';
import { startRun } from '../../src/training/run.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { assertSame, denseOf } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { drawTokens } from './modules.ts';
import { tinySettings } from './runs.ts';

const SIZES = { vocabulary: 7, length: 12, layers: 3, modelDim: 8, heads: 2, causal: true, dropout: 0 } as const;
const growing = { variant: 'longformer', perLayer: { attentionWindow: [2, 6, 12] } };

const optionsOf = (settings: LanguageModelSettings) =>
  languageModel(settings, 1).body.layers.map(({ attention }) => attention.mixing.options as never);

test('each layer has its own value, and all else of what was asked for all', () => {
  const windows = optionsOf({ ...SIZES, attention: { ...growing, options: { globalPositions: [3] } } });
  assert.equal(
    windows.map(({ attentionWindow, globalPositions }) => [attentionWindow, globalPositions]),
    [2, 6, 12].map((window) => [window, [3]]),
  );
  const turns = { variant: 'sparse-transformer', perLayer: { heads: ['first', 'second', 'first'] } };
  assert.equal(
    optionsOf({ ...SIZES, attention: turns }).map(({ heads }) => heads),
    ['first', 'second', 'first'],
  );
  // In a list, a layer takes its entry, and of that the value of its own place.
  const mixed = optionsOf({ ...SIZES, attention: [growing, { variant: 'full' }] });
  assert.equal(
    mixed.map(({ attentionWindow }) => attentionWindow),
    [2, undefined, 12],
  );
});

test('the model is that of a list with one entry a layer', () => {
  const list = growing.perLayer.attentionWindow.map((attentionWindow) => ({
    variant: 'longformer',
    options: { attentionWindow },
  }));
  const tokens = drawTokens(2, 12, 7, 1);
  const [one, other] = [growing, list].map((attention) => languageModel({ ...SIZES, attention }, 1));
  scope(() => assertSame(one.forward(tokens, evaluation), denseOf(other.forward(tokens, evaluation))));
  const constant = languageModel(
    { ...SIZES, attention: { variant: 'longformer', options: { attentionWindow: 6 } } },
    1,
  );
  scope(() => {
    const [a, b] = [one, constant].map((model) => denseOf(model.forward(tokens, evaluation)).data);
    assert.not.equal(a, b);
  });
});

test('a checkpoint keeps them; other options for a look leave each layer its own', () => {
  const model = { ...tinySettings().model, layers: 3, attention: growing };
  const run = startRun(tinySettings({ model, task: { name: 'byte-lm', length: 12 } }));
  const path = join(temporaryFolder(), 'checkpoint.safetensors');
  saveCheckpoint(path, run);
  const trained = loadModel(path);
  const windows = ({ model }: { model: (typeof trained)['learner']['model'] }) =>
    model.body.layers.map(({ attention }) => attention.mixing.options as never as Record<string, unknown>);
  assert.equal(
    windows(trained.learner).map(({ attentionWindow }) => attentionWindow),
    [2, 6, 12],
  );
  const { heads } = trained.learner.model.config;
  const dilation = Array.from({ length: heads }, () => 2);
  assert.equal(
    windows(reattended(trained, { longformer: { dilation } })).map((own) => [own.attentionWindow, own.dilation]),
    [2, 6, 12].map((window) => [window, dilation]),
  );
});

test('what does not fit is refused by name', () => {
  const refused = (name: string, attention: LanguageModelSettings['attention'] & object) =>
    expectThrows(ArgumentError, name, () => languageModel({ ...SIZES, attention }, 1));
  refused('attention.perLayer.attentionWindow', { variant: 'longformer', perLayer: { attentionWindow: [2, 6] } });
  refused('attention.perLayer.attentionWindow', { ...growing, options: { attentionWindow: 4 } });
  refused('attention.shared', { ...growing, shared: true });
  refused('attentionWindow', { variant: 'longformer', perLayer: { attentionWindow: [2, 6, 0] } });
  refused('windows', { variant: 'longformer', perLayer: { windows: [2, 6, 8] } });
  refused('perLayer', { variant: 'longformer', perLayer: [] as never });
  refused('perLayer.attentionWindow', { variant: 'longformer', perLayer: { attentionWindow: 3 as never } });
  assert.is(attentionsOf({ attention: { variant: 'full' }, layers: 5 }).length, 1);
});

test.run();
