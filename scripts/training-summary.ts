/** The results of all recipes, as numbers and as tables. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeGoal, formatBits } from '../src/commands/training-report.ts';
import { formatError, formatMilliseconds, formatPercent } from '../src/terminal/format.ts';
import { smoothedLosses } from '../src/training/metrics.ts';
import { EVALUATED, type HashRow, hashRow } from '../src/training/recipes/hash-table.ts';
import { isReached, type Recipe } from '../src/training/recipes/recipe.ts';
import { recipes } from '../src/training/recipes/registry.ts';
import { type Baseline, taskBaseline } from '../src/training/tasks/baseline.ts';
import { openTask } from '../src/training/tasks/registry.ts';
import { fileOf, finished, hasCheckpoint, type Job, nameOf } from './training-campaign.ts';

/** A run from one seed. */
export interface SummaryRow {
  recipe: string;
  name: string;
  seed: number;
  command: string;
  /** On held-out examples at the end; nats for each target that counts. */
  loss: number | null;
  accuracy: number | null;
  /** Of the most frequent answer, and of the frequencies of all: one for all runs of a recipe. */
  baseline: { accuracy: number; loss: number };
  /** Mean training losses of five equal parts of the run. */
  smoothedLosses: number[];
  reached: boolean | null;
  /** Of the whole process, on one thread. */
  seconds: number;
  /** What it ran on. */
  cpu: string;
}

export interface Summary {
  /** Where runs ran: each machine, Node and kernels once. */
  environments: string[];
  rows: SummaryRow[];
  /** Of models by the name of their run, since the checkpoint was last there. */
  hashes: { run: string; row: HashRow }[];
}

const root = fileURLToPath(new URL('../', import.meta.url));

/** `known`: what an earlier summary says of models whose checkpoint is gone. */
export function summaryOf(jobs: readonly Job[], known: Summary['hashes'] = []): Summary {
  const all = jobs.flatMap((job) => {
    const found = finished(job);
    return found === null ? [] : [{ job, found }];
  });
  const baselines = baselinesOf(all.map(({ job }) => job.recipe));
  const rows = all.map(({ job: { recipe, name, seed }, found }): SummaryRow => {
    const baseline = baselines.get(recipe) as Baseline;
    const { result, lines, command, seconds, environment } = found;
    const { loss, accuracy } = result;
    // By the goal of today, which may be another than when it was trained.
    const ended = loss === null || accuracy === null ? null : { loss, accuracy, lines };
    const reached = ended === null ? result.reached : isReached(recipe.goal, name, ended, baseline);
    const smoothed = smoothedLosses(lines).map((each) => Number(each.toPrecision(4)));
    return {
      recipe: recipe.name,
      name,
      seed,
      command,
      loss,
      accuracy,
      baseline,
      smoothedLosses: smoothed,
      reached,
      seconds,
      cpu: environment.cpu,
    };
  });
  const hashes = all.flatMap(({ job }) => {
    const run = nameOf(job);
    if (!isHashed(job)) return [];
    if (hasCheckpoint(job)) return [{ run, row: hashRow(join(root, fileOf(job, 'checkpoint.safetensors'))) }];
    return known.filter((each) => each.run === run);
  });
  const places = all.map(({ found: { environment } }) => {
    return `${environment.cpu}, Node ${environment.node}, ${environment.kernels} kernels`;
  });
  return { environments: [...new Set(places)], rows, hashes };
}

/** What is to be beaten in each recipe, as a run of it says: not as an earlier run recorded it. */
function baselinesOf(used: readonly Recipe[]): Map<Recipe, Baseline> {
  return new Map(
    [...new Set(used)].map((recipe) => {
      const { name, ...own } = recipe.settings.task;
      return [recipe, taskBaseline(openTask(name, own))];
    }),
  );
}

function isHashed({ recipe, settings }: Job): boolean {
  const { attention } = settings.model;
  const isReformer = attention !== undefined && [attention].flat()[0].variant === 'reformer';
  return isReformer && (recipe.name === 'hashes' || recipe.name === 'duplication');
}

/** The tables, with a title each. */
export function markdownOf(summary: Summary): string {
  const hashes = hashRows(summary);
  return `# Recipes, trained

Written by \`npm run recipes\`, from \`summary.json\` next to this file. Each folder holds the metrics, the results and the output
of one run from one seed, and in \`run.json\` the command that it came from.

${recipesTable(summary)}

${markdown(hashes.titles, hashes.lines)}

${ABOUT_HASHES}
`;
}

/** A row for each run of each recipe: what its seeds came to. */
export function recipesTable({ rows, environments }: Summary): string {
  const lines = recipes.flatMap((recipe) => {
    return Object.keys(recipe.runs).flatMap((name) => {
      const own = rows.filter((row) => row.recipe === recipe.name && row.name === name);
      return own.length === 0 ? [] : [cellsOf(recipe, name, own)];
    });
  });
  const minutes = rows.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const titles = ['recipe', 'attention', 'goal', 'seeds', 'came to', 'to beat', 'reached', 'time each'];
  const where = environments.length === 0 ? '' : ` on ${environments.join('; and ')}`;
  return `${markdown(titles, lines)}

By \`npm run recipes\`: ${rows.length} runs on one thread each${where}, ${minutes.toFixed(0)} minutes of one core together.`;
}

function cellsOf(recipe: Recipe, name: string, own: readonly SummaryRow[]): string[] {
  const { goal } = recipe;
  const of = (row: { loss: number | null; accuracy: number | null }) => {
    if ('bitsBelowUnigram' in goal) return `${formatBits(row.loss ?? Number.NaN)} bits`;
    if ('loss' in goal) return `${formatError(row.loss ?? Number.NaN)} nats`;
    return formatPercent(row.accuracy ?? Number.NaN);
  };
  const judged = own.filter(({ reached }) => reached !== null);
  const reached = judged.filter((row) => row.reached === true).length;
  const seconds = own.reduce((sum, row) => sum + row.seconds, 0) / own.length;
  return [
    recipe.name,
    name,
    judged.length === 0 ? '' : describeGoal(goal, name),
    own.map(({ seed }) => seed).join(', '),
    own.map(of).join(', '),
    of(own[0].baseline),
    judged.length === 0 ? '' : `${reached} of ${judged.length}`,
    formatMilliseconds(1000 * seconds),
  ];
}

/** Rows: how a model was trained. Columns: how it was evaluated. */
export function hashRows({ hashes }: Pick<Summary, 'hashes'>): { titles: string[]; lines: string[][] } {
  const lines = hashes.map(({ run, row }) => [
    run,
    ...row.targets.map((share, n) => `${formatPercent(share)} (${formatPercent(row.sequences[n])})`),
  ]);
  const titles = [
    'trained',
    ...EVALUATED.map((each) => (each === 'all' ? 'without hashing' : each === 1 ? '1 hash' : `${each} hashes`)),
  ];
  return { titles, lines };
}

/** What stands below these rows. */
export const ABOUT_HASHES = `Table 2 of Kitaev et al. 2020: tokens that are right with so many hashes at evaluation, and in brackets sequences that are
right in all 63 of them.`;

export function markdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
