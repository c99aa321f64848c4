/**
 * One more token of a language model of bytes, after thousands of others, beside PyTorch with a cache of keys and values.
 *
 * Both hold the keys and values of all tokens so far, and read them for each new one. All contestants compute the same logits,
 * which are compared before anything is timed, and take turns in one run.
 */
import { formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import type { ModelSize, Task } from '../peers/protocol.ts';
import type { Suite } from './suite.ts';
import { rowsOf, type StepRow } from './training.ts';
import { type Contestant, type Running, start } from './widths.ts';

const CONTESTANT = 'decoded token';
const PATIENCE = 300_000;
/** Of a logit, beside deviations of about 1: float32 sums in other orders, over two layers. */
const LOGIT_TOLERANCE = 1e-3;

interface Size {
  name: string;
  /** Tokens before. */
  length: number;
  width: number;
  model: ModelSize;
}

const SIZES: readonly Size[] = [
  { name: '2 layers, d = 64', length: 8192, width: 64, model: { layers: 2, heads: 4, batch: 1 } },
  { name: '4 layers, d = 256', length: 8192, width: 256, model: { layers: 4, heads: 8, batch: 1 } },
];
const TINY: Size = { name: '1 layer, d = 32', length: 64, width: 32, model: { layers: 1, heads: 2, batch: 1 } };
/** Tokens that a figure is the mean of. */
const REPEATS = 32;

export const generation: Suite = {
  name: 'generation',
  summary:
    'one more token of a language model of bytes after 8,192 others, compared with PyTorch with a cache (--venv)',
  async run({ rounds, quick, tell, venv, width }) {
    const problems: string[] = [];
    const rows: StepRow[] = [];
    const versions: Record<string, string> = {};
    const sizes = quick ? [TINY] : SIZES;
    for (const threads of quick ? [1] : [1, 2]) {
      for (const size of sizes) {
        const processes = await start(threads, venv, problems);
        try {
          for (const { process } of processes) Object.assign(versions, process.hello.versions);
          rows.push(...(await measure(processes, size, threads, rounds, tell, problems)));
        } finally {
          for (const { process } of processes) await process.end();
        }
      }
    }
    const details = { versions, tokensBefore: sizes[0].length };
    return { rows, table: tableOf(rows, width), details, problems: [...new Set(problems)] };
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
  const task: Task = { kind: 'decoded-token', ...sizes };
  const times = new Map<Contestant, number[]>(processes.map(({ name }) => [name, []]));
  const logits = new Map<Contestant, Float32Array>();
  for (const { name, process } of processes) {
    tell(`${size}, ${threads} threads: ${name} reads ${formatWhole(sizes.length)} tokens`);
    await process.ask({ do: 'prepare', contestant: CONTESTANT, task, check: false }, PATIENCE);
    const { results } = await process.ask({ do: 'results', contestant: CONTESTANT }, PATIENCE);
    const bytes = Buffer.from(results?.logits ?? '', 'base64');
    logits.set(name, new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  }
  const ours = logits.get('this library') as Float32Array;
  for (const [name, theirs] of logits) {
    const furthest = Math.max(...ours.map((each, n) => Math.abs(each - theirs[n])));
    if (!(furthest < LOGIT_TOLERANCE))
      problems.push(`${name}: its logits differ from ours by ${furthest}, for ${size}`);
  }
  for (let round = 0; round < rounds; round++) {
    tell(`${size}, ${threads} threads: round ${round + 1} of ${rounds}`);
    for (const { name, process } of processes) {
      const answer = await process.ask({ do: 'measure', contestant: CONTESTANT, repeats: REPEATS }, PATIENCE);
      times.get(name)?.push(answer.milliseconds as number);
    }
  }
  return rowsOf(size, threads, times);
}

function tableOf(rows: readonly StepRow[], width: number | undefined): string {
  const columns = GENERATION_TITLES.map((title, n) => ({
    title,
    align: n === 0 || n === 2 ? ('left' as const) : ('right' as const),
  }));
  return formatTable(columns, generationLines(rows), { width });
}

export const GENERATION_TITLES = ['model', 'threads', 'contestant', 'a token', 'its time / ours'];

/** A line for each row, for tables. */
export function generationLines(rows: readonly StepRow[]): string[][] {
  return rows.map(({ size, threads, contestant, milliseconds, ratio }) => [
    size,
    String(threads),
    contestant,
    formatMilliseconds(milliseconds),
    contestant === 'this library' ? '' : formatRatio(ratio),
  ]);
}
