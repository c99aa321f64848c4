/** The options of `train`, and which of them go together. */

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
import { FEED_FORWARD_KINDS } from '../training/feed-forward/registry.ts';
import { POSITIONS } from '../training/positions.ts';
import { PROJECTIONS } from '../training/projections.ts';
import { recipes } from '../training/recipes/registry.ts';
import { runDefaults } from '../training/run.ts';
import { groupNames } from '../training/tasks/groups.ts';
import { tasks } from '../training/tasks/registry.ts';
import type { TaskDefinition, TaskSettings } from '../training/tasks/task.ts';
import { REFERENCE_VARIANT } from '../variants/reference.ts';
import { allVariants } from '../variants/registry.ts';
import { runOptions } from './shared-options.ts';

const DECAYS = ['cosine', 'linear', 'inverse-square-root', 'constant'] as const;
const OPTIMIZERS = ['adamw', 'adafactor', 'sgd'] as const;
/** Learning rates for small models, the size that is trained here. */
export const RATES = { adamw: 5e-3, adafactor: 1e-2, sgd: 1e-1 } as const;

/** `mqar 4, needle 1`: the default of a setting in each task that has it. */
function defaultsOf(setting: keyof TaskSettings): string {
  const having = tasks.filter(({ defaults }) => defaults[setting] !== undefined);
  return having.map(({ name, defaults }) => `${name} ${defaults[setting]}`).join(', ');
}

/** Without defaults, so that it is known which of them were given; the defaults are those of runs and of models. */
export function trainOptions() {
  const variants = allVariants().map(({ name }) => name);
  const runNames = [...new Set([...variants, ...recipes.flatMap(({ runs }) => Object.keys(runs))])];
  const { layers, modelDim, heads } = transformerDefaults;
  const { steps, batch, parts, clip, model, evaluateEvery, evaluationExamples, checkpointEvery } = runDefaults;
  const count = (placeholder: string, what: string, fallback: number | string) =>
    integer(placeholder, what, { minimum: 1, defaultText: String(fallback) });
  const lengths = tasks.map(({ name, brief, defaults }) => `${name} ${brief?.length ?? defaults.length}`).join(', ');
  return {
    attention: choice('VARIANT', variants, 'Use this attention in every layer', { defaultText: REFERENCE_VARIANT }),
    sweep: choices(
      'VARIANT',
      runNames,
      'Train several variants in turn, all else equal, and show a table; with --recipe, only these of its runs',
    ),
    option: texts('NAME=VALUE', 'Set an option of all variants that have it, or of one with VARIANT.NAME=VALUE'),
    layerOption: texts('NAME=A/B/…', 'Set an option for each layer, the lowest first'),
    recipe: choice(
      'NAME',
      recipes.map(({ name }) => name),
      'Train this recipe, which is known to work, instead of a task',
    ),
    resume: text(
      'FILE',
      'Resume this checkpoint (or its folder) instead of starting a task, to the same bits; --kernels overrides its kernels',
    ),

    length: count('N', 'Number of tokens in the longest sequence', lengths),
    symbols: integer('N', 'Number of different symbols, for tasks that have them', {
      minimum: 2,
      defaultText: 'set by the task',
    }),
    vocabulary: integer('N', 'Number of different tokens, half of them keys and half values', {
      minimum: 4,
      defaultText: defaultsOf('vocabulary'),
    }),
    pairs: count('N', 'Number of keys, each with its value', defaultsOf('pairs')),
    alpha: number('A', 'Power law of the gaps between a pair and its query; 1: all gaps alike', {
      minimum: Number.MIN_VALUE,
      defaultText: defaultsOf('alpha'),
    }),
    items: count('N', 'Number of symbols to remember', defaultsOf('items')),
    moreCodes: text(
      'NxS',
      'Further kinds of codes beside that of --items and --symbols, as 8x16,32x16: 8 symbols out of 16, and 32 out of 16; each kind is as likely',
      { defaultText: defaultsOf('moreCodes') },
    ),
    stacks: count('N', 'Number of stacks', defaultsOf('stacks')),
    group: choice('NAME', groupNames, 'Group whose elements are multiplied', { defaultText: defaultsOf('group') }),
    sentences: integer('N', 'Number of sentences, each with a token for its summary', {
      minimum: 2,
      defaultText: defaultsOf('sentences'),
    }),
    summaryWeight: number(
      'W',
      'Weight of the loss of hidden sentences, which are to be told apart by their summaries; 0: none, and no second pass',
      { minimum: 0, maximum: 1000, defaultText: defaultsOf('summaryWeight') },
    ),
    text: text(
      'FILE',
      'UTF-8 text, for tasks that read one; for text-classification a folder of train/CLASS/*.txt and test/CLASS/*.txt',
      { defaultText: 'the declarations of TypeScript, or made-up reviews' },
    ),

    layers: count('N', 'Number of layers', withBrief('layers', layers)),
    modelDim: count('N', 'Width of the model', withBrief('modelDim', modelDim)),
    heads: count('N', 'Number of heads', withBrief('heads', heads)),
    positions: choice('KIND', POSITIONS, 'How the model encodes positions', {
      defaultText: 'rotary, or learned where a variant compares no tokens',
    }),
    feedForward: choices(
      'KIND',
      FEED_FORWARD_KINDS.map(({ name }) => name),
      'Use this feed-forward layer; of several, layers take turns',
      { defaultText: 'dense' },
    ),
    feedForwardOption: texts(
      'N=V',
      'Set an option of the feed-forward layers by NAME=VALUE, or of one kind by KIND.NAME=VALUE',
    ),
    projections: choice('KIND', PROJECTIONS, 'Project queries, keys and values by these', { defaultText: 'dense' }),
    modules: integer('S', 'Number of modules of multiplicative projections', {
      minimum: 1,
      defaultText: 'that of heads',
    }),
    projectionKernel: integer('F', 'Tokens and modules that a filter of multiplicative projections sees, odd', {
      minimum: 1,
      defaultText: '3',
    }),
    dropout: number('P', 'Dropout probability', { minimum: 0, maximum: 0.99, defaultText: String(model.dropout) }),
    reversible: flag('Keep no activations; recompute them in the backward pass from each layer’s output'),

    steps: count(
      'N',
      'Number of steps; with --resume, of the whole run, to train it longer',
      `${steps}, or no limit with --minutes`,
    ),
    minutes: number('N', 'Stop after this many minutes; in a sweep, per variant', {
      minimum: 0,
      defaultText: 'no limit',
    }),
    batch: count('N', 'Examples per step', withBrief('batch', batch)),
    parts: count('N', 'Process a batch in parts, with the memory of one', parts),
    optimizer: choice('NAME', OPTIMIZERS, 'Optimizer', { defaultText: 'adamw' }),
    rate: number('R', 'Highest learning rate', {
      minimum: 0,
      defaultText: withBrief('rate', `${RATES.adamw} for adamw`),
    }),
    warmup: integer('N', 'Steps until the highest learning rate', {
      minimum: 0,
      defaultText: 'a tenth of the steps, at most 100',
    }),
    decay: choice('KIND', DECAYS, 'How the learning rate falls after the warm-up', {
      defaultText: 'cosine, or constant with --minutes',
    }),
    clip: number('R', 'Largest gradient norm; 0: no limit', { minimum: 0, defaultText: String(clip) }),

    evaluateEvery: count('N', 'Steps between evaluations on held-out examples', evaluateEvery),
    evaluationExamples: count('N', 'Number of held-out examples', evaluationExamples),
    checkpointEvery: count('N', 'Steps between checkpoints', checkpointEvery),
    out: text('FOLDER', 'Folder of the run, or the parent folder of several runs', {
      defaultText: 'out/TASK/VARIANT, or out/recipe-NAME/RUN',
    }),
    overwrite: flag('Replace a run that is already there'),
    tensorboard: flag('Also write events for TensorBoard into the folder of the run'),
    profile: flag('Show where the time of the steps went, op by op'),
    config: text(
      'FILE',
      'Read options and task from a JSON file, under their names here; options on the command line win',
    ),
    ...runOptions(),
  };
}

/** `2; retrieval 1`: a default, and that of the tasks that have another. */
function withBrief(name: keyof NonNullable<TaskDefinition['brief']>, usual: number | string): string {
  const others = tasks.flatMap(({ name: task, brief }) =>
    brief?.[name] === undefined ? [] : `${task} ${brief[name]}`,
  );
  return [String(usual), ...(others.length === 0 ? [] : [others.join(', ')])].join('; ');
}

export type TrainOptions = ReturnType<typeof trainOptions>;
export type TrainValues = OptionValues<TrainOptions>;
export type TrainOption = keyof TrainValues;

/** Options allowed with --recipe and --resume, which set all others. */
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
  'profile',
  'config',
];
const BESIDE_RESUME: readonly TrainOption[] = [
  'resume',
  'steps',
  'minutes',
  'threads',
  'kernels',
  'tensorboard',
  'profile',
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
    throw new ArgumentError(`task: expected one of ${names} with --${flagName(aboutTask)}, got nothing`);
  }
  for (const [source, allowed] of [
    ['recipe', BESIDE_RECIPE],
    ['resume', BESIDE_RESUME],
  ] as const) {
    const other = [...given].find((each) => !allowed.includes(each));
    if (given.has(source) && other !== undefined) {
      throw new ArgumentError(`--${flagName(other)}: is set by --${source}; give one of the two`);
    }
  }
  if (given.has('attention') && given.has('sweep')) {
    throw new ArgumentError('--attention: is set by --sweep; give one of the two');
  }
}
