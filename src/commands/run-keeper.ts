/**
 * What a run writes while it trains: checkpoints and metrics. A full disk or a missing folder ends no run: the previous
 * checkpoint stays as it is, the steps since then are in memory, and the next checkpoint retries.
 */
import { dirname } from 'node:path';
import { FileWriteError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { entryAt } from '../core/files/system-error.ts';
import type { TerminalStream } from '../terminal/colour.ts';
import type { Progress } from '../terminal/progress.ts';
import { saveCheckpoint } from '../training/checkpoint.ts';
import type { KeptRun } from './kept-run.ts';
import type { HeldFolders } from './training-folder.ts';

export class RunKeeper {
  readonly #kept: KeptRun;
  readonly #folders: HeldFolders;
  readonly #stderr: TerminalStream;
  /** Of the last checkpoint of this run. */
  #savedStep: number | null;
  #isConfigOld: boolean;
  /** Why the last attempt at one failed. */
  #unsaved: FileWriteError | null = null;
  #toldTrouble: FileWriteError | null = null;

  constructor(kept: KeptRun, folders: HeldFolders, stderr: TerminalStream) {
    this.#kept = kept;
    this.#savedStep = kept.savedStep;
    this.#isConfigOld = kept.isConfigOld;
    this.#folders = folders;
    this.#stderr = stderr;
  }

  /** Of the last checkpoint; null if there is none. */
  get savedStep(): number | null {
    return this.#savedStep;
  }

  /** Reports a checkpoint that cannot be written. Throws FolderInUseError if another process has taken the folder. */
  save(progress: Progress): void {
    const { run, files, metrics, config } = this.#kept;
    const { step, settings } = run;
    try {
      this.#folders.confirm(dirname(files.checkpoint));
      metrics.endLine();
      saveCheckpoint(files.checkpoint, run);
      // It may have been removed with its folder.
      if (config !== null && (this.#isConfigOld || entryAt(files.config) === null)) {
        writeFileAtomically(files.config, config);
        this.#isConfigOld = false;
      }
      this.#savedStep = step;
      this.#unsaved = null;
    } catch (error) {
      if (!(error instanceof FileWriteError)) throw error;
      this.#unsaved = error;
      const next = Math.min(settings.steps, step + settings.checkpointEvery - (step % settings.checkpointEvery));
      progress.finish();
      this.#stderr.write(`step ${step}: ${error.message}; ${this.#last()}; next attempt at step ${next}\n`);
    }
  }

  /** Reports metrics that cannot be written, once each time that this begins. */
  tellTrouble(progress: Progress): void {
    const trouble = this.#troubles()[0] ?? null;
    if (trouble !== null && this.#toldTrouble === null) {
      progress.finish();
      this.#stderr.write(`step ${this.#kept.run.step}: ${trouble.message}; will retry with every line\n`);
    }
    this.#toldTrouble = trouble;
  }

  /** When an error ends the run, says which step its last checkpoint is of. */
  tellLast(): void {
    if (this.#savedStep !== null) this.#stderr.write(`${this.#kept.files.checkpoint}: ${this.#last()}\n`);
  }

  /** What is missing on the disk now. */
  failures(): FileWriteError[] {
    return [
      ...(this.#unsaved === null ? [] : [new FileWriteError(`${this.#unsaved.message}; ${this.#last()}`)]),
      ...this.#troubles(),
    ];
  }

  /** Why lines of metrics are missing on the disk. */
  #troubles(): FileWriteError[] {
    const { metrics, events } = this.#kept;
    return [metrics.trouble, events?.trouble ?? null].filter((trouble) => trouble !== null);
  }

  #last(): string {
    return this.#savedStep === null
      ? 'there is no checkpoint of this run yet'
      : `the last checkpoint is of step ${this.#savedStep}`;
  }
}
