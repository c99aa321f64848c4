/**
 * Gives every reader, and the command line, bad input: files with faults where they hurt, and words of all kinds. The only
 * allowed results are success or a typed error, within limits of time and memory, and nothing may stay in memory.
 *
 *     npm run fuzz                                       100 000 cases, from a seed that is printed
 *     npm run fuzz -- --seed 7 --only checkpoint         one reader, the same cases as ever
 *     npm run fuzz -- --seed 7 --only npy --from 41 --cases 1
 *     npm run fuzz -- --replay out/fuzz/npy-seed-7-case-41
 *
 * Each target runs in its own process. If it hangs or dies, the case that it was at is reported, and another process
 * continues after it.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { ArgumentError, EfficientTransformersError } from '../src/core/errors.ts';
import { readJsonObject } from '../src/core/files/json.ts';
import { formatBytes, formatMilliseconds, formatWhole } from '../src/terminal/format.ts';
import { choices, flag, integer, text } from '../src/terminal/options.ts';
import { formatTable } from '../src/terminal/table.ts';
import { widthOf } from '../src/terminal/width.ts';
import { type Failure, fuzz, type Outcome, replay, TARGETS } from './fuzz/campaign.ts';
import { inProcesses, type Order } from './fuzz/processes.ts';
import type { Target } from './fuzz/target.ts';
import { runProgram } from './program.ts';

const CASES = 100_000;

const NAMES = TARGETS.map(({ name }) => name);

await runProgram(
  {
    usage: 'npm run fuzz --',
    summary:
      'Give every reader and the command line faulty files and words, and look for crashes, hangs and wrong results.',
    options: {
      cases: integer('N', 'Number of cases', { minimum: 1, default: CASES }),
      seed: integer('N', 'Seed of the cases', { defaultText: 'a new one each time, which is printed' }),
      only: choices('READER', NAMES, 'Fuzz only these readers'),
      from: integer('N', 'Number of the first case', { minimum: 0, default: 0 }),
      out: text('FOLDER', 'Keep failing cases here', { default: join('out', 'fuzz') }),
      replay: text('FOLDER', 'Repeat a failing case that was kept'),
      inside: flag('Run in this process, for a debugger'),
    },
  },
  async (values, stop) => {
    if (values.replay !== undefined) return await replayed(values.replay);
    const seed = values.seed ?? randomInt(2 ** 31);
    const targets = TARGETS.filter(({ name }) => values.only === undefined || values.only.includes(name));
    const shares = targets.reduce((sum, { share }) => sum + share, 0);
    console.log(`Seed ${seed}`);
    const rows: string[][] = [];
    const failures: Failure[] = [];
    for (const target of targets) {
      if (stop.asked()) break;
      const cases = Math.max(1, Math.round((values.cases * target.share) / shares));
      const order: Order = { target: target.name, seed, from: values.from, cases, keep: values.out };
      const begun = performance.now();
      const outcome = values.inside ? await here(order) : await inProcesses(order, tell, () => stop.asked());
      failures.push(...outcome.failures);
      rows.push([
        target.name,
        formatWhole(outcome.cases),
        formatWhole(outcome.accepted),
        formatWhole(outcome.failures.reduce((sum, { times }) => sum + times, 0)),
        formatMilliseconds(performance.now() - begun),
        `${formatMilliseconds(1000 * outcome.slowest.cpuSeconds)} (${outcome.slowest.number})`,
        formatBytes(outcome.peakBytes),
      ]);
    }
    const titles = ['reader', 'cases', 'accepted', 'failures', 'time', 'slowest case', 'most memory'];
    console.log(
      formatTable(
        titles.map((title) => ({ title })),
        rows,
        { width: widthOf(process.stdout) },
      ),
    );
    if (failures.length > 0) console.log(`\n${failures.length} different failures, with seed ${seed}`);
    return failures.length > 0 ? 1 : 0;
  },
);

/** In this process. */
async function here({ target: name, ...order }: Order): Promise<Outcome> {
  return await fuzz({ target: targetNamed(name), ...order, onFailure: tell });
}

/** The exit code. */
async function replayed(folder: string): Promise<number> {
  const { target, words } = readJsonObject(join(folder, 'case.json'));
  try {
    await replay(folder, targetNamed(String(target)), words as string[]);
    console.log('Success');
    return 0;
  } catch (error) {
    const isOurs = error instanceof EfficientTransformersError;
    console.log(isOurs ? `${error.name}: ${error.message}` : error);
    return isOurs ? 0 : 1;
  }
}

function targetNamed(name: string): Target {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new ArgumentError(`target: expected one of ${NAMES.join(', ')}, got ${name}`);
  return target;
}

function tell({ target, seed, number, problem, kept }: Failure): void {
  console.log(`\n${target}, case ${number} of seed ${seed}: ${problem}`);
  if (kept !== null) console.log(`Kept; repeat it with npm run fuzz -- --replay ${kept}`);
}
