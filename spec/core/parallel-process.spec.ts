/** Processes that use threads end by themselves, whatever state their workers are in; each case is a process. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';

const flags = wordsOf('src/index.ts').slice(0, -1);
const addressOf = (path: string) => pathToFileURL(wordsOf(`src/core/${path}`).at(-1) as string).href;
const preamble = `
  import { closePool, parallelFor, poolReady, setThreads, threadCount } from '${addressOf('parallel/pool.ts')}';
  import { exp } from '${addressOf('ops/index.ts')}';
  import { defineKernel } from '${addressOf('kernels/kernel.ts')}';
  import { zeros } from '${addressOf('tensor.ts')}';
  const region = () => console.log(exp(zeros([300000])).toArray().every((each) => each === 1));
`;

/** Runs a module in a process of its own, and resolves when that has ended and said all it had to say. */
function run(body: string, threads?: string): Promise<{ code: number | null; output: string; errors: string }> {
  const { EFFICIENT_TRANSFORMERS_THREADS: _, ...outer } = process.env;
  const env = threads === undefined ? outer : { ...outer, EFFICIENT_TRANSFORMERS_THREADS: threads };
  const args = [...flags, '--input-type=module', '--eval', preamble + body];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    // A process that hangs is ended, and shows it by having no exit code. Nine start at once, on a machine that may be busy.
    const deadline = setTimeout(() => child.kill('SIGKILL'), 240_000);
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(deadline);
      resolve({ code, output, errors });
    });
  });
}

const endings: [string, string, string][] = [
  ['its workers sleep', 'setThreads(4); region(); await poolReady(); region();', 'true\ntrue\n'],
  ['its workers are only starting', 'setThreads(4); region();', 'true\n'],
  ['its pool was closed', 'setThreads(2); region(); await poolReady(); closePool();', 'true\n'],
  ['it never asked for threads', 'setThreads(1); region(); await poolReady();', 'true\n'],
];

const failing =
  "parallelFor(defineKernel('failing', { arrays: [] }, () => { throw new RangeError('mine'); }), 1, {}, {});";

// All at once: each takes its time to start, and none of them minds.
const runs = {
  endings: endings.map(([, body]) => run(body)),
  error: run(`setThreads(2); await poolReady(); ${failing}`),
  unset: run('console.log(threadCount());'),
  three: run('console.log(threadCount()); region();', '3'),
  many: run('region();', 'many'),
};

endings.forEach(([state, , output], i) => {
  test(`a process ends by itself when ${state}`, async () => {
    assert.equal(await runs.endings[i], { code: 0, output, errors: '' });
  });
});

test('a process ends after an error that nobody catches', async () => {
  const { code, errors } = await runs.error;
  assert.is(code, 1);
  assert.match(errors, /WorkerError: kernel 'failing' failed: mine/);
});

test('without being told, a process has a thread for each core and no more', async () => {
  assert.equal(await runs.unset, { code: 0, output: `${Math.min(64, availableParallelism())}\n`, errors: '' });
});

test('the environment sets the number of threads, and a number that cannot be ends the first region', async () => {
  assert.equal(await runs.three, { code: 0, output: '3\ntrue\n', errors: '' });
  const { code, output, errors } = await runs.many;
  assert.equal([code, output], [1, '']);
  assert.match(errors, /ArgumentError: EFFICIENT_TRANSFORMERS_THREADS: expected an integer from 1 to 64, got 'many'/);
});

test.run();
