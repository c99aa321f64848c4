/** Folders and files that become models: our checkpoints, exported folders, and models of Hugging Face's transformers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { release } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromNumbers } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { loadTokenizer } from '../../src/pretrained/tokenizer.ts';
import { loadModel, resumeRun, saveCheckpoint, type TrainedModel } from '../../src/training/checkpoint.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { importRun } from '../../src/training/export/import.ts';
import { generate } from '../../src/training/generate.ts';
import { LanguageModel } from '../../src/training/language-model.ts';
import { endLearner, endRun, type RunSettings, runDefaults, startRun } from '../../src/training/run.ts';
import { openTask } from '../../src/training/tasks/registry.ts';
import { damaged, oneIn, pick } from './bytes.ts';
import { faultyCheckpoint, faultySafetensors } from './formats.ts';
import { faultyText } from './json.ts';
import { written } from './readers.ts';
import type { Target } from './target.ts';
import { TOKENIZERS } from './tokenizers.ts';

/** A model of each kind of task, variants that hold something of their own, and each optimiser. */
const SETTINGS: readonly Partial<RunSettings>[] = [
  {},
  {
    model: { attention: { variant: 'performer', options: { numRandomFeatures: 8 } } },
    optimizer: { kind: 'adafactor' },
  },
  {
    task: { name: 'listops', length: 24 },
    model: { layers: 2, attention: { variant: 'linformer', options: { sharing: 'layerwise' } } },
    optimizer: { kind: 'sgd', momentum: 0.9 },
  },
  {
    task: { name: 'retrieval', length: 64 },
    model: { attention: [{ variant: 'bigbird' }, { variant: 'full' }], layers: 2 },
  },
  {
    model: {
      positions: 'rotary',
      attention: { variant: 'reformer', options: { chunkLength: 4 } },
      residual: 'reversible',
    },
  },
];

export function tinySettings(settings: Partial<RunSettings>): RunSettings {
  const { model, ...others } = settings;
  return {
    ...runDefaults,
    task: { name: 'copy', length: 16 },
    steps: 2,
    batch: 2,
    schedule: { kind: 'cosine', peak: 1e-2, warmup: 1, total: 2 },
    evaluationExamples: 2,
    ...others,
    model: { layers: 1, modelDim: 8, heads: 2, ...model },
  };
}

export function checkpointSamples(folder: string): Buffer[] {
  return SETTINGS.map((settings) => {
    const run = startRun(tinySettings(settings));
    try {
      return written(folder, (path) => saveCheckpoint(path, run));
    } finally {
      endRun(run);
    }
  });
}

/** Beyond this, what a model may be asked for takes long, as it has to. */
const LONGEST = 512;

/** What a model is for, on as little as there is. */
function use({ learner, settings }: TrainedModel): void {
  const { model } = learner;
  const { length, vocabulary } = model.config;
  if (length > LONGEST) return;
  if (model instanceof LanguageModel && model.config.causal) {
    generate(model, [[0]], Math.min(2, length), new Random(0), { temperature: 1, topK: 0 });
    generate(model, [[vocabulary - 1]], 1, new Random(0), { temperature: 0, topK: 0 });
  }
  const { name, ...own } = settings.task;
  const task = openTask(name, own);
  if (task.length <= LONGEST) evaluate(learner, task, { examples: 1, batch: 1, seed: 0 });
}

export const checkpoints: Target = {
  name: 'checkpoint',
  summary: 'our checkpoints: the model alone, used, and the run',
  share: 14,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare(folder) {
    const samples = checkpointSamples(folder);
    return {
      draw(random) {
        const bytes = faultyCheckpoint(pick(samples, random), random, pick(samples, random));
        return { files: new Map([['a.safetensors', bytes]]), words: [] };
      },
      read(at) {
        const path = join(at, 'a.safetensors');
        const trained = loadModel(path);
        try {
          use(trained);
        } finally {
          endLearner(trained.learner);
        }
        endRun(resumeRun(path));
      },
    };
  },
};

export const imports: Target = {
  name: 'import',
  summary: 'folders that export has written, imported again',
  share: 8,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare(folder) {
    const samples = [SETTINGS[0], SETTINGS[2], SETTINGS[3]].flatMap((settings, n) => {
      const run = startRun(tinySettings(settings));
      const { learner, settings: complete, step, task } = run;
      const at = join(folder, `exported-${n}`);
      exportModel({ learner, settings: complete, step, alphabet: task.alphabet }, at, { loader: n === 0 });
      endRun(run);
      return [{ config: readFileSync(join(at, 'config.json')), weights: readFileSync(join(at, 'model.safetensors')) }];
    });
    return {
      draw(random) {
        const { config, weights } = pick(samples, random);
        const inConfig = !oneIn(3, random);
        const files = new Map([
          ['config.json', inConfig ? faultyText(JSON.parse(config.toString()), random) : config],
          ['model.safetensors', inConfig ? weights : faultySafetensors(weights, random, pick(samples, random).weights)],
        ]);
        if (oneIn(40, random)) files.delete(pick([...files.keys()], random));
        return { files, words: [] };
      },
      read: (at) => endRun(importRun(at)),
    };
  },
};

const FIXTURES = fileURLToPath(new URL('../../fixtures/pretrained/', import.meta.url));

export const pretrained: Target = {
  name: 'pretrained',
  summary: 'config.json and weights of transformers, whole or in parts, and a pass',
  share: 10,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare() {
    const samples = readdirSync(FIXTURES).map((name) => {
      const names = readdirSync(join(FIXTURES, name)).filter((file) => file !== 'expected.safetensors');
      return new Map(names.map((file): [string, Buffer] => [file, readFileSync(join(FIXTURES, name, file))]));
    });
    return {
      draw(random) {
        const files = new Map(pick(samples, random));
        const name = oneIn(3, random) ? pick([...files.keys()], random) : 'config.json';
        const bytes = files.get(name) as Buffer;
        if (oneIn(60, random)) files.delete(name);
        else if (name.endsWith('.json')) files.set(name, faultyText(JSON.parse(bytes.toString()), random));
        else files.set(name, faultySafetensors(bytes, random, bytes));
        return { files, words: [] };
      },
      read(at) {
        const model = loadPretrained(at);
        try {
          scope(() => void model.forward({ tokens: fromNumbers('tokens', [0, 1, 2, 1], [1, 4], 'int32') }));
        } finally {
          for (const { array } of model.tensors().values()) release(array.data);
        }
      },
    };
  },
};

export const tokenizers: Target = {
  name: 'tokenizer',
  summary: 'tokenizer.json and tokenizer_config.json, and texts',
  share: 4,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare() {
    const texts = ['one twos', 'Zwölf 注意力 🙂', '', ' \n', 'x'.repeat(300), 'a\u0000b', '\ufffd'];
    return {
      draw(random) {
        const { json, config } = pick(TOKENIZERS, random);
        const inConfig = oneIn(5, random);
        const files = new Map<string, Uint8Array>([
          ['tokenizer.json', inConfig ? Buffer.from(JSON.stringify(json)) : faultyText(json, random)],
          ['tokenizer_config.json', inConfig ? faultyText(config, random) : Buffer.from(JSON.stringify(config))],
        ]);
        return {
          files,
          words: [
            oneIn(4, random) ? damaged(Buffer.from(pick(texts, random)), random).toString() : pick(texts, random),
          ],
        };
      },
      async read(at, [words]) {
        const tokenizer = await loadTokenizer(at);
        scope(() => {
          const { tokens } = tokenizer.encode([words, ['one', words]]);
          tokenizer.decode(tokens.toArray());
          tokenizer.encode([words], { maxLength: 4 });
        });
      },
    };
  },
};

if (!existsSync(FIXTURES)) throw new Error(`${FIXTURES}: expected the models of fixtures/README.md`);
