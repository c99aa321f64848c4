/**
 * `npm run hash-table`: Table 2 of Kitaev et al. 2020, of the models of the recipe `hashes`, which it trains from seed 1
 * into out/hash-table unless they are there.
 */
import { fileURLToPath } from 'node:url';
import { flag } from '../src/terminal/options.ts';
import { formatTable } from '../src/terminal/table.ts';
import { proseWidth, widthOf, wrapLines } from '../src/terminal/width.ts';
import { hashRow } from '../src/training/recipes/hash-table.ts';
import { hashesRecipe } from '../src/training/recipes/hashes.ts';
import { runsOf } from '../src/training/recipes/recipe.ts';
import { runProgram } from './program.ts';
import { FOLDER, fileOf, finished, hasCheckpoint, jobsOf, nameOf, runJob } from './training-campaign.ts';
import { ABOUT_HASHES, hashRows } from './training-summary.ts';

/** From the root of the repository. */
const OWN = 'out/hash-table';

const command = {
  usage: 'npm run hash-table --',
  summary:
    `Train ${runsOf(hashesRecipe).length} models of the recipe ${hashesRecipe.name}, about two minutes in all on one core, and ` +
    'print how they do with more hashes than in training, and with fewer.',
  details: `Models go to ${OWN}/, and are not trained again while they are there. After a stop it resumes.`,
  options: { publish: flag(`Train into ${FOLDER}/, and replace the published runs that have no model`) },
};

await runProgram(command, async ({ publish }, stop) => {
  const hashes = [];
  for (const job of jobsOf(hashesRecipe, [1], publish ? FOLDER : OWN)) {
    if (finished(job) === null || !hasCheckpoint(job)) {
      process.stderr.write(`Training ${nameOf(job)}, about half a minute\n`);
      stop.listen((signal) => process.stderr.write(`${signal}: stopping; once more ends at once\n`));
      if ((await runJob(job, stop)) === null) return stop.exitCode();
      stop.end();
    }
    const checkpoint = fileURLToPath(new URL(`../${fileOf(job, 'checkpoint.safetensors')}`, import.meta.url));
    hashes.push({ run: job.name, row: hashRow(checkpoint) });
  }
  const { titles, lines } = hashRows({ hashes });
  const width = widthOf(process.stdout);
  const table = formatTable(
    titles.map((title) => ({ title })),
    lines,
    { width },
  );
  process.stdout.write(`${table}\n\n${wrapLines(ABOUT_HASHES.replace('\n', ' '), proseWidth(width))}\n`);
  return 0;
});
