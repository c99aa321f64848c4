/**
 * `npm run recipes`: every recipe with all of its runs, from three seeds, in processes side by side. Finished runs
 * are not repeated unless their recipe has changed, so the command may be stopped and started at any time. Writes metrics,
 * results and output of each run to bench/results/training/, and a summary of all, from which `npm run readme` makes a table.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readTraining } from '../bench/report/results.ts';
import { tryToWrite, writeFileAtomically } from '../src/core/files/atomic.ts';
import { FolderLock } from '../src/core/files/lock.ts';
import { choices, flag, integer, integers } from '../src/terminal/options.ts';
import type { Stop } from '../src/terminal/stop.ts';
import type { Recipe } from '../src/training/recipes/recipe.ts';
import { recipes } from '../src/training/recipes/registry.ts';
import { runProgram } from './program.ts';
import { FOLDER, finished, type Job, jobsOf, nameOf, runJob } from './training-campaign.ts';
import { markdownOf, type Summary, summaryOf } from './training-summary.ts';

/** Its table takes one model of each kind; that of the most interest has its three seeds in `duplication`. */
const ONE_SEED = new Set(['hashes']);

/** Of the published runs. */
const SEEDS = [1, 2, 3];

/** Of what is there of all runs. */
const SUMMARIES = ['summary.json', 'README.md'] as const;

const command = {
  usage: 'npm run recipes --',
  summary: 'Train every recipe from three seeds, in processes side by side, and summarise the results.',
  details:
    `Runs and summaries go to ${FOLDER}/, which has the published results. A finished run is trained again only with --fresh ` +
    'or if its recipe has changed, and is replaced only when the new one is whole. All runs take hours.',
  options: {
    only: choices(
      'RECIPE',
      recipes.map(({ name }) => name),
      'Train only these recipes',
      { default: recipes.map(({ name }) => name), defaultText: 'all' },
    ),
    seeds: integers('N', 'Seeds of the runs', { default: SEEDS, minimum: 0 }),
    jobs: integer('N', 'Number of processes side by side, each on one thread', {
      default: availableParallelism(),
      defaultText: 'one for each core',
      minimum: 1,
    }),
    fresh: flag('Train finished runs again too'),
    summary: flag('Train nothing; summarise the existing results'),
  },
  examples: [
    { command: 'npm run recipes -- --only copy --seeds 4', explanation: 'Train one recipe from another seed' },
  ],
};

await runProgram(command, async ({ only, seeds, jobs, fresh, summary }, stop) => {
  const own = (recipe: Recipe, from: readonly number[]) => (ONE_SEED.has(recipe.name) ? from.slice(0, 1) : from);
  const all = recipes.flatMap((recipe) => jobsOf(recipe, own(recipe, seeds)));
  // Runs from other seeds are added to the published ones.
  const known = recipes.flatMap((recipe) => {
    return jobsOf(recipe, [...new Set([...own(recipe, SEEDS), ...own(recipe, seeds)])]);
  });
  const lock = FolderLock.take(pathOf(''), 'npm run recipes', (line) => process.stderr.write(`${line}\n`));
  try {
    for (const name of SUMMARIES) tryToWrite(pathOf(name));
    const chosen = all.filter((job) => !summary && only.includes(job.recipe.name) && (fresh || finished(job) === null));
    const failures = await runAll(chosen, jobs, stop);
    writeSummary(known);
    for (const failure of failures) process.stderr.write(`${failure}\n`);
    if (stop.asked()) return stop.exitCode();
    return failures.length > 0 ? 1 : 0;
  } finally {
    lock.release();
  }
});

/** Returns what failed, and why. */
async function runAll(chosen: readonly Job[], sideBySide: number, stop: Stop): Promise<string[]> {
  const queue = [...chosen];
  const failures: string[] = [];
  const begun = performance.now();
  let done = 0;
  // Each run is told to stop too, and leaves the checkpoint that the next start resumes from.
  stop.listen((signal) => process.stderr.write(`${signal}: stopping the runs; once more ends at once\n`));
  process.stdout.write(`${chosen.length} runs, ${sideBySide} at a time\n`);
  const work = async () => {
    for (let job = queue.shift(); job !== undefined && !stop.asked(); job = queue.shift()) {
      const line = await attempt(job, failures, stop);
      const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
      const count = `${String(++done).padStart(3)}/${chosen.length}`;
      process.stdout.write(`${count}  ${minutes} min  ${nameOf(job)}  ${line}\n`);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  return failures;
}

async function attempt(job: Job, failures: string[], stop: Stop): Promise<string> {
  try {
    const done = await runJob(job, stop);
    if (done === null) return 'stopped; the next start resumes from there';
    const { result, seconds } = done;
    const verdict = result.reached === null ? '' : result.reached ? 'reached' : 'NOT REACHED';
    return `${seconds} s  loss ${result.loss?.toFixed(4)}  accuracy ${result.accuracy?.toFixed(4)}  ${verdict}`;
  } catch (error) {
    failures.push(String(error));
    return 'failed';
  }
}

function writeSummary(all: readonly Job[]): void {
  const summary: Summary = summaryOf(all, readTraining()?.hashes);
  const text = markdownOf(summary);
  process.stdout.write(`\n${text}`);
  const contents = [`${JSON.stringify(summary, null, 1)}\n`, text];
  for (const [n, name] of SUMMARIES.entries()) writeFileAtomically(pathOf(name), contents[n]);
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../${FOLDER}/${name}`, import.meta.url));
}
