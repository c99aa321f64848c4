/** What `train` may be told, and the runs that come of it. */

import { resolve } from 'node:path';
import { parseLayerOptionTexts, parseOptionTexts } from '../compare/option-text.ts';
import { chosenVariants } from '../compare/plan.ts';
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
import { unknownName } from '../terminal/suggest.ts';
import { transformerDefaults } from '../training/config.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import type { Schedule } from '../training/optimizers/schedules.ts';
import { POSITIONS } from '../training/positions.ts';
import { type NamedRun, type Recipe, runsOf } from '../training/recipes/recipe.ts';
import { defaultRecipe, recipes } from '../training/recipes/registry.ts';
import { type RunSettings, runDefaults } from '../training/run.ts';
import { tasks } from '../training/tasks/registry.ts';
import { taskNamed } from '../training/tasks/task.ts';
import { REFERENCE_VARIANT } from '../variants/reference.ts';
import { allVariants } from '../variants/registry.ts';
import { runOptions } from './shared-options.ts';

const DECAYS = ['cosine', 'linear', 'inverse-square-root', 'constant'] as const;
const OPTIMIZERS = ['adamw', 'adafactor', 'sgd'] as const;
const RATES = { adamw: 1e-3, adafactor: 1e-2, sgd: 1e-1 } as const;
const WARMUP_SHARE = 0.1;
const LONGEST_WARMUP = 100;
/** Of a run that ends by the clock. */
const ENDLESS = 1_000_000;

/** Without defaults, so that it is known which of them were given; the defaults are those of runs and of models. */
export function trainOptions() {
  const variants = allVariants().map(({ name }) => name);
  const runNames = [...new Set([...variants, ...recipes.flatMap(({ runs }) => Object.keys(runs))])];
  const { layers, modelDim, heads, positions } = transformerDefaults;
  const { steps, batch, parts, clip, model, evaluateEvery, evaluationExamples, checkpointEvery } = runDefaults;
  const count = (placeholder: string, what: string, fallback: number | string) =>
    integer(placeholder, what, { minimum: 1, defaultText: String(fallback) });
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

    length: count('N', 'Tokens of the longest sequence', 'that of the task'),
    symbols: integer('N', 'Different symbols, of tasks that have them', {
      minimum: 2,
      defaultText: 'those of the task',
    }),
    text: text('FILE', 'The text, in UTF-8, of tasks that read one', { defaultText: 'the declarations of TypeScript' }),

    layers: count('N', 'Layers', layers),
    modelDim: count('N', 'Width of the model', modelDim),
    heads: count('N', 'Heads', heads),
    positions: choice('KIND', POSITIONS, 'How tokens know their place', { defaultText: positions }),
    dropout: number('P', 'Dropout', { minimum: 0, maximum: 0.99, defaultText: String(model.dropout) }),
    reversible: flag('Keep no activations: layers are undone in the backward pass'),

    steps: count('N', 'Steps', `${steps}, or no end with --minutes`),
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
    out: text('FOLDER', 'Where checkpoint, metrics and curves go', { defaultText: 'out/TASK-VARIANT' }),
    overwrite: flag('Also where a checkpoint is already'),
    ...runOptions(),
  };
}

export type TrainValues = OptionValues<ReturnType<typeof trainOptions>>;
export type TrainOption = keyof TrainValues;

/** One run, or one for each variant of a sweep, and where they go. */
export interface Plan {
  runs: NamedRun[];
  recipe: Recipe | undefined;
  folder: string;
}

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
];
const BESIDE_RESUME: readonly TrainOption[] = ['resume', 'minutes', 'threads', 'kernels'];

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

/** Without a task and a recipe, the default recipe. */
export function planOf(word: string | undefined, values: TrainValues): Plan {
  const { sweep, seed, out } = values;
  const recipe = word === undefined ? recipeNamed(values.recipe) : undefined;
  if (recipe !== undefined) {
    const all = runsOf(recipe).map(({ name, settings }) => ({ name, settings: { ...settings, seed } }));
    return { runs: chosenRuns(all, sweep), recipe, folder: out ?? `out/${recipe.name}` };
  }
  const task = taskNamed(word ?? '', tasks).name;
  const names = sweep ?? [values.attention ?? REFERENCE_VARIANT];
  const written = parseOptionTexts(chosenVariants(names, '--sweep'), values.option, '--option');
  const perLayer = parseLayerOptionTexts([...written.keys()], values.layerOption, '--layer-option');
  const runs = [...written].map(([variant, options]) => {
    const { name } = variant;
    const own = perLayer.get(variant);
    return { name, settings: runFrom(task, { variant: name, options, ...(own && { perLayer: own }) }, values) };
  });
  return { runs, recipe: undefined, folder: out ?? `out/${task}-${names.length === 1 ? names[0] : 'sweep'}` };
}

function recipeNamed(name: string | undefined): Recipe | undefined {
  return name === undefined ? defaultRecipe : recipes.find((each) => each.name === name);
}

function chosenRuns(runs: readonly NamedRun[], names: readonly string[] | undefined): NamedRun[] {
  if (names === undefined) return [...runs];
  return names.map((name) => {
    const found = runs.find((run) => run.name === name);
    if (found !== undefined) return found;
    const known = runs.map((run) => run.name);
    throw new ArgumentError(`--sweep: ${unknownName('run of this recipe', name, known)}`);
  });
}

/** Of the first layer; runs of the command line have one variant for all. */
export function variantName({ model: { attention } }: RunSettings): string {
  return [attention ?? transformerDefaults.attention].flat()[0].variant;
}

function runFrom(task: string, attention: AttentionSettings, values: TrainValues): RunSettings {
  const { length, symbols } = values;
  // A run may be resumed from elsewhere.
  const text = values.text === undefined ? undefined : resolve(values.text);
  const { layers, modelDim, heads, positions, dropout, reversible } = values;
  const { parts, clip, seed, evaluateEvery, evaluationExamples, checkpointEvery } = values;
  // A batch that was not asked for fits the parts that were.
  const batch = values.batch ?? Math.ceil(runDefaults.batch / (parts ?? 1)) * (parts ?? 1);
  const steps = values.steps ?? (values.minutes === undefined ? runDefaults.steps : ENDLESS);
  const kind = values.optimizer ?? 'adamw';
  const residual = reversible ? ('reversible' as const) : undefined;
  const model = { ...runDefaults.model, ...said({ layers, modelDim, heads, positions, dropout, residual }), attention };
  return {
    ...runDefaults,
    ...said({ batch, parts, clip, seed, evaluateEvery, evaluationExamples, checkpointEvery }),
    task: { name: task, ...said({ length, symbols, text }) },
    model,
    optimizer: { kind },
    schedule: scheduleOf(steps, values.rate ?? RATES[kind], values),
    steps,
  };
}

function scheduleOf(steps: number, peak: number, { warmup, decay, minutes, modelDim }: TrainValues): Schedule {
  const rise = warmup ?? Math.min(LONGEST_WARMUP, Math.ceil(WARMUP_SHARE * steps));
  const kind = decay ?? (minutes === undefined ? 'cosine' : 'constant');
  if (kind === 'inverse-square-root') {
    // Vaswani's formula with its highest rate as asked for.
    const width = modelDim ?? transformerDefaults.modelDim;
    return { kind, modelDim: width, warmup: Math.max(1, rise), scale: peak * Math.sqrt(width * Math.max(1, rise)) };
  }
  const fall = { peak, warmup: Math.min(rise, steps), total: steps };
  // A line that ends where it began, after the warm-up.
  return kind === 'constant' ? { kind: 'linear', ...fall, final: peak } : { kind, ...fall };
}

/** Only what was given. */
function said<T extends Record<string, unknown>>(values: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof T]?: NonNullable<T[Name]> };
}
