/**
 * `npm run recipes`: every recipe with all of its runs, from three seeds, in processes side by side. What is finished is
 * not done again, so it may be stopped and started as one likes; a recipe that was changed is. Leaves metrics, results and
 * output of each run under bench/results/training/, and a summary of all, which `npm run readme` takes its table from.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { recipes } from '../src/training/recipes/registry.ts';
import { FOLDER, finished, type Job, jobsOf, nameOf, runJob } from './training-campaign.ts';
import { markdownOf, type Summary, summaryOf } from './training-summary.ts';

const USAGE = `npm run recipes -- [--only RECIPE,…] [--seeds 1,2,3] [--jobs N] [--fresh] [--summary]
  --only     these recipes (default: all)
  --seeds    1,2,3
  --jobs     processes side by side, each on one thread (default: one for each core)
  --fresh    also what is finished
  --summary  train nothing, sum up what is there`;
/** Its table takes one model of each kind; that of the most interest has its three seeds in \`duplication\`. */
const ONE_SEED = new Set(['hashes']);

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: recipes.map(({ name }) => name).join(',') },
    seeds: { type: 'string', default: '1,2,3' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    fresh: { type: 'boolean', default: false },
    summary: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}
const seeds = values.seeds.split(',').map(Number);
const chosen = values.only.split(',').map((name) => {
  const found = recipes.find((recipe) => recipe.name === name);
  if (found === undefined) throw new Error(`--only: unknown recipe '${name}'\n${USAGE}`);
  return found;
});

const all = recipes.flatMap((recipe) => jobsOf(recipe, ONE_SEED.has(recipe.name) ? seeds.slice(0, 1) : seeds));
const queue = all.filter((job) => {
  return chosen.includes(job.recipe) && !values.summary && (values.fresh || finished(job) === null);
});
const begun = performance.now();
const total = queue.length;
const failures: string[] = [];
let done = 0;
process.stdout.write(`${total} runs, ${values.jobs} at a time\n`);
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
await writeSummary();
for (const failure of failures) process.stderr.write(`${failure}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;

async function work(): Promise<void> {
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const line = await attempt(job);
    const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
    process.stdout.write(`${String(++done).padStart(3)}/${total}  ${minutes} min  ${nameOf(job)}  ${line}\n`);
  }
}

async function attempt(job: Job): Promise<string> {
  try {
    const { result, seconds } = await runJob(job);
    const verdict = result.reached === null ? '' : result.reached ? 'reached' : 'NOT REACHED';
    return `${seconds} s  loss ${result.loss?.toFixed(4)}  accuracy ${result.accuracy?.toFixed(4)}  ${verdict}`;
  } catch (error) {
    failures.push(String(error));
    return 'failed';
  }
}

async function writeSummary(): Promise<void> {
  const summary: Summary = summaryOf(all);
  const path = (name: string) => fileURLToPath(new URL(`../${FOLDER}/${name}`, import.meta.url));
  writeFileAtomically(path('summary.json'), `${JSON.stringify(summary, null, 1)}\n`);
  const text = markdownOf(summary);
  writeFileAtomically(path('README.md'), text);
  process.stdout.write(`\n${text}`);
}
