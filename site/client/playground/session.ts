/** The trainings of a visit: one in the engine at a time, the curves of all. */
import type { Machine, TrainingEvent, TrainingState } from '../../engine/protocol.ts';
import { Engine, EngineError } from '../engine.ts';
import { type Choice, isSame } from './catalogue.ts';
import { Curve, freeIndex } from './curve.ts';

export type Phase = 'idle' | 'starting' | 'running' | 'pausing' | 'paused' | 'finished' | 'failed';

export interface StepFigures {
  gradientNorm: number;
  learningRate: number;
  tokensPerSecond: number;
}

/** Called whenever there is something else to show. */
export interface SessionEvents {
  /** What a reader may do now is something else. */
  onTurn(): void;
  /** The run went on by a step, or was looked at: many times a second. */
  onProgress(): void;
}

export class Session {
  phase: Phase = 'idle';
  /** Why the last run failed. */
  problem = '';
  machine: Machine | null = null;
  /** In the order in which they began; of equal choices only the last. */
  curves: readonly Curve[] = [];
  /** The run that the engine has. */
  current: Curve | null = null;
  figures: StepFigures | null = null;
  readonly #events: SessionEvents;
  #engine: Engine | null = null;
  #training: Promise<void> = Promise.resolve();

  constructor(events: SessionEvents) {
    this.#events = events;
  }

  get isBusy(): boolean {
    return this.phase === 'starting' || this.phase === 'running' || this.phase === 'pausing';
  }

  /** Begins a run, in place of one of the same choice; the one that was in the engine ends, and leaves its curve. */
  async start(choice: Choice): Promise<void> {
    await this.pause();
    this.#become('starting');
    await this.#attempt(async () => {
      this.#engine ??= await Engine.load();
      this.machine ??= await this.#engine.ask('start', {});
      const { baseline, steps } = await this.#engine.ask('begin', choice);
      const others = this.curves.filter((curve) => !isSame(curve.choice, choice));
      this.current = new Curve(choice, steps, baseline, freeIndex(others));
      this.curves = [...others, this.current];
      this.figures = null;
      this.#train(this.#engine, this.current);
    });
  }

  goOn(): void {
    if (this.phase === 'paused' && this.#engine !== null && this.current !== null)
      this.#train(this.#engine, this.current);
  }

  /** Done when the run stands still. */
  async pause(): Promise<void> {
    if (this.phase === 'running') {
      this.#become('pausing');
      void this.#engine?.ask('pause', null);
    }
    await this.#training;
  }

  async checkpoint(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#engine === null || this.isBusy) throw new EngineError('checkpoint: no run stands still', true);
    return (await this.#engine.ask('checkpoint', null)) as Uint8Array<ArrayBuffer>;
  }

  /** Takes a curve off the plot; the run in the engine stays what it is. */
  remove(curve: Curve): void {
    this.curves = this.curves.filter((each) => each !== curve);
    this.#events.onTurn();
  }

  #train(engine: Engine, curve: Curve): void {
    this.#become('running');
    this.#training = this.#attempt(async () => {
      const state = await engine.ask('train', null, (event) => this.#take(curve, event));
      curve.reached = state.reached;
      curve.metrics = await engine.ask('metrics', null);
      this.#become(phaseAfter(state));
    });
  }

  #take(curve: Curve, event: TrainingEvent): void {
    if (event.kind === 'evaluation') curve.addEvaluation(event.report);
    else {
      const { gradientNorm, learningRate, tokens, milliseconds } = event.report;
      curve.addStep(event.report);
      this.figures = { gradientNorm, learningRate, tokensPerSecond: (1000 * tokens) / milliseconds };
    }
    this.#events.onProgress();
  }

  /** What goes wrong is shown; an engine that broke is replaced by the next start. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      if (!(error instanceof EngineError && error.expected)) {
        this.#engine?.close();
        this.#engine = null;
        this.machine = null;
      }
      this.#become('failed');
    }
  }

  #become(phase: Phase): void {
    this.phase = phase;
    if (phase !== 'failed') this.problem = '';
    this.#events.onTurn();
  }
}

function phaseAfter({ step, steps }: TrainingState): Phase {
  return step === steps ? 'finished' : 'paused';
}

export interface Primary {
  label: string;
  does: 'start' | 'pause' | 'continue' | null;
}

/** What the first button says and does; `isCurrent`: what is chosen is the run that the engine has. */
export function primaryOf(phase: Phase, isCurrent: boolean): Primary {
  if (phase === 'starting') return { label: 'Starting…', does: null };
  if (phase === 'running') return { label: 'Pause', does: 'pause' };
  if (phase === 'pausing') return { label: 'Pausing…', does: null };
  if (phase === 'paused' && isCurrent) return { label: 'Continue', does: 'continue' };
  if (phase === 'finished' && isCurrent) return { label: 'Finished', does: null };
  return { label: 'Start', does: 'start' };
}
