/**
 * A step of training a small language model, beside PyTorch's, and where its time goes.
 *
 * PyTorch runs at full width and held to narrower vectors: WebAssembly has 128 bits, so the ratio to full width says as much
 * about the processor as about the code. All contestants compute the same numbers and take turns in one run; before anything
 * is timed, the losses of their first steps are compared with ours.
 */
import { formatProfile } from '../../src/commands/training-profile.ts';
import { median } from '../../src/compare/stopwatch.ts';
import { setThreads } from '../../src/core/parallel/pool.ts';
import { type OpProfile, profileOps } from '../../src/core/profile.ts';
import { formatMilliseconds, formatPercent, formatRatio } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import type { ModelSize, Task } from '../peers/protocol.ts';
import { prepareModelStep } from '../peers/us-model-step.ts';
import type { Suite } from './suite.ts';
import { type Contestant, type Running, start } from './widths.ts';

const CONTESTANT = 'training step';
const PATIENCE = 300_000;
/** Relative: float32 sums in other orders, and what four steps of Adam make of them. */
const LOSS_TOLERANCE = 1e-4;

interface Size {
  name: string;
  length: number;
  width: number;
  model: ModelSize;
}

const SMALL: Size = { name: '2 layers, d = 64', length: 128, width: 64, model: { layers: 2, heads: 4, batch: 16 } };
const LARGE: Size = { name: '4 layers, d = 256', length: 256, width: 256, model: { layers: 4, heads: 8, batch: 8 } };
const TINY: Size = { name: '1 layer, d = 32', length: 32, width: 32, model: { layers: 1, heads: 2, batch: 2 } };

/** What one contestant took, for a size on a number of threads. */
export interface StepRow extends Record<string, unknown> {
  size: string;
  threads: number;
  contestant: Contestant;
  /** The median over the rounds. */
  milliseconds: number;
  /** Each round's. */
  all: number[];
  /** Its time over ours, the median of the rounds' ratios: above 1, ours is faster. */
  ratio: number;
}

export const training: Suite = {
  name: 'training',
  file: 'training-step',
  summary: 'a step of training a language model of bytes, compared with PyTorch at several vector widths (--venv)',
  async run({ rounds, quick, tell, venv, width }) {
    const problems: string[] = [];
    const rows: StepRow[] = [];
    const versions: Record<string, string> = {};
    for (const size of quick ? [TINY] : [SMALL, LARGE]) {
      for (const threads of [1, 2]) {
        const processes = await start(threads, venv, problems);
        try {
          for (const { process } of processes) Object.assign(versions, process.hello.versions);
          rows.push(...(await measure(processes, size, threads, rounds, tell, problems)));
        } finally {
          for (const { process } of processes) await process.end();
        }
      }
    }
    tell('where a step’s time goes');
    const steps = quick ? 5 : 50;
    const ops = await profileOf(quick ? TINY : SMALL, steps);
    const profile = formatProfile(ops, steps, width === undefined ? {} : { width });
    const table = `${tableOf(rows, width)}\n\nWhere a step’s time goes, on one thread: ${shareOfProducts(ops)} in the kernels of products and attention; (b) are gradients\n\n${profile}`;
    return { rows, table, details: { versions, profile: { steps, ops } }, problems: [...new Set(problems)] };
  },
};

async function measure(
  processes: readonly Running[],
  { name: size, ...sizes }: Size,
  threads: number,
  rounds: number,
  tell: (line: string) => void,
  problems: string[],
): Promise<StepRow[]> {
  const task: Task = { kind: 'training-step', ...sizes };
  const times = new Map<Contestant, number[]>(processes.map(({ name }) => [name, []]));
  const losses = new Map<Contestant, Float32Array>();
  for (const { name, process } of processes) {
    tell(`${size}, ${threads} threads: ${name} gets ready`);
    await process.ask({ do: 'prepare', contestant: CONTESTANT, task, check: false }, PATIENCE);
    const { results } = await process.ask({ do: 'results', contestant: CONTESTANT }, PATIENCE);
    const bytes = Buffer.from(results?.losses ?? '', 'base64');
    losses.set(name, new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  }
  const ours = losses.get('this library') as Float32Array;
  for (const [name, each] of losses) {
    const furthest = Math.max(...ours.map((loss, n) => Math.abs(each[n] - loss) / loss));
    if (!(furthest < LOSS_TOLERANCE)) problems.push(`${name}: its losses differ from ours by ${furthest}, for ${size}`);
  }
  for (let round = 0; round < rounds; round++) {
    tell(`${size}, ${threads} threads: round ${round + 1} of ${rounds}`);
    for (const { name, process } of processes) {
      const repeats = sizes.width > SMALL.width ? 2 : 10;
      const answer = await process.ask({ do: 'measure', contestant: CONTESTANT, repeats }, PATIENCE);
      times.get(name)?.push(answer.milliseconds as number);
    }
  }
  return rowsOf(size, threads, times);
}

/** A row for each contestant, with its ratio to ours, round by round. */
export function rowsOf(size: string, threads: number, times: ReadonlyMap<Contestant, number[]>): StepRow[] {
  const ours = times.get('this library') as number[];
  return [...times].map(([contestant, all]) => {
    const ratio = median(all.map((each, round) => each / ours[round]));
    return { size, threads, contestant, milliseconds: median(all), all, ratio };
  });
}

/** Of ours, on one thread, in this process. */
async function profileOf({ name: _, model, ...sizes }: Size, steps: number): Promise<OpProfile[]> {
  setThreads(1);
  const prepared = prepareModelStep({ ...sizes, ...model });
  for (let n = 0; n < steps / 2; n++) await prepared.run();
  const { ops } = await profileOps(async () => {
    for (let n = 0; n < steps; n++) await prepared.run();
  });
  prepared.release();
  return ops;
}

function tableOf(rows: readonly StepRow[], width: number | undefined): string {
  const titles = ['model', 'threads', 'contestant', 'a step', 'its time / ours', 'gain of the second thread'];
  const lines = rows.map((row) => {
    const alone = rows.find(
      ({ size, threads, contestant }) => size === row.size && threads === 1 && contestant === row.contestant,
    );
    return [
      row.size,
      String(row.threads),
      row.contestant,
      formatMilliseconds(row.milliseconds),
      row.contestant === 'this library' ? '' : formatRatio(row.ratio),
      row.threads === 1 || alone === undefined ? '' : formatRatio(alone.milliseconds / row.milliseconds),
    ];
  });
  const columns = titles.map((title, n) => ({
    title,
    align: n === 0 || n === 2 ? ('left' as const) : ('right' as const),
  }));
  return formatTable(columns, lines, { width });
}

const PRODUCTS = ['matmul', 'affine', 'attention'];

/** Of a step's time, the share of products: of matrices, and of attention, which are products between exponentials. */
export function shareOfProducts(ops: readonly OpProfile[]): string {
  const total = ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const inProducts = ops.filter(({ name }) => PRODUCTS.includes(name));
  return formatPercent(inProducts.reduce((sum, { kernelMilliseconds }) => sum + kernelMilliseconds, 0) / total);
}
