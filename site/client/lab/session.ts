/** A lab's engine, and what it has answered: the same question is not asked twice in a row. */
import type { InputChoice, InputFacts, Machine, Measurement, OptionFacts, Subject } from '../../engine/protocol.ts';
import { Engine } from '../engine.ts';
import type { OwnFile } from './files.ts';
import type { Matrix } from './matrix.ts';

/** Shipped files that inputs need. */
const SHIPPED: Partial<Record<InputChoice['kind'], string>> = {
  minilm: 'minilm-qkv.safetensors',
  text: 'byte-lm.safetensors',
};

const FULL = 'full';

export class Session {
  readonly #engine: Engine;
  readonly machine: Machine;
  readonly #put = new Map<string, Promise<void>>();
  readonly #last = new Map<string, { key: string; answer: Promise<unknown> }>();

  private constructor(engine: Engine, machine: Machine) {
    this.#engine = engine;
    this.machine = machine;
  }

  static async start(): Promise<Session> {
    const engine = await Engine.load();
    return new Session(engine, await engine.ask('start', {}));
  }

  /** Files of the same names before are replaced. */
  async putFiles(files: readonly OwnFile[]): Promise<void> {
    this.#last.clear();
    for (const file of files) await this.#engine.ask('put', file);
  }

  async describe(input: InputChoice): Promise<InputFacts> {
    await this.#shipped(input);
    return this.#once('describe', input, () => this.#engine.ask('describe', { input }));
  }

  options(variant: string, length: number, asked: Readonly<Record<string, unknown>>): Promise<OptionFacts> {
    const ask = { variant, length, asked };
    return this.#once('options', ask, () => this.#engine.ask('options', ask));
  }

  weights(subject: Subject, head: number | null): Promise<Matrix> {
    const ask = { ...subject, head };
    return this.#once('weights', ask, () => this.#engine.ask('weights', ask));
  }

  /** Of full attention on the same input; options and parameters make no difference to it. */
  fullWeights({ input, causal, seed }: Subject, head: number | null): Promise<Matrix> {
    const ask = { input, variant: FULL, options: {}, causal, seed: input.kind === 'drawn' ? seed : 0, head };
    return this.#once('full weights', ask, () => this.#engine.ask('weights', ask));
  }

  measure(subject: Subject, turns: number): Promise<Measurement> {
    return this.#engine.ask('measure', { ...subject, turns });
  }

  async #shipped({ kind }: InputChoice): Promise<void> {
    const name = SHIPPED[kind];
    if (name === undefined) return;
    const putting = this.#put.get(name) ?? this.#engine.putShipped(name);
    this.#put.set(name, putting);
    try {
      await putting;
    } catch (error) {
      this.#put.delete(name);
      throw error;
    }
  }

  /** The last answer to a question of this kind, if it was the same question. */
  #once<Answer>(kind: string, question: unknown, ask: () => Promise<Answer>): Promise<Answer> {
    const key = JSON.stringify(question);
    const last = this.#last.get(kind);
    if (last?.key === key) return last.answer as Promise<Answer>;
    const answer = ask();
    this.#last.set(kind, { key, answer });
    answer.catch(() => {
      if (this.#last.get(kind)?.answer === answer) this.#last.delete(kind);
    });
    return answer;
  }
}
