/** PyTorch beside this library: at full width, and held to narrower vectors. They compute the same numbers and take turns. */
import { median } from '../../src/compare/stopwatch.ts';
import type { ModelSize } from '../peers/protocol.ts';
import { PeerFailure, PeerProcess } from './peers/process.ts';
import type { SuiteSettings } from './suite.ts';

const PATIENCE = 300_000;

/** Variables that hold PyTorch, oneDNN and MKL to a width. */
const heldTo = (aten: string, onednn: string, mkl: string) => ({
  ATEN_CPU_CAPABILITY: aten,
  ONEDNN_MAX_CPU_ISA: onednn,
  MKL_ENABLE_INSTRUCTIONS: mkl,
});

const CONTESTANTS = [
  { name: 'this library', peer: 'us', environment: {} },
  { name: 'PyTorch', peer: 'pytorch', environment: {} },
  { name: 'PyTorch, AVX2', peer: 'pytorch', environment: heldTo('avx2', 'AVX2', 'AVX2') },
  { name: 'PyTorch, 128 bits', peer: 'pytorch', environment: heldTo('default', 'SSE41', 'SSE4_2') },
] as const;
export type Contestant = (typeof CONTESTANTS)[number]['name'];

/** A model, as rows name it. */
export interface Size {
  name: string;
  /** Tokens that a step reads, or that stand before a token. */
  length: number;
  width: number;
  model: ModelSize;
}

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

/** What is measured, and what has to be equal before. */
interface Contest {
  /** As the processes know it. */
  contestant: string;
  kind: 'training-step' | 'decoded-token';
  /** The results that are compared. */
  results: 'losses' | 'logits';
  /** How far theirs are from ours. */
  distance: (ours: number, theirs: number) => number;
  tolerance: number;
  /** Of a size: the figure of a round is the mean of so many. */
  repeats: (size: Size) => number;
}

/** The rows of some sizes on some numbers of threads; what went wrong is added to `problems`. */
export async function measureInTurns(
  contest: Contest,
  sizes: readonly Size[],
  allThreads: readonly number[],
  { rounds, tell, venv }: Pick<SuiteSettings, 'rounds' | 'tell' | 'venv'>,
  problems: string[],
): Promise<{ rows: StepRow[]; versions: Record<string, string> }> {
  const rows: StepRow[] = [];
  const versions: Record<string, string> = {};
  for (const size of sizes) {
    for (const threads of allThreads) {
      const label = `${size.name}, ${threads} threads`;
      const processes = await start(threads, venv, problems);
      try {
        for (const { process } of processes) Object.assign(versions, process.hello.versions);
        await prepare(contest, size, processes, (line) => tell(`${label}: ${line}`), problems);
        const times = new Map<Contestant, number[]>(processes.map(({ name }) => [name, []]));
        for (let round = 0; round < rounds; round++) {
          tell(`${label}: round ${round + 1} of ${rounds}`);
          for (const { name, process } of processes) {
            const { contestant, repeats } = contest;
            const answer = await process.ask({ do: 'measure', contestant, repeats: repeats(size) }, PATIENCE);
            times.get(name)?.push(answer.milliseconds as number);
          }
        }
        rows.push(...rowsOf(size.name, threads, times));
      } finally {
        for (const { process } of processes) await process.end();
      }
    }
  }
  return { rows, versions };
}

/** A row for each contestant, with its ratio to ours, round by round. */
export function rowsOf(size: string, threads: number, times: ReadonlyMap<Contestant, number[]>): StepRow[] {
  const ours = times.get('this library') as number[];
  return [...times].map(([contestant, all]) => {
    const ratio = median(all.map((each, round) => each / ours[round]));
    return { size, threads, contestant, milliseconds: median(all), all, ratio };
  });
}

async function prepare(
  { contestant, kind, results: what, distance, tolerance }: Contest,
  { name: size, ...sizes }: Size,
  processes: readonly Running[],
  tell: (line: string) => void,
  problems: string[],
): Promise<void> {
  const computed = new Map<Contestant, Float32Array>();
  for (const { name, process } of processes) {
    tell(`${name} gets ready`);
    await process.ask({ do: 'prepare', contestant, task: { kind, ...sizes }, check: false }, PATIENCE);
    const { results } = await process.ask({ do: 'results', contestant }, PATIENCE);
    const bytes = Buffer.from(results?.[what] ?? '', 'base64');
    computed.set(name, new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  }
  const ours = computed.get('this library') as Float32Array;
  for (const [name, theirs] of computed) {
    const furthest = Math.max(...ours.map((each, n) => distance(each, theirs[n])));
    if (!(furthest < tolerance)) problems.push(`${name}: its ${what} differ from ours by ${furthest}, for ${size}`);
  }
}

interface Running {
  name: Contestant;
  process: PeerProcess;
}

/** Those that are there; the others are problems. Ours has to be. */
async function start(threads: number, venv: string | undefined, problems: string[]): Promise<Running[]> {
  const running: Running[] = [];
  for (const { name, peer, environment } of CONTESTANTS) {
    try {
      running.push({ name, process: await PeerProcess.start(peer, threads, venv, environment) });
    } catch (error) {
      if (!(error instanceof PeerFailure) || peer === 'us') throw error;
      problems.push(`${name}: ${error.message}`);
    }
  }
  return running;
}
