/** `doctor`: what this machine offers, and whether the library works on it as it must on every machine. */
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { fixtureInput } from '../compare/inputs.ts';
import { packageVersion } from '../compare/package-version.ts';
import { median } from '../compare/stopwatch.ts';
import { backward, noGrad } from '../core/autograd.ts';
import { kernelBuild, wantedByEnvironment } from '../core/kernels/simd.ts';
import { isSupported, problemOf, VECTOR_BUILDS } from '../core/kernels/wasm-files.ts';
import { heapMemory } from '../core/memory.ts';
import { matmul } from '../core/ops/index.ts';
import { closePool, poolReady, setThreads, threadCount } from '../core/parallel/pool.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { randomNormal } from '../core/tensor.ts';
import { paint, supportsColour } from '../terminal/colour.ts';
import { formatBytes, formatMilliseconds, formatRatio } from '../terminal/format.ts';
import { formatPairs } from '../terminal/width.ts';
import { attend } from '../variants/attend.ts';
import { type AnyVariant, allVariants } from '../variants/registry.ts';
import { defineCommand, type Host, PROGRAM, widthOf } from './command.ts';
import { applyMachine, runOptions } from './shared-options.ts';

/** The oldest supported version, as package.json says. */
const OLDEST_NODE = [20, 6] as const;
const PRODUCT_SIZE = 512;

/** One line of the output: `look` returns what it found, or throws if something is broken. */
export interface Check {
  name: string;
  look(): string | Promise<string>;
}

const CHECKS: readonly Check[] = [
  { name: 'Node', look: node },
  { name: 'machine', look: machine },
  { name: 'memory', look: memory },
  { name: 'kernels', look: kernels },
  { name: 'threads', look: threads },
  { name: 'product', look: product },
  { name: 'same bits', look: sameBits },
  { name: 'input', look: shippedInput },
];

function describe() {
  const { threads, kernels } = runOptions();
  return {
    usage: `${PROGRAM} doctor`,
    details: 'The exit code is 1 if a check fails.',
    options: { threads, kernels },
    examples: [
      { command: `${PROGRAM} doctor`, explanation: 'Check with all cores' },
      { command: `${PROGRAM} doctor --threads 1`, explanation: 'Check without worker threads' },
    ],
  };
}

export const doctorCommand = defineCommand('doctor', describe, async ({ values }, host) => {
  applyMachine(values);
  return runChecks(CHECKS, host);
});

/** Makes every check, also after a failure; returns 0 if nothing is broken. */
export async function runChecks(checks: readonly Check[], { stdout }: Host): Promise<number> {
  const colour = supportsColour(stdout);
  const columns = widthOf(stdout);
  const names = Math.max(...checks.map(({ name }) => name.length));
  const say = (state: 'ok' | 'broken', name: string, text: string): void => {
    const line = formatPairs([[`${state.padEnd(8)}${name.padEnd(names)}`, text]], columns).slice(state.length);
    stdout.write(`${colour ? paint(state === 'ok' ? 'good' : 'bad', state) : state}${line}\n`);
  };
  let broken = 0;
  for (const { name, look } of checks) {
    try {
      say('ok', name, await look());
    } catch (error) {
      broken++;
      say('broken', name, error instanceof Error ? error.message : String(error));
    }
  }
  stdout.write(broken === 0 ? '\nEverything works.\n' : `\n${broken} of ${checks.length} broken.\n`);
  return broken === 0 ? 0 : 1;
}

function node(): string {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (isOld) throw new Error(`${process.version}: expected ${OLDEST_NODE.join('.')} or later`);
  return `${process.version}, efficient-transformers ${packageVersion()}`;
}

function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${model}, ${availableParallelism()} cores, ${formatBytes(totalmem())}, ${platform()} ${release()}`;
}

function memory(): string {
  // The site is checked with a browser's types, which do not have this.
  const buffer = heapMemory().buffer as ArrayBufferLike;
  if (!(buffer instanceof SharedArrayBuffer)) throw new Error('the WebAssembly memory is not shared between threads');
  return `${formatBytes(buffer.byteLength)} shared between threads at first, grows as needed`;
}

/** The kernels that run, and whether all kernel files are whole: a damaged one slows everything down, or breaks other machines. */
function kernels(): string {
  const problems = VECTOR_BUILDS.flatMap((build) => problemOf(build) ?? []);
  const running = `${kernelBuild()}${wantedByEnvironment() === null ? '' : ', as EFFICIENT_TRANSFORMERS_KERNELS says'}`;
  if (problems.length > 0) throw new Error(`${problems.join('; ')} (running: ${running})`);
  const unknown = VECTOR_BUILDS.filter((build) => !isSupported(build));
  return `${running}${unknown.length === 0 ? '' : `; this engine does not support ${unknown.join(' and ')} instructions`}`;
}

async function threads(): Promise<string> {
  if (threadCount() === 1) return '1, so no worker is started';
  closePool();
  const start = performance.now();
  await poolReady();
  return `${threadCount()}, ready in ${formatMilliseconds(performance.now() - start)}`;
}

/** A matrix product on one thread and on all, in operations a second. */
async function product(): Promise<string> {
  const [alone, together] = await onOneAndOn(threadCount(), measureProduct);
  const speed = (rate: number): string => `${rate.toPrecision(3)} GFLOP/s`;
  const onAll =
    threadCount() === 1 ? '' : `, ${speed(together)} on ${threadCount()} (${formatRatio(together / alone)})`;
  return `${PRODUCT_SIZE}³: ${speed(alone)} on 1 thread${onAll}`;
}

function measureProduct(): number {
  return scope(() => {
    const random = new Random(0);
    const [a, b] = ['a', 'b'].map((name) => randomNormal([PRODUCT_SIZE, PRODUCT_SIZE], random.split(name)));
    const times = Array.from({ length: 4 }, () => {
      const start = performance.now();
      scope(() => void noGrad(() => matmul(a, b)));
      return performance.now() - start;
    });
    // The first run compiles.
    return (2 * PRODUCT_SIZE ** 3) / median(times.slice(1)) / 1e6;
  });
}

/** Every variant's output and gradients, on one thread and on several. */
async function sameBits(): Promise<string> {
  const several = Math.max(2, threadCount());
  const [alone, together] = await onOneAndOn(several, () => allVariants().map(outputAndGradients));
  const different = allVariants().filter((_, index) => Buffer.compare(alone[index], together[index]) !== 0);
  if (different.length > 0) {
    throw new Error(`${different.map(({ name }) => name).join(', ')}: not the same on 1 thread and on ${several}`);
  }
  return `every variant's output and gradients, on 1 thread and on ${several}`;
}

function outputAndGradients(variant: AnyVariant): Buffer {
  // Long enough that the kernels are split between threads, and no multiple of a block.
  const shape = [1, 2, 161, 32];
  return scope(() => {
    const random = new Random(1);
    const [queries, keys, values, gradient] = ['queries', 'keys', 'values', 'gradient'].map((name) =>
      randomNormal(shape, random.split(name)),
    );
    for (const input of [queries, keys, values]) input.withGrad();
    const output = attend(variant, { queries, keys, values });
    backward(output, gradient);
    const arrays = [output, ...[queries, keys, values].flatMap(({ grad }) => grad ?? [])].map((each) => each.toArray());
    return Buffer.concat(arrays.map(({ buffer }) => Buffer.from(buffer as ArrayBuffer)));
  });
}

function shippedInput(): string {
  const { name, cases } = fixtureInput();
  for (const { load } of cases) scope(() => void load());
  return name;
}

/** The results of `body` on one thread and then on `several`; the number of threads is restored. */
async function onOneAndOn<T>(several: number, body: () => T): Promise<[alone: T, together: T]> {
  const before = threadCount();
  try {
    setThreads(1);
    const alone = body();
    setThreads(several);
    await poolReady();
    return [alone, body()];
  } finally {
    setThreads(before);
  }
}
