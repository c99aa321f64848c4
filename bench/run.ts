/**
 * `npm run bench`: speed and memory, measured side by side in one run. Tables and a page of plots for people, and the raw
 * numbers with a description of the machine under bench/results/.
 */
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../scripts/program.ts';
import { checkFolder, checkOutputs } from '../src/commands/outputs.ts';
import { describeEnvironment } from '../src/compare/environment.ts';
import { EfficientTransformersError } from '../src/core/errors.ts';
import { tryToWrite, writeFileAtomically } from '../src/core/files/atomic.ts';
import { FolderLock } from '../src/core/files/lock.ts';
import { setThreads } from '../src/core/parallel/pool.ts';
import { choices, flag, integer, number, text } from '../src/terminal/options.ts';
import { widthOf } from '../src/terminal/width.ts';
import { releaseAtEnd } from './release.ts';
import { renderBenchReport } from './report/page.ts';
import { before } from './suites/before.ts';
import { checkAll } from './suites/check.ts';
import { crossover } from './suites/crossover.ts';
import { decoding } from './suites/decoding.ts';
import { generation } from './suites/generation.ts';
import { growth } from './suites/growth.ts';
import { kernels } from './suites/kernels.ts';
import { peers } from './suites/peers.ts';
import { profiles } from './suites/profiles.ts';
import { recurrences } from './suites/recurrences.ts';
import { reversible } from './suites/reversible.ts';
import { scaling } from './suites/scaling.ts';
import { segments } from './suites/segments.ts';
import { stream } from './suites/stream.ts';
import type { Suite } from './suites/suite.ts';
import { training } from './suites/training.ts';

const SUITES: readonly Suite[] = [
  kernels,
  scaling,
  crossover,
  decoding,
  stream,
  growth,
  segments,
  reversible,
  profiles,
  before,
  peers,
  recurrences,
  training,
  generation,
];
const NAMES = SUITES.map(({ name }) => name);
/** Peers are installed, and another checkout is made, on demand: so only on demand are they measured. */
const ON_DEMAND = [before, peers, recurrences, training, generation].map(({ name }) => name);
const USUAL = NAMES.filter((name) => !ON_DEMAND.includes(name));

const command = {
  usage: 'npm run bench --',
  summary: 'Measure speed and memory; write tables, and raw numbers to bench/results/SUITE.json.',
  options: {
    suite: choices('SUITE', NAMES, 'Measure these suites', {
      default: USUAL,
      defaultText: `all but ${ON_DEMAND.slice(0, -1).join(', ')} and ${ON_DEMAND.at(-1)}`,
    }),
    rounds: integer('N', 'Number of rounds; figures are medians over them', { default: 5, minimum: 1 }),
    threads: integer('N', 'Number of threads, including this one', {
      minimum: 1,
      maximum: 64,
      defaultText: 'all cores',
    }),
    report: text('FILE', 'Measure nothing; write a page of plots from earlier results'),
    results: text('FOLDER', 'Write the raw numbers there', {
      defaultText: 'bench/results, with a page of plots; with --quick, nowhere',
    }),
    quick: flag('Measure short sizes, for a first look'),
    before: text(
      'FOLDER',
      'Compare with this checkout of the repository, after npm ci and node scripts/build-kernels.mjs in it',
    ),
    venv: text('FOLDER', 'Use this virtual environment for the Python peers (bench/pytorch/README.md)'),
    limit: number('SECONDS', 'Cut off runs of a peer that would take longer', { default: 1.2, minimum: 0.01 }),
  },
  examples: [
    {
      command: 'npm run bench -- --suite scaling',
      explanation: 'Measure growth of time and memory up to 65536 tokens',
    },
    { command: 'npm run bench -- --quick --rounds 1', explanation: 'Measure everything, in a minute' },
    { command: 'npm run bench -- --report bench.html', explanation: 'Plot the existing results' },
    { command: 'npm run bench -- --suite peers --venv .venv', explanation: 'Measure other libraries next to this one' },
    {
      command: 'npm run bench -- --suite training --venv .venv',
      explanation: 'Measure a training step next to PyTorch’s, and where its time goes',
    },
    {
      command: 'npm run bench -- --suite generation --venv .venv',
      explanation: 'Measure one more token after 8,192 others next to PyTorch’s',
    },
    {
      command: 'npm run bench -- --suite recurrences --venv .venv --limit 5',
      explanation: 'Measure recurrences in PyTorch next to this one’s, up to five seconds a run',
    },
  ],
};

const OWN_FOLDER = fileURLToPath(new URL('./results/', import.meta.url));
const OWN_PAGE = join(OWN_FOLDER, 'report.html');

await runProgram(command, async (values, stop) => {
  const { suite: names, rounds, threads, quick, venv, before: otherFolder, limit: limitSeconds, report } = values;
  const folder = values.results ?? (quick ? null : OWN_FOLDER);
  if (report !== undefined) {
    checkOutputs([{ flag: '--report', path: report, ifForeign: 'name another with --report FILE' }]);
    return (await writePage(report)) ? 0 : 1;
  }
  if (threads !== undefined) setThreads(threads);
  const width = widthOf(process.stdout);
  const suites = SUITES.filter(({ name }) => names.includes(name));
  const tell = (line: string) => process.stderr.isTTY && process.stderr.write(`\r\x1b[2K${line.slice(0, 78)}`);
  const settings = { rounds, quick, tell, venv, before: otherFolder, limitSeconds, width };
  checkAll(suites, settings);
  const lock = folder === null ? null : holdResults(folder, suites);
  let isWell = true;
  try {
    for (const suite of suites) {
      const environment = describeEnvironment();
      const { rows, table, details = {}, problems = [] } = await suite.run(settings);
      tell('');
      console.log(`${suite.name}: ${suite.summary}\n${environment.cpu}, ${environment.threads} threads\n\n${table}\n`);
      for (const problem of problems) console.error(`Problem: ${problem}`);
      const raw = { suite: suite.name, summary: suite.summary, environment, rounds, ...details, rows };
      const file = folder === null ? null : fileOf(folder, suite);
      const isWritten = file === null || written(file, `${JSON.stringify(raw, null, 1)}\n`);
      if (file !== null && isWritten) console.log(`Raw numbers: ${relative('.', file)}\n`);
      isWell &&= isWritten && problems.length === 0;
      // The results are written; stop if nobody reads the output any more.
      if (quick && stop.asked()) return stop.exitCode();
    }
    if (folder === OWN_FOLDER) isWell = (await writePage(OWN_PAGE)) && isWell;
    return isWell ? 0 : 1;
  } finally {
    lock?.release();
  }
});

// Hoisted, as all below it: the program above runs before this line is reached.
function fileOf(folder: string, { name, file = name }: Suite): string {
  return join(folder, `${file}.json`);
}

/** Checks that nothing else measures meanwhile, and that the results can be written. */
function holdResults(folder: string, suites: readonly Suite[]): FolderLock {
  checkFolder('--results', folder);
  const lock = FolderLock.take(folder, 'npm run bench', (line) => console.error(line));
  releaseAtEnd(folder);
  for (const suite of suites) tryToWrite(fileOf(folder, suite));
  if (folder === OWN_FOLDER) checkOutputs([{ flag: '--report', path: OWN_PAGE, ifForeign: 'move it away' }]);
  return lock;
}

/** Whether the file could be written; if not, reports why, and the next suite is measured all the same. */
function written(file: string, content: string): boolean {
  try {
    writeFileAtomically(file, content);
    return true;
  } catch (error) {
    if (!(error instanceof EfficientTransformersError)) throw error;
    console.error(`Error: ${error.message}`);
    return false;
  }
}

async function writePage(file: string): Promise<boolean> {
  const page = await renderBenchReport();
  if (!written(file, page)) return false;
  console.log(`Plots: ${file}`);
  return true;
}
