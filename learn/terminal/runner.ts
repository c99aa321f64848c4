/**
 * Grades files in a process of its own, for out of memory V8 ends the whole process, threads and all. Within it a thread is
 * watched (thread.ts). The same process serves file after file; a new one takes the place of one that ended.
 */
import { type ChildProcess, type ForkOptions, fork, type StdioOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Exercise } from '../exercise.ts';
import { type Failure, tooMuch } from '../failure.ts';
import type { Grading, Verdict } from '../grade.ts';
import type { Outcome } from './thread.ts';

type Message = { kind: 'line'; line: number } | ({ kind: 'verdict' } & Outcome);

/** Who grades: the runner here, and in the specs one that needs no process. */
export interface Grader {
  grade(exercise: Exercise, source: string, grading?: Grading): Promise<Verdict>;
  end(): void;
}

export class Runner implements Grader {
  #child: ChildProcess | null = null;

  /** Starts the process before it is needed. */
  prepare(): void {
    this.#child ??= start();
  }

  /** One at a time. Never rejects for what the file does. */
  grade(exercise: Exercise, source: string, grading?: Grading): Promise<Verdict> {
    // One that ended while it had nothing to do is replaced.
    const child = this.#child?.connected ? this.#child : start();
    this.#child = child;
    return new Promise((resolve, reject) => {
      let line = 0;
      let errors = '';
      const hear = (chunk: Buffer) => {
        errors = (errors + chunk.toString()).slice(-20_000);
      };
      const onMessage = (message: Message) => {
        if (message.kind === 'line') line = message.line;
        else {
          settle(() => resolve(message.verdict));
          if (message.isOver) this.#leave(child);
        }
      };
      const onExit = (code: number | null, signal: string | null) => {
        this.#child = null;
        settle(() => {
          const failure = endOf(code, signal, errors, line);
          if (failure !== null) resolve({ exercise: exercise.name, passed: false, laws: [], failure, printed: [] });
          else reject(new Error(`the process that grades ended with code ${code}:\n${errors}`));
        });
      };
      const settle = (then: () => void) => {
        child.off('message', onMessage);
        child.off('close', onExit);
        child.stderr?.off('data', hear);
        then();
      };
      child.on('message', onMessage);
      child.on('close', onExit);
      child.stderr?.on('data', hear);
      child.send({ exercise: exercise.name, source, grading });
    });
  }

  /** This process can end after this. */
  end(): void {
    if (this.#child !== null) this.#leave(this.#child);
  }

  #leave(child: ChildProcess): void {
    this.#child = null;
    // Its thread may not hear anything gentler.
    child.kill('SIGKILL');
    child.unref();
  }
}

/** What it means that the process ended; null where it is a fault of ours. */
function endOf(code: number | null, signal: string | null, errors: string, line: number): Failure | null {
  const memory = tooMuch('memory', line);
  if (/out of memory|allocation failed/i.test(errors)) return memory;
  if (code !== null && code !== 0) return null;
  const why = signal === 'SIGKILL' ? ', or a machine without memory ends it' : '';
  return { ...memory, kind: 'throws', sentence: `your code ends the process that runs it${why}` };
}

function start(): ChildProcess {
  const entry = fileURLToPath(new URL('./process-entry.mjs', import.meta.url));
  // What this process was started with is not for the learner's code.
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', 'ipc'];
  // Detached, so that Ctrl-C ends this process alone; the other ends when it hears no more of this one.
  return fork(entry, [], { execArgv: [], stdio, detached: true, windowsHide: true } as ForkOptions);
}
