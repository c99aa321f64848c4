/** Reads the raw numbers under bench/results/, for tables and plots. */

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Conversions, resultsOf, type SetName } from '../../scripts/conversions/sets.ts';
import type { ConvertedInPython } from '../../scripts/converted-in-python.ts';
import type { Summary } from '../../scripts/training-summary.ts';
import type { SwapReport } from '../../src/commands/compare-pretrained.ts';
import type { ComparisonReport } from '../../src/compare/result.ts';
import { type Point, pointsOf, type Series, seriesOf } from '../../src/compare/series.ts';
import { readJsonObject } from '../../src/core/files/json.ts';
import { entryAt } from '../../src/core/files/system-error.ts';
import type { OpProfile } from '../../src/core/profile.ts';
import type { BeforeRow } from '../suites/before.ts';
import type { GrowthRow } from '../suites/growth.ts';
import type { Row } from '../suites/peers/measure.ts';
import type { ProfileRow } from '../suites/profiles.ts';
import type { StreamRow } from '../suites/stream.ts';
import type { StepRow } from '../suites/widths.ts';

export interface Raw<EachRow> {
  summary: string;
  environment: ComparisonReport['environment'];
  rows: EachRow[];
  /** Of what was measured, by name. */
  versions?: Record<string, string>;
  /** For `before`: the commit that it was compared with. */
  commit?: string;
  /** For `before`: how the numbers came about. */
  note?: string;
  /** For peers: runs that would take longer were cut off. */
  limitSeconds?: number;
}

/** What the suite of training steps writes. */
export interface TrainingStep extends Raw<StepRow> {
  versions: Record<string, string>;
  profile: { steps: number; ops: OpProfile[] };
  /** Of the large model. */
  largeProfile?: { steps: number; ops: OpProfile[] };
}

/** The figures of one length, or, without a length, those fitted over all lengths. */
export interface ScalingRow {
  variant: string;
  training: boolean;
  length?: number;
  milliseconds: number;
  peakBytes: number;
  timeSlope?: number | null;
  memorySlope?: number | null;
}

export interface CrossoverRow {
  variant: string;
  training: boolean;
  length: number;
  milliseconds: number;
  speedUp: number;
}

export interface KernelRow {
  what: string;
  threads: number;
  milliseconds: number;
  rate: number;
  unit: string;
  /** Of the peak of multiply-adds. */
  share?: number;
}

export interface DecodingRow {
  variant: string;
  position: number;
  millisecondsPerToken: number;
  stateBytes: number;
}

export interface ReversibleRow {
  residual: 'plain' | 'reversible';
  layers: number;
  length: number;
  activationBytes: number;
}

/** Without what is null. */
export type PeerRow = Pick<
  Row,
  'peer' | 'contestant' | 'computes' | 'instructions' | 'threads' | 'task' | 'outcome'
> & {
  milliseconds?: number;
  rate?: number;
  share?: number;
  ratio?: number;
};

interface Rows {
  scaling: ScalingRow;
  crossover: CrossoverRow;
  kernels: KernelRow;
  decoding: DecodingRow;
  stream: StreamRow;
  growth: GrowthRow;
  reversible: ReversibleRow;
  before: BeforeRow;
  peers: PeerRow;
  recurrences: PeerRow;
  profiles: ProfileRow;
}

/** The results of a suite; null if it never ran. */
export function readSuite<Name extends keyof Rows>(name: Name): Raw<Rows[Name]> | null {
  return readResult(`${name}.json`);
}

/** As `readSuite`, of a suite that must have run. */
export function needSuite<Name extends keyof Rows>(name: Name): Raw<Rows[Name]> {
  return needResult(`${name}.json`, `npm run bench -- --suite ${name}`);
}

/** The results of `compare` on the shipped input. */
export function needComparison(): ComparisonReport {
  return needResult('compare.json', COMPARE_COMMAND);
}

/** The same, causal, which has the variants that read in one direction; null if it never ran. */
export function readCausalComparison(): ComparisonReport | null {
  return readResult('compare-causal.json');
}

/** What `compare --pretrained` says of all-MiniLM-L6-v2. */
export function needSwaps(): SwapReport {
  return needResult('minilm.json', SWAP_COMMAND);
}

/** What `npm run conversions` says of a model; null if it never ran. */
export function readConversions<Numbers>(set: SetName): Conversions<Numbers> | null {
  return readResult(basename(resultsOf(set)));
}

/** What `npm run converted-in-python` says; null if it never ran. */
export function readConvertedInPython(): ConvertedInPython | null {
  return readResult('converted-in-python.json');
}

/** A model that was exported and loaded in PyTorch: the largest differences, and null where gradients have other names. */
export interface ExportRow {
  model: string;
  attention: string;
  head: string;
  loadedBy: string;
  largestLogit: number;
  full: number;
  padded: number;
  short: number;
  gradients: number | null;
}

interface Exports {
  versions: { torch: string; transformers: string };
  rows: ExportRow[];
}

/** What fixtures/scripts/check_export.py wrote; null if it did not. */
export function readExports(name: 'exports.json' | 'exports-float64.json'): Exports | null {
  return readResult(name);
}

/** The same, of what it must have written. */
export function needExports(name: 'exports.json'): Exports {
  return needResult(name, `python fixtures/scripts/check_export.py out/exports/* --json bench/results/${name}`);
}

const TRAINING = 'training/summary.json';

/** The results of all runs of `npm run recipes`. */
export function needTraining(): Summary {
  return needResult(TRAINING, 'npm run recipes');
}

/** The same; null if nothing was trained yet. */
export function readTraining(): Summary | null {
  return readResult(TRAINING);
}

/** A file under bench/results/, whose form is that of what writes it; null if it is not there. */
function readResult<Result>(name: string): Result | null {
  const file = fileURLToPath(new URL(`../results/${name}`, import.meta.url));
  return entryAt(file) === null ? null : (readJsonObject(file) as Result);
}

/** Throws for a file that is not there, and says which command writes it. */
function needResult<Result>(name: string, command: string): Result {
  const result = readResult<Result>(name);
  if (result === null) throw new Error(`bench/results/${name}: not there; ${command}`);
  return result;
}

/** Training steps, and what the ops of `steps` of them took; null if they were never measured. */
export function readSteps(): TrainingStep | null {
  return readResult('training-step.json');
}

/** `npm run explorer-speed`: milliseconds from the slider to the figures, for each variant; null if it never ran. */
export function readExplorer(): { rows: { variant: string; milliseconds: number }[] } | null {
  return readResult('explorer.json');
}

/** `npm run start-speed`: medians of the whole and of the first rows; null if it never ran. */
export function readStart(): { milliseconds: number; firstMilliseconds: number } | null {
  return readResult('start.json');
}

/** `npm run page-speed`: a training step in a page and in Node; null if it never ran. */
export function readPageStep(): {
  environment: { node: string };
  chromium: string;
  rows: { size: string; ratio: number }[];
} | null {
  return readResult('page-step.json');
}

/** One more token after others, beside PyTorch's; null if it was never measured. */
export function readGeneration(): (Raw<StepRow> & { tokensBefore: number }) | null {
  return readResult('generation.json');
}

/** The command that writes bench/results/compare.json. */
export const COMPARE_COMMAND = 'npm start -- --all-budgets --json bench/results/compare.json';

/** The command that writes bench/results/compare-causal.json. */
export const CAUSAL_COMMAND = 'npm start -- --all-budgets --causal --json bench/results/compare-causal.json';

/** The command that writes bench/results/minilm.json. */
export const SWAP_COMMAND =
  'npm start -- compare --pretrained ~/.cache/efficient-transformers/minilm --text fixtures/text/alice-chapter-1.txt ' +
  '--length 128,512 --json bench/results/minilm.json';

/** By variant, the middle one of its budgets (the lower of two), averaged over the layers: where one figure must do. */
export function middlePoints({ results }: Pick<ComparisonReport, 'results'>): Map<string, Point> {
  return new Map(seriesOf(results).map((series) => [series.variant, middlePoint(series)]));
}

function middlePoint(series: Series): Point {
  const points = pointsOf(series);
  return points[Math.floor((points.length - 1) / 2)];
}

/** The exponents fitted over all lengths of a variant, forward; null where there is none. */
export function slopesOf(rows: readonly ScalingRow[], variant: string): { time: number | null; memory: number | null } {
  const fitted = rows.find((row) => row.variant === variant && !row.training && row.length === undefined);
  return { time: fitted?.timeSlope ?? null, memory: fitted?.memorySlope ?? null };
}

/** The length from which on a variant is faster than full attention at every greater one too; null if at none. */
export function fasterFrom(rows: readonly Pick<CrossoverRow, 'length' | 'speedUp'>[]): number | null {
  const from = rows.findLastIndex(({ speedUp }) => speedUp <= 1) + 1;
  return from === rows.length ? null : rows[from].length;
}

/** What a reader calls a line of the peers' tables. */
export function contestantName({ peer, contestant, computes }: PeerRow): string {
  if (peer === 'us') return 'this library';
  if (peer === 'us-plain') return 'this library, plain';
  const plainName = [computes, 'product', 'training step'].includes(contestant);
  return plainName ? peer : `${peer} (${contestant.replace(/^full, /, '')})`;
}
