/**
 * Compiles every spec file (build-specs.mjs) and runs it in a process of its own, three at a time, and counts: a line for each
 * with its number and time, at the end the time of all; the last line is `N passed, N failed`.
 *
 *     npm test                    all
 *     npm test -- variants        the files whose path contains "variants"; of several words, one is enough
 *
 *     node scripts/run-tests.mjs --in FOLDER [variants]        specs of another folder than spec/
 *     npm test -- --thorough      laws draw eight times as many cases; of pages that are made alike, all are looked at
 *
 * A file that crashes, hangs, runs no test or fails after its tests counts as one failure more than it reports.
 */

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildSpecs, UNCOMPILED } from './build-specs.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** One more than two cores: many files wait for a browser, a child process or a thread for a part of their time. */
const PROCESSES = Math.min(3, availableParallelism() + 1);
/** How long output may still come from a process that has ended (a child of it may hold the pipe open). */
const GRACE_MILLISECONDS = 10_000;

/** Files that take longest begin first, so that none of them is left over, alone, at the end. */
const LONG =
  'laws/every-variant package/package cli/kept-work cli/readme-blocks core/kernels-files core/ops-scan fuzz/command-line '
    .concat('laws/dummy core/ops-attention training/attention. cli/compare. bench/sink-table bench/before examples ')
    .concat('looks late package. pages explorer source')
    .split(' ');

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.exit(128 + (constants.signals[signal] ?? 0)));
}
// If nobody reads the output, stop the tests, with the exit code of a broken pipe.
process.stdout.on('error', () => process.exit(141));

const HELP = `Usage: npm test -- [options] [WORD...]

Run every spec file, three at a time, which takes many minutes; with words, those whose path contains one of them.

Options:
  --in FOLDER  Run the specs of this folder (default: spec)
  --thorough   Draw eight times as many cases for each law, and look at every page of the site
  -h, --help   Show this text

Variables: LAW_SEED=N repeats the random cases of a failure, LAW_EFFORT=10 tests ten times as many,
SPEC_TIMEOUT_SECONDS=N ends a file that takes longer (default: 900, thorough: 5400).

Examples:
  npm test -- longformer    Test one part`;

const { values, positionals } = parsed();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
/** Only a file that hangs takes so long: a busy or slow machine may take several times as long as a quiet one. */
const timeoutSeconds = Number(process.env.SPEC_TIMEOUT_SECONDS ?? (values.thorough ? 5400 : 900));
const environment = {
  ...(values.thorough && { LAW_EFFORT: '8' }),
  ...process.env,
  ...(values.thorough && { THOROUGH: '1' }),
};
const files = specFiles().filter((file) => positionals.length === 0 || positionals.some((word) => file.includes(word)));
const began = performance.now();
// Others' folders may lie outside, where the packages of this one are not found, or have packages of their own.
const canCompile = (file) => values.in === 'spec' && !UNCOMPILED.includes(file);
const compiled = files.some(canCompile) ? await buildSpecs(files.filter(canCompile)) : null;
/** Where one file does not compile, tsx loads each by itself: that one fails, and all others are tested. */
const isCompiled = (file) => compiled !== null && canCompile(file);
if (compiled !== null) environment.COMPILED_FOR_TESTS = compiled;
const results = await runAll(files);
const failures = results.filter((result) => result.failed > 0);
const sum = (key) => results.reduce((total, result) => total + result[key], 0);

if (files.length === 0) {
  const asked = positionals.join(' or ');
  console.log(asked === '' ? 'No spec files found.' : `No spec file's path contains ${asked}.`);
}
if (failures.length > 0) console.log('\nFailed:');
for (const { file, failed, problem } of failures) console.log(`  ${file}: ${failed}${problem ? ` (${problem})` : ''}`);
if (sum('skipped') > 0) console.log(`\n${sum('skipped')} skipped`);
if (files.length > 0) console.log(`\n${counted(files.length, 'file')} in ${duration(performance.now() - began)}`);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = failures.length > 0 || sum('passed') === 0 ? 1 : 0;

/** The arguments; an unknown one ends the process with a line and code 2. */
function parsed() {
  try {
    return parseArgs({
      options: {
        in: { type: 'string', default: 'spec' },
        thorough: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    console.error(`Error: ${error.message}\nHelp: npm test -- --help`);
    process.exit(2);
  }
}

/** Paths from the root with forward slashes, sorted. */
function specFiles() {
  return readdirSync(join(root, values.in), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.spec.ts'))
    .map((entry) =>
      relative(root, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .sort();
}

async function runAll(files) {
  const results = [];
  const queue = [...files].sort((a, b) => turn(a) - turn(b));
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file);
      results.push(result);
      report(result, results.length);
    }
  };
  await Promise.all(Array.from({ length: PROCESSES }, work));
  return results;
}

/** The order among those that begin first; all others begin after them. */
function turn(file) {
  const place = LONG.findIndex((each) => file.includes(`spec/${each}`));
  return place < 0 ? LONG.length : place;
}

function runFile(file) {
  const start = performance.now();
  const words = isCompiled(file)
    ? ['--enable-source-maps', join(compiled, file.replace(/\.ts$/, '.js'))]
    : ['--import', 'tsx', file];
  const child = spawn(process.execPath, words, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stderr.on('data', (chunk) => chunks.push(chunk));

  return new Promise((resolve) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutSeconds * 1000);

    let settled = false;
    const settle = (ending) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      running.delete(child);
      child.stdout.destroy();
      child.stderr.destroy();
      const output = Buffer.concat(chunks).toString('utf8');
      const milliseconds = performance.now() - start;
      resolve({
        file,
        output,
        milliseconds,
        ...count(output, timedOut ? `still running after ${timeoutSeconds} s` : ending),
      });
    };
    child.on('error', (error) => settle(`could not start: ${error.message}`));
    child.on('close', (code, signal) => settle(describeEnding(code, signal)));
    child.on('exit', (code, signal) => {
      setTimeout(() => settle(describeEnding(code, signal)), GRACE_MILLISECONDS).unref();
    });
  });
}

/** Null for a normal end: code 0. */
function describeEnding(code, signal) {
  if (signal !== null) return `killed by ${signal}`;
  return code === 0 ? null : `exit code ${code}`;
}

/**
 * Counts from uvu's closing summary. What uvu neither passed nor skipped has failed: it leaves a test whose hook throws
 * out of both, and then still exits with 0.
 */
function count(output, ending) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours, if FORCE_COLOR is set
  const plain = output.replace(/\x1b\[[0-9;]*m/g, '');
  const summaries = [...plain.matchAll(/^ {2}Total: +(\d+)\r?\n {2}Passed: +(\d+)\r?\n {2}Skipped: +(\d+)\r?$/gm)];
  const summary = summaries.at(-1);
  if (summary === undefined) {
    const problem = ending === null ? 'ended without a summary: is test.run() missing?' : `no summary: ${ending}`;
    return { passed: 0, failed: 1, skipped: 0, problem };
  }
  const [total, passed, skipped] = summary.slice(1).map(Number);
  const failed = total - passed;
  if (total === 0 && skipped === 0) return { passed, failed: 1, skipped, problem: 'holds no test' };
  const explained = failed > 0 && ending === 'exit code 1';
  if (ending !== null && !explained)
    return { passed, failed: failed + 1, skipped, problem: `after its tests: ${ending}` };
  return { passed, failed, skipped, problem: '' };
}

/** `n` files have come to their end, this one included. */
function report({ file, output, milliseconds, passed, failed, problem }, n) {
  const ending = `${duration(milliseconds)}  (${n} of ${files.length})`;
  if (failed === 0) {
    console.log(`pass  ${file}  ${passed} passed  ${ending}`);
    return;
  }
  console.log(`\nFAIL  ${file}  ${passed} passed, ${failed} failed  ${ending}`);
  if (problem !== '') console.log(`      ${problem}`);
  if (output.trim() !== '') console.log(output.trimEnd().replace(/^(?=.)/gm, '    '));
  console.log();
}

/** `12.3 s`, `2 min 05 s` */
function duration(milliseconds) {
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
