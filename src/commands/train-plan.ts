/** From the options of `train` to the runs, each with all its settings and its folder. */
import { join, resolve } from 'node:path';
import { parseLayerOptionTexts, parseOptionTexts } from '../compare/option-text.ts';
import { chosenVariants } from '../compare/plan.ts';
import { ArgumentError } from '../core/errors.ts';
import { unknownName } from '../terminal/suggest.ts';
import { transformerDefaults } from '../training/config.ts';
import { type FeedForwardSettings, feedForwardKind } from '../training/feed-forward/registry.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import type { Schedule } from '../training/optimizers/schedules.ts';
import type { PositionKind } from '../training/positions.ts';
import { type NamedRun, type Recipe, runsOf } from '../training/recipes/recipe.ts';
import { defaultRecipe, recipes } from '../training/recipes/registry.ts';
import { type RunSettings, runDefaults } from '../training/run.ts';
import { tasks } from '../training/tasks/registry.ts';
import { type TaskDefinition, type TaskSettings, taskNamed, taskSettingChecks } from '../training/tasks/task.ts';
import { comparesTokens } from '../variants/inputs.ts';
import { REFERENCE_VARIANT } from '../variants/reference.ts';
import type { AnyVariant } from '../variants/registry.ts';
import type { ConfigValues } from './config-file.ts';
import { RATES, type TrainValues } from './train-options.ts';

const WARMUP_SHARE = 0.1;
const LONGEST_WARMUP = 100;
/** Steps of a run that ends by the clock. */
const ENDLESS = 1_000_000;
/** Where trainings go unless `--out` says otherwise. */
const FOLDER = 'out';

export interface PlannedRun extends NamedRun {
  /** Of this run alone. */
  folder: string;
  /** The options of `train` for this run alone, as its config.json has them. */
  options: ConfigValues;
}

/** One run, or one for each variant of a sweep, and where they go. */
export interface Plan {
  runs: PlannedRun[];
  recipe: Recipe | undefined;
  /** Around the folders of several runs; null for one run. */
  together: string | null;
}

/** Without a task and a recipe, the default recipe. */
export function planOf(word: string | undefined, values: TrainValues): Plan {
  const recipe = word === undefined ? recipeNamed(values.recipe) : undefined;
  const runs = recipe === undefined ? taskRuns(word ?? '', values) : recipeRuns(recipe, values);
  // A recipe often has the name of its task.
  const folder = values.out ?? join(FOLDER, recipe === undefined ? (word ?? '') : `recipe-${recipe.name}`);
  const isAlone = runs.length === 1 && values.out !== undefined;
  return {
    runs: runs.map((run) => ({ ...run, folder: isAlone ? folder : join(folder, run.name) })),
    recipe,
    together: runs.length === 1 ? null : folder,
  };
}

function recipeNamed(name: string | undefined): Recipe | undefined {
  return name === undefined ? defaultRecipe : recipes.find((each) => each.name === name);
}

function recipeRuns(recipe: Recipe, { sweep, seed, minutes }: TrainValues): Omit<PlannedRun, 'folder'>[] {
  return chosenRuns(runsOf(recipe), sweep).map(({ name, settings }) => ({
    name,
    settings: { ...settings, seed },
    options: { recipe: recipe.name, sweep: [name], seed, ...said({ minutes }) },
  }));
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

function taskRuns(word: string, values: TrainValues): Omit<PlannedRun, 'folder'>[] {
  const task = taskNamed(word, tasks);
  const names = values.sweep ?? [values.attention ?? REFERENCE_VARIANT];
  const own = parseOptionTexts(chosenVariants(names, '--sweep'), values.option, '--option');
  const perLayer = parseLayerOptionTexts([...own.keys()], values.layerOption, '--layer-option');
  const complete = completed(task, values, [...own.keys()]);
  const feedForward = feedForwardsOf(values);
  return [...own].map(([variant, options]) => {
    const { name } = variant;
    const layers = perLayer.get(variant);
    const { projections, modules, projectionKernel } = values;
    const sparse = said({ projections, modules, projectionKernel });
    const attention = { variant: name, options, ...(layers && { perLayer: layers }), ...sparse };
    return {
      name,
      settings: settingsOf(task.name, attention, feedForward, complete),
      options: { task: task.name, attention: name, ...written(options, layers ?? {}), ...said(complete) },
    };
  });
}

/** `full`, or `light-conv+full` for layers that differ. */
export function variantName({ model: { attention } }: RunSettings): string {
  const names = [attention ?? transformerDefaults.attention].flat().map(({ variant }) => variant);
  return [...new Set(names)].join('+');
}

/** The given options, and the defaults of the others: with these a run needs no default. */
function completed(task: TaskDefinition, values: TrainValues, variants: readonly AnyVariant[]) {
  const { minutes, heads, modelDim, parts = runDefaults.parts } = values;
  const { brief = {} } = task;
  const { layers, modelDim: width, heads: most, batch } = { ...transformerDefaults, ...runDefaults, ...brief };
  const steps = values.steps ?? (minutes === undefined ? runDefaults.steps : ENDLESS);
  const { optimizer = 'adamw' } = values;
  return {
    ...completedTask(task, values),
    layers: values.layers ?? layers,
    // If only the width or the number of heads is given, the other is chosen to fit it (config.ts).
    modelDim: modelDim ?? (heads === undefined ? width : undefined),
    heads: heads ?? (modelDim === undefined ? most : undefined),
    positions: values.positions ?? brief.positions ?? defaultPositions(variants, values),
    feedForward: values.feedForward,
    feedForwardOption: values.feedForwardOption.length === 0 ? undefined : values.feedForwardOption,
    projections: values.projections,
    modules: values.modules,
    projectionKernel: values.projectionKernel,
    dropout: values.dropout ?? runDefaults.model.dropout,
    reversible: values.reversible,
    steps,
    minutes,
    // A batch size that was not given is chosen to fit the given parts.
    batch: values.batch ?? Math.ceil(batch / parts) * parts,
    parts,
    optimizer,
    rate: values.rate ?? { ...RATES, adamw: brief.rate ?? RATES.adamw }[optimizer],
    warmup: values.warmup ?? Math.min(LONGEST_WARMUP, Math.ceil(WARMUP_SHARE * steps)),
    decay: values.decay ?? (minutes === undefined ? 'cosine' : 'constant'),
    clip: values.clip ?? runDefaults.clip,
    seed: values.seed,
    evaluateEvery: values.evaluateEvery ?? runDefaults.evaluateEvery,
    evaluationExamples: values.evaluationExamples ?? runDefaults.evaluationExamples,
    checkpointEvery: values.checkpointEvery ?? runDefaults.checkpointEvery,
  } as const;
}

/** The feed-forward layers that take turns, with their options; undefined: dense ones, as without the option. */
function feedForwardsOf({ feedForward, feedForwardOption }: TrainValues): FeedForwardSettings[] | undefined {
  const kinds = (feedForward ?? ['dense']).map(feedForwardKind);
  const options = parseOptionTexts(kinds, feedForwardOption, '--feed-forward-option', 'kind');
  if (feedForward === undefined) return undefined;
  return [...options].map(([{ name }, own]): FeedForwardSettings => ({ kind: name, ...own }));
}

/** The settings of the task: those given, and the defaults of the others that it has. */
function completedTask(task: TaskDefinition, values: TrainValues): TaskSettings {
  return {
    ...task.defaults,
    length: values.length ?? task.brief?.length ?? task.defaults.length,
    ...taskSettingsOf(values),
    // A run may be resumed from elsewhere.
    text: values.text === undefined ? undefined : resolve(values.text),
  };
}

/** What is said of the task among the options, which have the names of its settings. */
function taskSettingsOf(values: Partial<Record<keyof TaskSettings, unknown>>): TaskSettings {
  const names = Object.keys(taskSettingChecks) as (keyof TaskSettings)[];
  return said(Object.fromEntries(names.map((name) => [name, values[name]])));
}

type Completed = ReturnType<typeof completed>;

/**
 * With rotary positions a model learns in hundreds of steps to look back by a distance; learned ones take thousands. All
 * runs of a sweep have the same, so these are for variants that compare tokens, in heads of an even width.
 */
function defaultPositions(variants: readonly AnyVariant[], { modelDim, heads }: TrainValues): PositionKind {
  const isEven = modelDim === undefined || heads === undefined || modelDim % (2 * heads) === 0;
  return isEven && variants.every(comparesTokens) ? 'rotary' : 'learned';
}

function settingsOf(
  task: string,
  attention: AttentionSettings,
  feedForward: FeedForwardSettings[] | undefined,
  values: Completed,
): RunSettings {
  const { layers, modelDim, heads, positions, dropout, reversible, optimizer } = values;
  const { batch, parts, clip, seed, steps, evaluateEvery, evaluationExamples, checkpointEvery } = values;
  const residual = reversible ? ('reversible' as const) : undefined;
  return {
    task: { name: task, ...taskSettingsOf(values) },
    model: { ...said({ layers, modelDim, heads, positions, feedForward, dropout, residual }), attention },
    optimizer: { kind: optimizer },
    schedule: scheduleOf(values),
    ...{ steps, batch, parts, clip, seed, evaluateEvery, evaluationExamples, checkpointEvery },
  };
}

function scheduleOf({ steps, rate: peak, warmup, decay: kind, modelDim }: Completed): Schedule {
  if (kind === 'inverse-square-root') {
    // Vaswani's formula with its highest rate as asked for.
    const width = modelDim ?? transformerDefaults.modelDim;
    const rise = Math.max(1, warmup);
    return { kind, modelDim: width, warmup: rise, scale: peak * Math.sqrt(width * rise) };
  }
  const fall = { peak, warmup: Math.min(warmup, steps), total: steps };
  // After the warm-up, a line that ends where it began.
  return kind === 'constant' ? { kind: 'linear', ...fall, final: peak } : { kind, ...fall };
}

/** Without undefined values. */
function said<T extends Record<string, unknown>>(values: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof T]?: NonNullable<T[Name]> };
}

/** As `--option` and `--layer-option` are written. */
function written(options: Readonly<Record<string, unknown>>, perLayer: Readonly<Record<string, unknown[]>>) {
  const texts = (values: [name: string, text: string][]) =>
    values.length === 0 ? undefined : values.map(([name, text]) => `${name}=${text}`);
  return said({
    option: texts(Object.entries(options).map(([name, value]) => [name, String(value)])),
    layerOption: texts(Object.entries(perLayer).map(([name, values]) => [name, values.join('/')])),
  });
}
