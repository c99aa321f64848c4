/** What `train` may be told, and the runs that come of it. */

import { ArgumentError } from '../core/errors.ts';
import {
  choice,
  choices,
  flag,
  flagName,
  integer,
  number,
  type OptionValues,
  text,
  texts,
} from '../terminal/options.ts';
import { transformerDefaults } from '../training/config.ts';
import { POSITIONS } from '../training/positions.ts';
import { recipes } from '../training/recipes/registry.ts';
import { runDefaults } from '../training/run.ts';
import { tasks } from '../training/tasks/registry.ts';
import { REFERENCE_VARIANT } from '../variants/reference.ts';
import { allVariants } from '../variants/registry.ts';
import { runOptions } from './shared-options.ts';

const DECAYS = ['cosine', 'linear', 'inverse-square-root', 'constant'] as const;
const OPTIMIZERS = ['adamw', 'adafactor', 'sgd'] as const;
/** Of small models, which are what is trained here. */
export const RATES = { adamw: 5e-3, adafactor: 1e-2, sgd: 1e-1 } as const;

/** Without defaults, so that it is known which of them were given; the defaults are those of runs and of models. */
export function trainOptions() {
  const variants = allVariants().map(({ name }) => name);
  const runNames = [...new Set([...variants, ...recipes.flatMap(({ runs }) => Object.keys(runs))])];
  const { layers, modelDim, heads } = transformerDefaults;
  const { steps, batch, parts, clip, model, evaluateEvery, evaluationExamples, checkpointEvery } = runDefaults;
  const count = (placeholder: string, what: string, fallback: number | string) =>
    integer(placeholder, what, { minimum: 1, defaultText: String(fallback) });
  const brief = tasks.map((task) => `${task.name} ${task.briefLength ?? task.defaults.length}`).join(', ');
  return {
    attention: choice('VARIANT', variants, 'The attention of every layer', { defaultText: REFERENCE_VARIANT }),
    sweep: choices(
      'VARIANT',
      runNames,
      'Several in turn, all else the same, and a table; beside --recipe, these of its runs',
    ),
    option: texts('NAME=VALUE', 'An option of the variants that have it; VARIANT.NAME=VALUE for one of them'),
    layerOption: texts('NAME=A/B/…', 'An option of which each layer has its own, the lowest first'),
    recipe: choice(
      'NAME',
      recipes.map(({ name }) => name),
      'In place of a task, a training that is known to work',
    ),
    resume: text(
      'FILE',
      'In place of a task, a checkpoint (or its folder) to go on from, to the same bits; on the kernels that it was on, unless --kernels asks for others',
    ),

    length: count('N', 'Tokens of the longest sequence', brief),
    symbols: integer('N', 'Different symbols, of tasks that have them', {
      minimum: 2,
      defaultText: 'those of the task',
    }),
    text: text('FILE', 'The text, in UTF-8, of tasks that read one', { defaultText: 'the declarations of TypeScript' }),

    layers: count('N', 'Layers', layers),
    modelDim: count('N', 'Width of the model', modelDim),
    heads: count('N', 'Heads', heads),
    positions: choice('KIND', POSITIONS, 'How tokens know their place', {
      defaultText: 'rotary, or learned where a variant compares no tokens',
    }),
    dropout: number('P', 'Dropout', { minimum: 0, maximum: 0.99, defaultText: String(model.dropout) }),
    reversible: flag('Keep no activations: layers are undone in the backward pass'),

    steps: count(
      'N',
      'Steps; with --resume, of the whole run, to train it longer',
      `${steps}, or no end with --minutes`,
    ),
    minutes: number('N', 'Stop after as many minutes, each variant of a sweep', {
      minimum: 0,
      defaultText: 'no limit',
    }),
    batch: count('N', 'Examples of a step', batch),
    parts: count('N', 'Work a batch off in parts, in the memory of one', parts),
    optimizer: choice('NAME', OPTIMIZERS, 'How parameters are moved', { defaultText: 'adamw' }),
    rate: number('R', 'The highest learning rate', { minimum: 0, defaultText: `${RATES.adamw} for adamw` }),
    warmup: integer('N', 'Steps up to it', { minimum: 0, defaultText: 'a tenth of the steps, at most 100' }),
    decay: choice('KIND', DECAYS, 'How it falls after that', { defaultText: 'cosine, or constant with --minutes' }),
    clip: number('R', 'The largest norm of gradients; 0: any', { minimum: 0, defaultText: String(clip) }),

    evaluateEvery: count('N', 'Steps from one look at held-out examples to the next', evaluateEvery),
    evaluationExamples: count('N', 'How many of them', evaluationExamples),
    checkpointEvery: count('N', 'Steps from one checkpoint to the next', checkpointEvery),
    out: text('FOLDER', 'The folder of the run, or the one around those of several runs', {
      defaultText: 'out/TASK/VARIANT, or out/recipe-NAME/RUN',
    }),
    overwrite: flag('Replace the training that is there'),
    tensorboard: flag('Also write events for TensorBoard, into the folder of the run'),
    config: text('FILE', 'Take options from a JSON file, by the names they have here, and task; those given here win'),
    ...runOptions(),
  };
}

export type TrainOptions = ReturnType<typeof trainOptions>;
export type TrainValues = OptionValues<TrainOptions>;
export type TrainOption = keyof TrainValues;

/** What may be said beside --recipe and --resume, which say the rest. */
const BESIDE_RECIPE: readonly TrainOption[] = [
  'recipe',
  'sweep',
  'minutes',
  'out',
  'overwrite',
  'seed',
  'threads',
  'kernels',
  'tensorboard',
  'config',
];
const BESIDE_RESUME: readonly TrainOption[] = [
  'resume',
  'steps',
  'minutes',
  'threads',
  'kernels',
  'tensorboard',
  'config',
];

/** Throws ArgumentError for words and options that contradict each other. */
export function expectTogether(words: readonly string[], given: ReadonlySet<TrainOption>): void {
  const sources = [
    ...(words.length > 0 ? ['a task'] : []),
    ...(['recipe', 'resume'] as const).filter((each) => given.has(each)).map((each) => `--${each}`),
  ];
  if (sources.length > 1) throw new ArgumentError(`task: expected ${sources.join(' or ')}, got both`);
  const aboutTask = [...given].find((each) => !BESIDE_RECIPE.includes(each));
  if (sources.length === 0 && aboutTask !== undefined) {
    const names = tasks.map(({ name }) => name).join(', ');
    throw new ArgumentError(`task: expected one of ${names} beside --${flagName(aboutTask)}, got nothing`);
  }
  for (const [source, allowed] of [
    ['recipe', BESIDE_RECIPE],
    ['resume', BESIDE_RESUME],
  ] as const) {
    const other = [...given].find((each) => !allowed.includes(each));
    if (given.has(source) && other !== undefined) {
      throw new ArgumentError(`--${flagName(other)}: is what --${source} decides; give one of the two`);
    }
  }
  if (given.has('attention') && given.has('sweep')) {
    throw new ArgumentError('--attention: is what --sweep decides; give one of the two');
  }
}
