/** Rounds over all contestants of one task, each in its own process, one after the other and never two at once. */
import { freemem } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { median } from '../../../src/compare/stopwatch.ts';
import { formatBytes, formatMilliseconds } from '../../../src/terminal/format.ts';
import type { ContestantDescription, Task } from '../../peers/protocol.ts';
import { type Forecast, hasRate, operations, scoreBytes } from './plan.ts';
import { PeerFailure, type PeerName, type PeerProcess } from './process.ts';

/** One contestant in its process. */
export interface Entrant {
  process: PeerProcess;
  contestant: ContestantDescription;
}

export interface Row {
  peer: PeerName;
  contestant: string;
  computes: string;
  instructions: ContestantDescription['instructions'];
  threads: number;
  task: Task;
  /** `unable`: it has no form for this task. */
  outcome: 'measured' | 'cut' | 'memory' | 'unable' | 'failed';
  /** Why there is no figure; null if there is one. */
  reason: string | null;
  /** Median of `times`, in milliseconds a run. */
  milliseconds: number | null;
  times: number[];
  /** Floating-point operations a second, where they can be counted. */
  rate: number | null;
  /** Of the peak of the same instructions on as many threads. */
  share: number | null;
  /** Time over ours for the same computation: above 1 we are faster. */
  ratio: number | null;
}

export interface Limits {
  rounds: number;
  /** A run that is expected to take longer is cut off. */
  milliseconds: number;
}

/** A figure is the mean of as many runs as take about this long. */
const FIGURE_MILLISECONDS = 20;
const MOST_REPEATS = 100;
const PEAK_ROUNDS = 40;
/** Lets threads of the last one that still spin go to sleep. */
const PAUSE_MILLISECONDS = 5;
/** Who has had this share of the limit, in this many rounds, sits out the rest: long runs vary less. */
const PATIENCE_SHARE = 0.25;
const FEWEST_ROUNDS = 2;
/** Of the free memory, what a contestant may fill with scores. */
const MEMORY_SHARE = 0.4;

export async function measureTask(
  task: Task,
  entrants: readonly Entrant[],
  threads: number,
  limits: Limits,
  forecast: Forecast,
  tell: (line: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  const running: { entrant: Entrant; row: Row; repeats: number; spent: number }[] = [];
  for (const entrant of entrants) {
    const row = emptyRow(entrant, task, threads);
    rows.push(row);
    const refusal = refusalOf(entrant, task, threads, limits, forecast);
    if (refusal !== null) {
      Object.assign(row, refusal);
      continue;
    }
    tell(`${describe(task)}, ${threads} threads: ${row.peer} ${row.contestant}`);
    await failing(row, async () => {
      const { process, contestant } = entrant;
      await process.revive();
      const request = { do: 'prepare', contestant: contestant.name, task, check: false } as const;
      const { milliseconds = 0 } = await process.ask(request, patience(limits));
      const wanted = task.kind === 'peak' ? 1 : Math.round(FIGURE_MILLISECONDS / milliseconds);
      const repeats = Math.max(1, Math.min(MOST_REPEATS, wanted));
      running.push({ entrant, row, repeats, spent: 0 });
    });
  }
  // The peak is the best of many short runs.
  const rounds = task.kind === 'peak' ? PEAK_ROUNDS : limits.rounds;
  for (let round = 0; round < rounds; round++) {
    tell(`${describe(task)}, ${threads} threads: round ${round + 1}`);
    // Every other round backwards, so that none always follows the same neighbour.
    for (const each of round % 2 === 0 ? running : running.toReversed()) {
      const { entrant, row, repeats } = each;
      if (row.outcome !== 'measured') continue;
      if (task.kind !== 'peak' && round >= FEWEST_ROUNDS && each.spent >= PATIENCE_SHARE * limits.milliseconds)
        continue;
      await wait(PAUSE_MILLISECONDS);
      await failing(row, async () => {
        const request = { do: 'measure', contestant: entrant.contestant.name, repeats } as const;
        const { milliseconds } = await entrant.process.ask(request, patience(limits));
        row.times.push(Number((milliseconds as number).toPrecision(5)));
        each.spent += repeats * (milliseconds as number);
      });
    }
  }
  for (const { entrant, row } of running) {
    await failing(row, () => entrant.process.ask({ do: 'release', contestant: row.contestant }, patience(limits)));
    if (row.outcome === 'measured') conclude(row, forecast);
  }
  return rows;
}

/** How long an answer may take: what a limit could not foresee, a first run that compiles, several runs to warm up. */
function patience({ milliseconds }: Limits): number {
  return 30_000 + 20 * milliseconds;
}

function refusalOf(
  { process, contestant }: Entrant,
  task: Task,
  threads: number,
  limits: Limits,
  forecast: Forecast,
): Pick<Row, 'outcome' | 'reason'> | null {
  const work = operations(task, contestant.computes, threads);
  const expected = forecast.expected(keyOf(process.name, contestant.name, task), work);
  if (expected !== null && expected > limits.milliseconds) {
    const limit = formatMilliseconds(limits.milliseconds);
    return { outcome: 'cut', reason: `about ${formatMilliseconds(expected)} expected, the limit is ${limit}` };
  }
  const bytes = scoreBytes(contestant, task);
  if (bytes > MEMORY_SHARE * freemem()) {
    return { outcome: 'memory', reason: `its scores would take ${formatBytes(bytes)}` };
  }
  return null;
}

/** With the pass for a recurrence: backward through a loop over tokens takes up to ten times as long as forward. */
const keyOf = (peer: string, contestant: string, task: Task): string =>
  `${peer}/${contestant}${task.kind === 'recurrence' && task.training ? '/both' : ''}`;

function conclude(row: Row, forecast: Forecast): void {
  const work = operations(row.task, row.computes, row.threads);
  // The peak is what is possible, not what is usual.
  row.milliseconds = row.task.kind === 'peak' ? Math.min(...row.times) : median(row.times);
  row.rate = hasRate(row.task, row.computes) ? work / (row.milliseconds / 1000) : null;
  forecast.add(keyOf(row.peer, row.contestant, row.task), work, row.milliseconds);
}

async function failing(row: Row, body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    row.outcome = error instanceof PeerFailure && error.unable ? 'unable' : 'failed';
    row.reason = error instanceof Error ? error.message : String(error);
  }
}

function emptyRow({ process, contestant }: Entrant, task: Task, threads: number): Row {
  const { name, computes, instructions } = contestant;
  const nothing = { reason: null, milliseconds: null, rate: null, share: null, ratio: null };
  return {
    peer: process.name,
    contestant: name,
    computes,
    instructions,
    threads,
    task,
    outcome: 'measured',
    times: [],
    ...nothing,
  };
}

/** `attention, 8 heads, 1024 tokens, forward`. */
export function describe(task: Task): string {
  if (task.kind === 'peak') return 'peak';
  if (task.kind === 'product') return `product of ${task.size}`;
  if (task.kind === 'training-step') return `training step, ${task.length} tokens`;
  if (task.kind === 'decoded-token') return `a token after ${task.length}`;
  const { kind, heads, length, training } = task;
  return `${kind}, ${heads === 1 ? '1 head' : `${heads} heads`}, ${length} tokens, ${training ? 'both passes' : 'forward'}`;
}
