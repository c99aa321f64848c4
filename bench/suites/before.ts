/**
 * This checkout compared with another one, an earlier commit of it: every variant that both have, forward and with backward,
 * and a step of its generation.
 *
 * One process of each checkout says little. What a run takes differs from process to process by where the engine put its code
 * and data and in which order it compiled, and stays so for the life of a process. So every round starts two fresh processes
 * for a variant, one of each checkout, and asks them for turns in the order A B B A. In a process the shortest turn counts:
 * a busy machine only ever adds time. A round gives a ratio of two processes that ran at the same time, and the median of the
 * rounds' ratios stands in the table. It is steadier than the ratio of two medians: if processes are fast or slow by
 * chance, in both checkouts alike, most pairs are equal, or slow and fast cancel. The least and the largest ratio are shown too.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../../src/compare/stopwatch.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { threadCount } from '../../src/core/parallel/pool.ts';
import { formatMilliseconds, formatRatio } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { Checkout } from './before/checkout.ts';
import { type Body, MOST_TURNS, nameOf } from './before/protocol.ts';
import type { Suite, SuiteSettings } from './suite.ts';

const LEAST_TURNS = 5;
/** A body that has had this many milliseconds takes no further turns, after the least. */
const PATIENCE = 1000;
/** How the numbers came about, for the table in the documentation. */
const NOTE =
  'Processes of one checkout differ, so every round starts a fresh process of each for every variant. They take turns, and ' +
  'in each process the shortest turn counts. A ratio is the median over the rounds.';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface BeforeRow extends Record<string, unknown> {
  variant: string;
  causal: boolean;
  /** `forward`, `with backward`, or the position of a step of generation. */
  what: string;
  /** Medians over the rounds. */
  beforeMilliseconds: number;
  nowMilliseconds: number;
  /** Before / now, the median of the rounds' ratios: above 1, it has become faster. */
  speed: number;
  /** The ratio of each round. */
  speeds: number[];
  beforeBytes: number | null;
  nowBytes: number | null;
}

export const before: Suite = {
  name: 'before',
  summary: 'this checkout compared with an earlier one (--before FOLDER): time before / time now',
  reads: 'before',
  check: (settings) => void folderOf(settings),
  async run(settings) {
    const folder = folderOf(settings);
    const known = await variantsOf(folder);
    const common = allVariants().filter(({ name }) => known.includes(name));
    const measured = new Map<string, Measured[]>();
    for (let round = 0; round < settings.rounds; round++) {
      for (const variant of common) {
        settings.tell(`round ${round + 1} of ${settings.rounds}: ${variant.name}`);
        const results = await measurePair([folder, ROOT], variant, round, settings);
        measured.set(variant.name, [...(measured.get(variant.name) ?? []), ...results]);
      }
    }
    const rows = common.flatMap(({ name }) => rowsOf(name, measured.get(name) ?? []));
    return { rows, table: tableOf(rows, settings.width), details: { commit: commitOf(folder), note: NOTE } };
  },
};

/** Throws ArgumentError unless it has a checkout. */
function folderOf({ before: given }: Pick<SuiteSettings, 'before'>): string {
  if (given === undefined) throw new ArgumentError('--before: expected the folder of another checkout, got none');
  const folder = resolve(given);
  if (existsSync(join(folder, 'src', 'index.ts'))) return folder;
  throw new ArgumentError(`--before: expected a checkout with src/index.ts, got ${folder}`);
}

/** A body in a process of each checkout: before, and now. */
export interface Measured {
  body: Body;
  milliseconds: readonly [number, number];
  bytes: readonly [number, number] | null;
}

/** What a variant is measured at; `quick`: at short lengths. */
export function bodiesOf({ supports }: AnyVariant, quick: boolean): Body[] {
  const passes = [false, true]
    .filter((causal) => supports.causal || !causal)
    .flatMap((causal) => (['forward', 'with backward'] as const).map((kind): Body => ({ kind, causal })));
  const positions = supports.incremental ? (quick ? [128] : [512, 2048, 8192]) : [];
  return [...passes, ...positions.map((position): Body => ({ kind: 'step', causal: true, position }))];
}

/** All bodies of a variant, in a fresh process of each of two checkouts. Odd rounds begin with the second. */
export async function measurePair(
  folders: readonly [string, string],
  variant: AnyVariant,
  round: number,
  { quick }: Pick<SuiteSettings, 'quick'>,
): Promise<Measured[]> {
  const bodies = bodiesOf(variant, quick);
  const positions = bodies.flatMap((body) => (body.kind === 'step' ? [body.position] : []));
  const sizes = { length: quick ? 512 : 4096, lastPosition: Math.max(0, ...positions) };
  const assignments = folders.map((folder) => ({ folder, threads: threadCount(), variant: variant.name, ...sizes }));
  const pair: Checkout[] = [];
  try {
    for (const assignment of assignments) pair.push(await Checkout.start(assignment));
    const results: Measured[] = [];
    for (const [index, body] of bodies.entries()) {
      const isWarm = body.kind === 'step' && bodies[index - 1].kind === 'step';
      for (const checkout of isWarm ? [] : pair) await checkout.warmUp(body);
      const [first, second] = await shortestTurns(pair, body, round);
      const peaks = body.kind === 'step' ? null : ([await pair[0].peak(body), await pair[1].peak(body)] as const);
      results.push({ body, milliseconds: [first, second], bytes: peaks });
    }
    return results;
  } finally {
    for (const checkout of pair) await checkout.end();
  }
}

/** Of each process, in milliseconds a run. */
async function shortestTurns(pair: readonly Checkout[], body: Body, round: number): Promise<number[]> {
  const least = pair.map(() => Number.POSITIVE_INFINITY);
  const start = performance.now();
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    if (turn >= LEAST_TURNS && performance.now() - start > PATIENCE * pair.length) break;
    const order = (turn + round) % 2 === 0 ? [0, 1] : [1, 0];
    for (const index of order) least[index] = Math.min(least[index], await pair[index].turn(body));
  }
  return least;
}

async function variantsOf(folder: string): Promise<string[]> {
  const checkout = await Checkout.start({ folder, threads: 1, variant: null, length: 0, lastPosition: 0 });
  try {
    return await checkout.variants();
  } finally {
    await checkout.end();
  }
}

/** Of a checkout; `unknown` where git cannot tell. */
function commitOf(folder: string): string {
  const { status, stdout } = spawnSync('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}

/** A row for each body, from the results of all rounds. */
export function rowsOf(variant: AnyVariant['name'], results: readonly Measured[]): BeforeRow[] {
  const byBody = new Map<string, Measured[]>();
  for (const result of results) {
    const key = `${nameOf(result.body)} ${result.body.causal}`;
    byBody.set(key, [...(byBody.get(key) ?? []), result]);
  }
  return [...byBody.values()].map((rounds) => {
    const [{ body, bytes }] = rounds;
    const speeds = rounds.map(({ milliseconds: [then, now] }) => then / now);
    return {
      variant,
      causal: body.causal,
      what: nameOf(body),
      beforeMilliseconds: median(rounds.map(({ milliseconds }) => milliseconds[0])),
      nowMilliseconds: median(rounds.map(({ milliseconds }) => milliseconds[1])),
      speed: median(speeds),
      speeds,
      beforeBytes: bytes?.[0] ?? null,
      nowBytes: bytes?.[1] ?? null,
    };
  });
}

function tableOf(rows: readonly BeforeRow[], width: number | undefined): string {
  const columns = ['variant', 'what', 'before', 'now', 'before / now', 'least', 'most', 'memory now / before'];
  const lines = rows.map(({ variant, causal, what, beforeMilliseconds, nowMilliseconds, speed, speeds, ...bytes }) => [
    variant,
    causal && !what.startsWith('step') ? `${what}, causal` : what,
    formatMilliseconds(beforeMilliseconds),
    formatMilliseconds(nowMilliseconds),
    formatRatio(speed),
    formatRatio(Math.min(...speeds)),
    formatRatio(Math.max(...speeds)),
    bytes.beforeBytes === null || bytes.nowBytes === null ? '' : formatRatio(bytes.nowBytes / bytes.beforeBytes),
  ]);
  return formatTable(
    columns.map((title, index) => ({ title, align: index < 2 ? ('left' as const) : ('right' as const) })),
    lines,
    { width },
  );
}
