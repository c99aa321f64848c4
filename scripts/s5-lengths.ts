/**
 * `npm run s5-lengths`: how far models of the recipe `s5`, trained on 32 tokens, are right on longer texts. It trains what has no
 * checkpoint, a minute each, and writes bench/results/s5-lengths.json.
 */
import { fileURLToPath } from 'node:url';
import { describeEnvironment } from '../src/compare/environment.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { formatPercent } from '../src/terminal/format.ts';
import { integer, integers } from '../src/terminal/options.ts';
import { formatTable } from '../src/terminal/table.ts';
import { widthOf } from '../src/terminal/width.ts';
import { loadModel } from '../src/training/checkpoint.ts';
import { evaluate } from '../src/training/evaluate.ts';
import type { Learner } from '../src/training/learner.ts';
import { rebuilt } from '../src/training/reattend.ts';
import { s5Recipe } from '../src/training/recipes/s5.ts';
import { readAndEnd } from '../src/training/run.ts';
import { openTask } from '../src/training/tasks/registry.ts';
import { runProgram } from './program.ts';
import { FOLDER, fileOf, finished, hasCheckpoint, jobsOf, nameOf, runJob } from './training-campaign.ts';

/** From the root of the repository. */
const RESULTS = 'bench/results/s5-lengths.json';
const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** The share of right products over all tokens of the examples. */
interface LengthRow {
  run: string;
  seed: number;
  length: number;
  accuracy: number;
}

const command = {
  usage: 'npm run s5-lengths --',
  summary: 'Evaluate the models of the recipe s5 on longer texts than those of their training.',
  details: `Models go to ${FOLDER}/, and are not trained again while they are there; the numbers go to ${RESULTS}.`,
  options: {
    seeds: integers('N', 'Seeds of the models', { default: [1, 2, 3], minimum: 0 }),
    lengths: integers('N', 'Tokens of a text', { default: [32, 128, 512], minimum: 1, maximum: 4096 }),
    examples: integer('N', 'Number of held-out texts of each length', { default: 64, minimum: 1 }),
  },
};

/** How often the products of texts of this length are right. */
function accuracyAt(length: number, learner: Learner, examples: number): number {
  const task = openTask('state-tracking', { group: 's5-swaps', length });
  const read = (longer: Learner) => evaluate(longer, task, { examples, batch: 16, seed: 1 }).accuracy;
  return readAndEnd(rebuilt(learner, { length }, 0), read);
}

await runProgram(command, async ({ seeds, lengths, examples }, stop) => {
  const rows: LengthRow[] = [];
  for (const job of jobsOf(s5Recipe, seeds)) {
    if (finished(job) === null || !hasCheckpoint(job)) {
      process.stderr.write(`Training ${nameOf(job)}\n`);
      if ((await runJob(job, stop)) === null) return stop.exitCode();
    }
    const { learner } = loadModel(pathOf(fileOf(job, 'checkpoint.safetensors')));
    readAndEnd(learner, () => {
      for (const length of lengths) {
        rows.push({ run: job.name, seed: job.seed, length, accuracy: accuracyAt(length, learner, examples) });
      }
    });
  }
  const contents = { environment: describeEnvironment(), settings: { lengths, examples }, rows };
  writeFileAtomically(pathOf(RESULTS), `${JSON.stringify(contents, null, 1)}\n`);
  const titles = ['attention', 'seed', ...lengths.map((length) => `${length} tokens`)];
  const lines = jobsOf(s5Recipe, seeds).map(({ name, seed }) => {
    const own = rows.filter((row) => row.run === name && row.seed === seed);
    return [name, `${seed}`, ...own.map(({ accuracy }) => formatPercent(accuracy))];
  });
  const columns = titles.map((title, n) => ({ title, align: n === 0 ? ('left' as const) : ('right' as const) }));
  process.stdout.write(`${formatTable(columns, lines, { width: widthOf(process.stdout) })}\n`);
  return 0;
});
