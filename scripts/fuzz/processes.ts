/** A target in a process of its own, so that a case that hangs, or ends the process, ends nothing else. */
import { fork } from 'node:child_process';
import { wordsOf } from '../words-of.ts';
import { type Failure, keptCase, type Outcome, TARGETS } from './campaign.ts';

/** What a process is to do. */
export interface Order {
  target: string;
  seed: number;
  from: number;
  cases: number;
  keep: string;
}

/** What a process tells. */
export type Told =
  | { kind: 'case'; number: number }
  | { kind: 'failure'; failure: Failure }
  | { kind: 'end'; outcome: Outcome };

/** Of the clock: a case that takes this long hangs, however busy the machine is. */
const HANGS_AFTER_MILLISECONDS = 120_000;
const FLAGS = wordsOf('scripts/fuzz/child.ts');
const ENTRY = FLAGS.pop() as string;

/** The whole order, in as many processes as it takes. `shouldStop` is asked before each case. */
export async function inProcesses(
  order: Order,
  tell: (failure: Failure) => void,
  shouldStop: () => boolean,
): Promise<Outcome> {
  const whole: Outcome = {
    cases: 0,
    accepted: 0,
    slowest: { number: order.from, cpuSeconds: 0 },
    failures: [],
    peakBytes: 0,
  };
  const end = order.from + order.cases;
  for (let from = order.from; from < end && !shouldStop(); ) {
    const life = await oneLife({ ...order, from, cases: end - from }, tell, shouldStop);
    add(whole, life.outcome);
    if (life.death === null) break;
    const failure = await lost(order, life.number, life.death);
    tell(failure);
    whole.failures.push(failure);
    whole.cases += life.number - from + 1;
    from = life.number + 1;
  }
  return whole;
}

interface Life {
  /** The case that it was at. */
  number: number;
  /** Null: it came to its end, or was stopped. */
  death: string | null;
  outcome: Pick<Outcome, 'failures'> & Partial<Outcome>;
}

function oneLife(order: Order, tell: (failure: Failure) => void, shouldStop: () => boolean): Promise<Life> {
  const child = fork(ENTRY, { execArgv: FLAGS, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const life: Life = { number: order.from, death: 'it ended without a word', outcome: { failures: [] } };
  let isStopped = false;
  return new Promise((resolve) => {
    const watch = () =>
      setTimeout(() => {
        life.death = `hangs: no answer for ${HANGS_AFTER_MILLISECONDS / 1000} s`;
        child.kill('SIGKILL');
      }, HANGS_AFTER_MILLISECONDS);
    let timer = watch();
    child.on('message', (told: Told) => {
      clearTimeout(timer);
      timer = watch();
      if (told.kind === 'case') life.number = told.number;
      if (told.kind === 'failure') {
        life.outcome.failures.push(told.failure);
        tell(told.failure);
      }
      if (told.kind === 'end') {
        life.outcome = told.outcome;
        life.death = null;
      }
      if (shouldStop() && !isStopped) {
        isStopped = true;
        child.kill('SIGKILL');
      }
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (isStopped) life.death = null;
      else if (life.death !== null && !life.death.startsWith('hangs')) {
        life.death = `the process ended with ${signal ?? `exit code ${code}`}`;
      }
      resolve(life);
    });
    child.send(order);
  });
}

function add(whole: Outcome, { cases = 0, accepted = 0, slowest, failures, peakBytes = 0 }: Life['outcome']): void {
  whole.cases += cases;
  whole.accepted += accepted;
  whole.failures.push(...failures);
  whole.peakBytes = Math.max(whole.peakBytes, peakBytes);
  if (slowest !== undefined && slowest.cpuSeconds > whole.slowest.cpuSeconds) whole.slowest = slowest;
}

/** The failure of a case that took its process with it. */
async function lost({ target: name, seed, keep }: Order, number: number, problem: string): Promise<Failure> {
  const failure = { target: name, seed, number, problem, times: 1, kept: null };
  const target = TARGETS.find((each) => each.name === name);
  return target === undefined ? failure : { ...failure, kept: await keptCase(keep, target, failure) };
}
