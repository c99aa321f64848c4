/**
 * Peers and us, each in its own process with as many threads, in turns, and only after a peer has reproduced our numbers on a
 * small run. What takes too long, runs on one thread only, or has no form for a task is listed with the reason. What should
 * have been measured and was not is a problem too: it ends the command with 1, so that no row is missed unseen.
 */
import { availableParallelism, totalmem } from 'node:os';
import { threadCount } from '../../../src/core/parallel/pool.ts';
import { formatError } from '../../../src/terminal/format.ts';
import type { Task } from '../../peers/protocol.ts';
import type { SuiteResult, SuiteSettings } from '../suite.ts';
import { type Agreement, compareResults } from './agreement.ts';
import { describe, type Entrant, measureTask, type Row } from './measure.ts';
import { Forecast } from './plan.ts';
import { type PeerName, PeerProcess } from './process.ts';
import { addRatios, addShares } from './ratios.ts';
import { tablesOf } from './tables.ts';

/** A peer, or one of its contestants, that is not measured. */
export interface Absence {
  who: string;
  threads: number;
  reason: string;
  /** Whether it should have been measured. */
  isProblem: boolean;
}

export interface PeersReport {
  rows: Row[];
  agreements: Agreement[];
  absences: Absence[];
  versions: Record<string, Record<string, string>>;
}

/** What a suite measures, and of whom. */
export interface Contest {
  /** With `us`. */
  peers: readonly PeerName[];
  /** Those contestants of a peer take part that have a task of their kind. What is short first: it foretells what is long. */
  tasks: readonly Task[];
}

/** On one thread, then on all; `absences` are those known before. Throws if our own process does not run. */
export async function hold(
  contest: Contest,
  absences: readonly Absence[],
  settings: SuiteSettings,
): Promise<SuiteResult> {
  const report: PeersReport = { rows: [], agreements: [], absences: [...absences], versions: {} };
  const all = threadCount();
  for (const threads of all === 1 ? [1] : [1, all]) await measureWith(threads, contest, report, settings);
  const { rows, ...details } = report;
  return {
    // Without what is null.
    rows: rows.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))),
    details: {
      limitSeconds: settings.limitSeconds,
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      ...details,
    },
    table: tablesOf(report, settings.width),
    problems: problemsOf(report),
  };
}

/** Everything on so many threads. */
async function measureWith(
  threads: number,
  { peers, tasks }: Contest,
  report: PeersReport,
  settings: SuiteSettings,
): Promise<void> {
  const { tell, rounds, limitSeconds } = settings;
  const running = await startAll(peers, threads, report, settings);
  try {
    const us = running.find(({ name }) => name === 'us');
    if (us === undefined) throw new Error(`us: ${report.absences.find(({ who }) => who === 'us')?.reason}`);
    const others = running.filter((process) => process !== us);
    const kinds = new Set(tasks.map(({ kind }) => kind));
    for (const { name: peer, hello } of running) {
      for (const { name, reason } of hello.absent?.filter(({ kind }) => kinds.has(kind)) ?? [])
        report.absences.push({ who: `${peer} ${name}`, threads, reason, isProblem: true });
    }
    const agreements = await compareResults(us, others, kinds, threads, tell);
    report.agreements.push(...agreements);
    const wrong = agreements.filter(({ agrees }) => !agrees);
    for (const { peer, contestant, reason } of wrong) {
      const because = reason ?? 'its results differ from ours';
      // A difference is a problem of its own.
      const isProblem = reason !== null;
      report.absences.push({ who: `${peer} ${contestant}`, threads, reason: `not measured: ${because}`, isProblem });
    }
    const entrants = running.flatMap((process) =>
      process.hello.contestants
        .filter(({ name }) => !wrong.some(({ peer, contestant }) => peer === process.name && contestant === name))
        .map((contestant): Entrant => ({ process, contestant })),
    );
    const limits = { rounds, milliseconds: 1000 * limitSeconds };
    const forecast = new Forecast();
    const rows: Row[] = [];
    for (const task of tasks) {
      const able = entrants.filter(
        ({ contestant: { kind, training } }) =>
          kind === task.kind && (training || !('training' in task) || !task.training),
      );
      // Those that compute the same are measured next to each other.
      for (const together of groupedByWhatTheyCompute(able)) {
        rows.push(...(await measureTask(task, together, threads, limits, forecast, tell)));
      }
    }
    addShares(rows);
    addRatios(rows);
    report.rows.push(...rows);
  } finally {
    for (const process of running) await process.end();
  }
}

function groupedByWhatTheyCompute(entrants: readonly Entrant[]): Entrant[][] {
  const groups = new Map<string, Entrant[]>();
  for (const entrant of entrants) {
    const { computes } = entrant.contestant;
    groups.set(computes, [...(groups.get(computes) ?? []), entrant]);
  }
  return [...groups.values()];
}

async function startAll(
  peers: readonly PeerName[],
  threads: number,
  report: PeersReport,
  { tell, venv }: SuiteSettings,
): Promise<PeerProcess[]> {
  const running: PeerProcess[] = [];
  for (const name of peers) {
    tell(`starting ${name}`);
    try {
      const process = await PeerProcess.start(name, threads, venv);
      report.versions[name] = process.hello.versions;
      if (process.hello.threads === threads) running.push(process);
      else {
        const reason = `runs on ${process.hello.threads} thread only: see the tables of one`;
        report.absences.push({ who: name, threads, reason, isProblem: false });
        await process.end();
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      report.absences.push({ who: name, threads, reason, isProblem: true });
    }
  }
  return running;
}

/** What has no figure and should have one: who is absent, what failed, and what differs from ours. */
function problemsOf({ rows, agreements, absences }: PeersReport): string[] {
  const threadsOf = (threads: number) => `(threads: ${threads})`;
  const absent = absences.filter(({ isProblem }) => isProblem);
  const failed = rows.filter(({ outcome }) => outcome === 'failed');
  const different = agreements.filter(({ agrees, difference }) => !agrees && difference !== null);
  return [
    ...absent.map(({ who, threads, reason }) => `${who} ${threadsOf(threads)}: ${reason}`),
    ...failed.map(
      (row) => `${row.peer} ${row.contestant} ${threadsOf(row.threads)}: ${describe(row.task)}: ${row.reason}`,
    ),
    ...different.map(
      ({ peer, contestant, threads, against, difference, tolerance }) =>
        `${peer} ${contestant} ${threadsOf(threads)}: off by ${formatError(difference as number)} from ${against}, more than ${formatError(tolerance)}`,
    ),
  ];
}
