/**
 * Tests that memory stays flat while nothing is held: many small calls of attend and backward for each variant, none in a
 * scope, each followed by a turn of the event loop. Neither live nor resident memory may grow with the calls.
 *
 *     npm run soak
 *     npm run soak -- --calls 5000 --variant full --variant performer      a shorter one
 */
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describeEnvironment } from '../src/compare/environment.ts';
import { backward, zeroGrad } from '../src/core/autograd.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { collectForgotten, memoryLimit, memoryStatistics } from '../src/core/memory.ts';
import { Random } from '../src/core/random.ts';
import { randomNormal } from '../src/core/tensor.ts';
import { formatBytes, formatMilliseconds, formatWhole } from '../src/terminal/format.ts';
import { choices, integer, text } from '../src/terminal/options.ts';
import { formatTable } from '../src/terminal/table.ts';
import { widthOf } from '../src/terminal/width.ts';
import { attend, drawParameters } from '../src/variants/attend.ts';
import { type AnyVariant, allVariants, findVariant } from '../src/variants/registry.ts';
import type { AttentionShape } from '../src/variants/variant.ts';
import { runProgram } from './program.ts';

const SHAPE: AttentionShape = { batch: 1, heads: 2, queryLength: 8, keyLength: 8, headDim: 4, dtype: 'float32' };
/** Looks, evenly spaced; what is there at the second one is what the later ones may not exceed. */
export const LOOKS = 20;
const WARM = 1;
/** The JavaScript heap after a collection: compiled code and its statistics come and go. */
const HEAP_ALLOWED = 4 * 2 ** 20;

/** After a collection, but for the resident set. */
interface Look {
  calls: number;
  liveBytes: number;
  heapBytes: number;
  residentBytes: number;
}

export interface Soaked {
  variant: string;
  calls: number;
  /** What one call leaves for the collector: tape, output, and what they refer to. */
  bytesPerCall: number;
  /** The most that was live after any call. */
  mostLiveBytes: number;
  millisecondsPerCall: number;
  looks: Look[];
  /** What grew; empty: memory was flat. */
  grown: string[];
}

/** `afterCall` may hold something, to see the check fail; `isOver` is asked now and then. */
export async function soak(
  variant: AnyVariant,
  calls: number,
  isOver: () => boolean = () => false,
  afterCall: (output: object) => void = () => {},
): Promise<Soaked> {
  const random = new Random(1);
  const draw = (name: string) => randomNormal([1, SHAPE.heads, SHAPE.keyLength, SHAPE.headDim], random.split(name));
  const [queries, keys, values] = ['queries', 'keys', 'values'].map((name) => draw(name).withGrad());
  const options = variant.defaults(SHAPE.keyLength);
  const parameters = drawParameters(variant, options, SHAPE, 1);
  const leaves = [queries, keys, values, ...Object.values(parameters)];
  const call = () => {
    const output = attend(variant, { queries, keys, values }, options, { parameters });
    backward(output);
    zeroGrad(leaves);
    afterCall(output);
  };
  const liveBytes = () => memoryStatistics().liveBytes;

  call();
  collectForgotten();
  const held = liveBytes();
  call();
  const bytesPerCall = liveBytes() - held;
  const looks: Look[] = [];
  let mostLiveBytes = 0;
  let done = 0;
  const begin = performance.now();
  while (done < calls && !isOver()) {
    call();
    mostLiveBytes = Math.max(mostLiveBytes, liveBytes());
    await new Promise((resolve) => setImmediate(resolve));
    if (++done % Math.floor(calls / LOOKS) !== 0) continue;
    const { rss } = process.memoryUsage();
    looks.push({ calls: done, heapBytes: await settledHeap(), liveBytes: liveBytes(), residentBytes: rss });
  }
  const millisecondsPerCall = (performance.now() - begin) / Math.max(1, done);
  const result = { variant: variant.name, calls: done, bytesPerCall, mostLiveBytes, millisecondsPerCall, looks };
  return { ...result, grown: grownIn(result) };
}

/**
 * The JavaScript heap when nothing waits to be collected. One collection leaves what waits for its finalizers, tens of MiB of
 * records, and how much depends on where in its cycle a look meets the collector.
 */
async function settledHeap(): Promise<number> {
  let heapBytes = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    collectForgotten();
    await new Promise((resolve) => setTimeout(resolve));
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > heapBytes - 2 ** 16) return Math.min(heapUsed, heapBytes);
    heapBytes = heapUsed;
  }
  return heapBytes;
}

/** What is more at any later look than at the one after warming up, by more than may be. */
export function grownIn({ looks, bytesPerCall, mostLiveBytes }: Omit<Soaked, 'grown'>): string[] {
  if (looks.length <= WARM) return [];
  const worthCollecting = memoryLimit() / 16;
  // An unused place of the call stack may hold the remains of a call.
  const allowed = { liveBytes: 2 * bytesPerCall, residentBytes: worthCollecting };
  const grown = (['liveBytes', 'residentBytes'] as const).flatMap((what) => {
    const [warm, ...later] = looks.slice(WARM).map((look) => look[what]);
    const growth = Math.max(...later) - warm;
    return growth > allowed[what] ? [`${what}: ${formatBytes(growth)} more than after ${looks[WARM].calls} calls`] : [];
  });
  // Compiled code comes and goes, at no look in particular. What leaks lifts the heap for good.
  const heaps = looks.slice(WARM).map(({ heapBytes }) => heapBytes);
  const half = Math.floor(heaps.length / 2);
  const lifted = half === 0 ? 0 : median(heaps.slice(-half)) - median(heaps.slice(0, half));
  if (lifted > HEAP_ALLOWED) grown.push(`heapBytes: ${formatBytes(lifted)} more in the second half than in the first`);
  const most = looks[WARM].liveBytes + worthCollecting + 2 * bytesPerCall;
  return mostLiveBytes <= most ? grown : [...grown, `mostLiveBytes: ${formatBytes(mostLiveBytes)}`];
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

const command = {
  usage: 'npm run soak --',
  summary: 'Call attend and backward many times for each variant, without a scope, and fail unless memory stays flat.',
  options: {
    calls: integer('N', 'Number of calls for each variant', { minimum: LOOKS, default: 100_000 }),
    variant: choices(
      'NAME',
      allVariants().map(({ name }) => name),
      'Use these variants',
      { defaultText: 'all' },
    ),
    json: text('FILE', 'Write the numbers here', {
      default: fileURLToPath(new URL('../bench/results/soak.json', import.meta.url)),
      defaultText: 'bench/results/soak.json',
    }),
  },
  examples: [{ command: 'npm run soak -- --calls 5000 --variant full', explanation: 'Run a shorter test' }],
};

function tableOf(soaked: readonly Soaked[]): string {
  const titles = ['variant', 'calls', 'a call', 'leaves', 'most live', 'held', 'heap', 'resident', 'memory'];
  const rows = soaked.map(({ variant, calls, millisecondsPerCall, bytesPerCall, mostLiveBytes, looks, grown }) => {
    const [warm, last] = [looks[WARM], looks[looks.length - 1]];
    const change = (of: (look: Look) => number): string => {
      return warm === undefined ? '' : `${formatBytes(of(warm))} → ${formatBytes(of(last))}`;
    };
    return [
      variant,
      formatWhole(calls),
      formatMilliseconds(millisecondsPerCall),
      formatBytes(bytesPerCall),
      formatBytes(mostLiveBytes),
      change(({ liveBytes }) => liveBytes),
      change(({ heapBytes }) => heapBytes),
      change(({ residentBytes }) => residentBytes),
      grown.length === 0 ? 'flat' : 'GROWS',
    ];
  });
  return formatTable(
    titles.map((title) => ({ title })),
    rows,
    { width: widthOf(process.stdout) },
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runProgram(command, async ({ calls, variant, json }, stop) => {
    stop.listen();
    const names = variant ?? allVariants().map(({ name }) => name);
    const soaked: Soaked[] = [];
    for (const name of names) {
      if (stop.asked()) break;
      console.error(`${name} …`);
      soaked.push(await soak(findVariant(name) as AnyVariant, calls, () => stop.asked()));
    }
    console.log(tableOf(soaked));
    for (const { variant: name, grown } of soaked) for (const each of grown) console.log(`${name}: ${each}`);
    makeFolder(dirname(json));
    writeFileAtomically(json, `${JSON.stringify({ environment: describeEnvironment(), soaked }, null, 1)}\n`);
    if (stop.asked()) return stop.exitCode();
    return soaked.some(({ grown }) => grown.length > 0) ? 1 : 0;
  });
}
