/** The process of one checkout as the suite sees it: one question at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Assignment, Body, Request } from './protocol.ts';

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export class Checkout {
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(assignment: Assignment) {
    this.#folder = assignment.folder;
    this.#child = fork(local('child.ts'), [JSON.stringify(assignment)], {
      execArgv: ['--import', 'tsx'],
      cwd: local('../../../'),
    });
  }

  /** Ready to be asked. Throws if the checkout cannot be loaded. */
  static async start(assignment: Assignment): Promise<Checkout> {
    const checkout = new Checkout(assignment);
    await checkout.#answer();
    return checkout;
  }

  async variants(): Promise<string[]> {
    const answer = await this.#ask({ ask: 'variants' });
    return 'variants' in answer ? answer.variants : [];
  }

  async warmUp(body: Body): Promise<void> {
    await this.#ask({ ask: 'warm up', body });
  }

  /** Mean milliseconds of a run, over one turn. */
  turn(body: Body): Promise<number> {
    return this.#number({ ask: 'turn', body });
  }

  /** The most bytes live at once beyond those before. */
  peak(body: Body): Promise<number> {
    return this.#number({ ask: 'peak', body });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  async #number(request: Request): Promise<number> {
    const answer = await this.#ask(request);
    return 'number' in answer ? answer.number : Number.NaN;
  }

  async #ask(request: Request): Promise<Answer> {
    const answered = this.#answer();
    this.#child.send(request);
    const answer = await answered;
    if ('error' in answer) throw new Error(`${this.#folder}: ${answer.error}`);
    return answer;
  }

  /** The next message. Throws if the process ends instead. */
  #answer(): Promise<Answer> {
    return new Promise((settle, reject) => {
      const lose = (code: number | null, signal: string | null) => {
        this.#child.off('message', give);
        reject(new Error(`${this.#folder}: its process ended with ${signal ?? `code ${code}`}`));
      };
      const give = (answer: unknown) => {
        this.#child.off('exit', lose);
        settle(answer as Answer);
      };
      this.#child.once('message', give);
      this.#child.once('exit', lose);
    });
  }
}
