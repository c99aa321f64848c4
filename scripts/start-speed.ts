/**
 * `npm run start-speed`: how long `npm start` takes on a terminal once it is installed, to its first rows and to its end. A first
 * run builds and is not counted. Writes the medians to bench/results/start.json. The terminal is that of `script`, which util-linux
 * brings.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describeEnvironment } from '../src/compare/environment.ts';
import { median } from '../src/compare/stopwatch.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { formatMilliseconds } from '../src/terminal/format.ts';

const ROUNDS = 3;
const root = fileURLToPath(new URL('../', import.meta.url));
/** On a terminal the rows that are nearest to full attention so far stand over the bar; a pipe gets the table at the end. */
const FIRST_ROWS = /nearest so far/;

await once();
const runs: { firstMilliseconds: number; milliseconds: number }[] = [];
for (let round = 0; round < ROUNDS; round++) runs.push(await once());
const firstMilliseconds = median(runs.map((run) => run.firstMilliseconds));
const milliseconds = median(runs.map((run) => run.milliseconds));
const raw = { suite: 'start', environment: describeEnvironment(), firstMilliseconds, milliseconds, runs };
writeFileAtomically(
  fileURLToPath(new URL('../bench/results/start.json', import.meta.url)),
  `${JSON.stringify(raw, null, 1)}\n`,
);
console.log(
  `npm start: ${formatMilliseconds(firstMilliseconds)} to the first rows, ${formatMilliseconds(milliseconds)} in all`,
);

async function once(): Promise<{ firstMilliseconds: number; milliseconds: number }> {
  const start = performance.now();
  const since = () => performance.now() - start;
  const child = spawn('script', ['--quiet', '--return', '--command', 'npm start', '/dev/null'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let firstMilliseconds: number | null = null;
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (firstMilliseconds === null && FIRST_ROWS.test(text)) firstMilliseconds = since();
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0 || firstMilliseconds === null)
    throw new Error(`npm start: ended with ${code}, or without rows on the way`);
  return { firstMilliseconds, milliseconds: since() };
}
