/**
 * `npm run bench`: speed and memory, measured side by side in one run. Tables and a page of plots for people, and the raw
 * numbers with a description of the machine under bench/results/.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeEnvironment } from '../src/compare/environment.ts';
import { EfficientTransformersError } from '../src/core/errors.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { setThreads } from '../src/core/parallel/pool.ts';
import { parseArguments } from '../src/terminal/arguments.ts';
import { choices, flag, integer, number, text } from '../src/terminal/options.ts';
import { renderBenchReport } from './report/page.ts';
import { crossover } from './suites/crossover.ts';
import { decoding } from './suites/decoding.ts';
import { kernels } from './suites/kernels.ts';
import { peers } from './suites/peers.ts';
import { reversible } from './suites/reversible.ts';
import { scaling } from './suites/scaling.ts';
import type { Suite } from './suites/suite.ts';

const SUITES: readonly Suite[] = [kernels, scaling, crossover, decoding, reversible, peers];
const NAMES = SUITES.map(({ name }) => name);
/** Peers are installed on demand, so only on demand are they measured. */
const USUAL = NAMES.filter((name) => name !== peers.name);

const command = {
  usage: 'npm run bench --',
  summary: 'Measures speed and memory; writes tables, and raw numbers to bench/results/SUITE.json.',
  options: {
    suite: choices('SUITE', NAMES, 'What to measure', { default: USUAL, defaultText: 'all but peers' }),
    rounds: integer('N', 'Rounds over everything; figures are medians', { default: 5, minimum: 1 }),
    threads: integer('N', 'Threads, this one included', { minimum: 1, maximum: 64, defaultText: 'all cores' }),
    report: text('FILE', 'Measure nothing: write the page of plots of what was measured before'),
    quick: flag('Short sizes, for a first look; nothing is written'),
    venv: text('FOLDER', 'Virtual environment of the Python peers (bench/pytorch/README.md)'),
    limit: number('SECONDS', 'A run of a peer that would take longer is cut off', { default: 1.2, minimum: 0.01 }),
  },
  examples: [
    { command: 'npm run bench -- --suite scaling', explanation: 'Growth of time and memory up to 65536 tokens' },
    { command: 'npm run bench -- --quick --rounds 1', explanation: 'Everything, in a minute' },
    { command: 'npm run bench -- --report bench.html', explanation: 'Plots of the results that are there' },
    { command: 'npm run bench -- --suite peers --venv .venv', explanation: 'Other libraries beside this one' },
  ],
};

async function main(args: readonly string[]): Promise<void> {
  const parsed = parseArguments(command, args);
  if (parsed.help !== null) {
    console.log(parsed.help);
    return;
  }
  const { suite: names, rounds, threads, quick, venv, limit: limitSeconds, report } = parsed.values;
  if (report !== undefined) {
    await writeReport(report);
    return;
  }
  if (threads !== undefined) setThreads(threads);
  const tell = (line: string) => process.stderr.isTTY && process.stderr.write(`\r\x1b[2K${line.slice(0, 78)}`);
  for (const suite of SUITES.filter(({ name }) => names.includes(name))) {
    const environment = describeEnvironment();
    const { rows, table, details = {}, problems = [] } = await suite.run({ rounds, quick, tell, venv, limitSeconds });
    tell('');
    console.log(`${suite.name}: ${suite.summary}\n${environment.cpu}, ${environment.threads} threads\n\n${table}\n`);
    for (const problem of problems) console.error(`Problem: ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
    if (quick) continue;
    const folder = new URL('./results/', import.meta.url);
    mkdirSync(folder, { recursive: true });
    const file = fileURLToPath(new URL(`${suite.name}.json`, folder));
    const raw = { suite: suite.name, summary: suite.summary, environment, rounds, ...details, rows };
    writeFileAtomically(file, `${JSON.stringify(raw, null, 1)}\n`);
    console.log(`Raw numbers: bench/results/${suite.name}.json\n`);
  }
  if (!quick) await writeReport(fileURLToPath(new URL('./results/report.html', import.meta.url)));
}

async function writeReport(file: string): Promise<void> {
  writeFileAtomically(file, await renderBenchReport());
  console.log(`Plots: ${file}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof EfficientTransformersError)) throw error;
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}
