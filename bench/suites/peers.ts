/**
 * Other libraries compared with ours: each in its own process with as many threads, in turns, and only after it has
 * reproduced our numbers on a small run. A library that cannot be installed or started, or takes too long, is listed with the
 * reason.
 */
import { availableParallelism, totalmem } from 'node:os';
import { threadCount } from '../../src/core/parallel/pool.ts';
import { formatError } from '../../src/terminal/format.ts';
import { type Agreement, compareResults } from './peers/agreement.ts';
import { installNpmPeers } from './peers/install.ts';
import { type Entrant, measureTask, type Row } from './peers/measure.ts';
import { Forecast, tasks } from './peers/plan.ts';
import { NPM_PEERS, type PeerName, PeerProcess, PYTHON_PEERS } from './peers/process.ts';
import { addRatios, addShares } from './peers/ratios.ts';
import { tablesOf } from './peers/tables.ts';
import type { Suite, SuiteSettings } from './suite.ts';

/** A peer, or one of its contestants, that is not measured. */
export interface Absence {
  who: string;
  threads: number;
  reason: string;
}

export interface PeersReport {
  rows: Row[];
  agreements: Agreement[];
  absences: Absence[];
  versions: Record<string, Record<string, string>>;
}

export const peers: Suite = {
  name: 'peers',
  summary: 'attention, products and training steps compared with other libraries, one process each, in turns',
  async run(settings) {
    const report: PeersReport = { rows: [], agreements: [], absences: [], versions: {} };
    const notInstalled = await installNpmPeers(settings.tell);
    if (notInstalled !== null) report.absences.push({ who: 'npm peers', threads: 1, reason: notInstalled });
    const all = threadCount();
    for (const threads of all === 1 ? [1] : [1, all]) await measureWith(threads, report, settings);
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
      problems: problemsOf(report.agreements),
    };
  },
};

/** Everything on so many threads. */
async function measureWith(threads: number, report: PeersReport, settings: SuiteSettings): Promise<void> {
  const { tell, quick, rounds, limitSeconds } = settings;
  const running = await startAll(threads, report, settings);
  try {
    const us = running.find(({ name }) => name === 'us');
    if (us === undefined) throw new Error(`us: ${report.absences.find(({ who }) => who === 'us')?.reason}`);
    const others = running.filter((process) => process !== us);
    const agreements = await compareResults(us, others, threads, tell);
    report.agreements.push(...agreements);
    const wrong = agreements.filter(({ agrees }) => !agrees);
    for (const { peer, contestant, reason } of wrong) {
      const because = reason ?? 'its results differ from ours';
      report.absences.push({ who: `${peer} ${contestant}`, threads, reason: `not measured: ${because}` });
    }
    const entrants = running.flatMap((process) =>
      process.hello.contestants
        .filter(({ name }) => !wrong.some(({ peer, contestant }) => peer === process.name && contestant === name))
        .map((contestant): Entrant => ({ process, contestant })),
    );
    const limits = { rounds, milliseconds: 1000 * limitSeconds };
    const forecast = new Forecast();
    const rows: Row[] = [];
    for (const task of tasks(quick)) {
      const able = entrants.filter(
        ({ contestant: { kind, training } }) =>
          kind === task.kind && (task.kind !== 'attention' || training || !task.training),
      );
      rows.push(...(await measureTask(task, able, threads, limits, forecast, tell)));
    }
    addShares(rows);
    addRatios(rows);
    report.rows.push(...rows);
  } finally {
    for (const process of running) await process.end();
  }
}

async function startAll(threads: number, report: PeersReport, { tell, venv }: SuiteSettings): Promise<PeerProcess[]> {
  const running: PeerProcess[] = [];
  for (const name of [...NPM_PEERS, ...PYTHON_PEERS] satisfies PeerName[]) {
    tell(`starting ${name}`);
    try {
      const process = await PeerProcess.start(name, threads, venv);
      report.versions[name] = process.hello.versions;
      if (process.hello.threads === threads) running.push(process);
      else {
        const reason = `runs on ${process.hello.threads} thread only: see the tables of one`;
        report.absences.push({ who: name, threads, reason });
        await process.end();
      }
    } catch (error) {
      report.absences.push({ who: name, threads, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return running;
}

function problemsOf(agreements: readonly Agreement[]): string[] {
  return agreements
    .filter(({ agrees, difference }) => !agrees && difference !== null)
    .map(
      ({ peer, contestant, threads, against, difference, tolerance }) =>
        `${peer} ${contestant} (threads: ${threads}): off by ${formatError(difference as number)} from ${against}, more than ${formatError(tolerance)}`,
    );
}
