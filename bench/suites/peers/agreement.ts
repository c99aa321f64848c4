/**
 * Before anything is timed: does it compute what we compute? Every contestant returns the numbers of a small run, gradients
 * included, which are compared with ours. Where a pattern is random, each draws its own: there the peer returns its weights,
 * and they must be the softmax over the keys that they show, and as many of those as expected.
 */
import type { ContestantDescription, EncodedResults, Task } from '../../peers/protocol.ts';
import { RECURRENCES } from '../../peers/recurrences.ts';
import { furthest, patternVerdict, type Verdict } from './pattern.ts';
import type { PeerName, PeerProcess } from './process.ts';

export interface Agreement {
  peer: PeerName;
  contestant: string;
  threads: number;
  /** What it was held against. */
  against: string;
  /** The largest difference, as a share of the largest number of ours; null if it is not available. */
  difference: number | null;
  tolerance: number;
  agrees: boolean;
  reason: string | null;
}

/**
 * Rounding in another order makes up to 2e-6 of the largest number here, over all peers and arrays; what is wrong by a
 * term makes 1e-2 and more.
 */
const TOLERANCE = 1e-5;
/**
 * With parameters. The gradient of A_log is a sum over all tokens of terms of both signs, whose sizes add up to eight times
 * as much. Running sums of decays round it by more than others: held against float64, ours is off by 6.8e-6, and that of
 * flash-linear-attention's form over all pairs by 1.6e-5. Everything else agrees with float64 within 3e-6.
 */
const PARAMETER_TOLERANCE = 1e-4;

const HEAD_DIM = 64;
/** No round numbers where the contestants take any. */
const LENGTHS: Record<string, number> = {
  full: 100,
  longformer: 1024,
  nystromformer: 512,
  bigbird: 1536,
  reformer: 512,
};
/** Several chunks, and what a contestant by blocks of 128 takes. */
const RECURRENCE_LENGTH = 384;
const TIMEOUT_MILLISECONDS = 60_000;

/** Holds each contestant of the peers with one of the kinds against ours. Throws PeerFailure if ours gives no numbers. */
export async function compareResults(
  us: PeerProcess,
  peers: readonly PeerProcess[],
  kinds: ReadonlySet<Task['kind']>,
  threads: number,
  tell: (line: string) => void,
): Promise<Agreement[]> {
  const agreements: Agreement[] = [];
  for (const process of peers) {
    for (const contestant of process.hello.contestants.filter(({ kind }) => kinds.has(kind))) {
      const task = checkTask(contestant);
      const ours = us.hello.contestants.find(
        ({ kind, computes }) => kind === contestant.kind && computes === contestant.computes,
      );
      if (task === null || ours === undefined) continue;
      tell(`comparing ${process.name} ${contestant.name}`);
      const tolerance = RECURRENCES[contestant.computes]?.parameters === undefined ? TOLERANCE : PARAMETER_TOLERANCE;
      const common = { peer: process.name, contestant: contestant.name, threads, tolerance };
      let results: Map<string, Float32Array>;
      try {
        results = await resultsOf(process, contestant.name, task);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        agreements.push({ ...common, against: 'us', difference: null, agrees: false, reason });
        continue;
      }
      const weights = results.get('weights');
      const verdict =
        weights !== undefined && task.kind === 'attention'
          ? patternVerdict(contestant.computes, task, weights, results)
          : differenceVerdict(results, await resultsOf(us, ours.name, task));
      const agrees = verdict.difference <= tolerance;
      agreements.push({ ...common, ...verdict, agrees, reason: null });
    }
  }
  return agreements;
}

/** Null for what is not compared. */
function checkTask({ kind, computes, training }: ContestantDescription): Task | null {
  if (kind === 'peak' || kind === 'decoded-token') return null;
  if (kind === 'product') return { kind, size: 97 };
  if (kind === 'training-step') return { kind, length: 48, width: 64 };
  if (kind === 'recurrence') return { kind, heads: 2, length: RECURRENCE_LENGTH, headDim: HEAD_DIM, training };
  const length = LENGTHS[computes];
  if (length === undefined) return null;
  // One head where the weights of all pairs travel, or where a peer lets heads share a norm.
  return { kind, heads: computes === 'full' || computes === 'longformer' ? 2 : 1, length, headDim: HEAD_DIM, training };
}

async function resultsOf(process: PeerProcess, contestant: string, task: Task): Promise<Map<string, Float32Array>> {
  await process.ask({ do: 'prepare', contestant, task, check: true }, TIMEOUT_MILLISECONDS);
  const { results } = await process.ask({ do: 'results', contestant }, TIMEOUT_MILLISECONDS);
  await process.ask({ do: 'release', contestant }, TIMEOUT_MILLISECONDS);
  return decode(results ?? {});
}

function decode(results: EncodedResults): Map<string, Float32Array> {
  const arrays = Object.entries(results).map(([name, text]) => {
    const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
    return [name, new Float32Array(bytes.buffer)] as const;
  });
  return new Map(arrays);
}

/** Of all arrays that ours gives; a missing one is as wrong as can be, and so is one of another length. */
function differenceVerdict(theirs: Map<string, Float32Array>, ours: Map<string, Float32Array>): Verdict {
  const differences = [...ours].map(([name, array]) => relativeDifference(theirs.get(name), array));
  return { against: `us: ${[...ours.keys()].join(', ')}`, difference: Math.max(...differences) };
}

function relativeDifference(theirs: Float32Array | undefined, ours: Float32Array): number {
  if (theirs === undefined || ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let difference = 0;
  ours.forEach((value, index) => {
    largest = Math.max(largest, Math.abs(value));
    difference = furthest(difference, theirs[index] - value);
  });
  return difference / largest;
}
