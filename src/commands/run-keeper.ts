/**
 * What a run leaves behind while it goes on: checkpoints and metrics. A disk that is full, or a folder that is gone, ends no
 * run: the checkpoint before stays as it is, the steps since then are in memory, and the next checkpoint is another attempt.
 */
import { dirname } from 'node:path';
import { FileWriteError } from '../core/errors.ts';
import type { TerminalStream } from '../terminal/colour.ts';
import type { Progress } from '../terminal/progress.ts';
import { saveCheckpoint } from '../training/checkpoint.ts';
import type { Metrics } from '../training/metrics.ts';
import type { Run } from '../training/run.ts';
import type { HeldFolders, RunFiles } from './training-folder.ts';

export class RunKeeper {
  readonly #run: Run;
  readonly #files: RunFiles;
  readonly #metrics: Metrics;
  readonly #folders: HeldFolders;
  readonly #stderr: TerminalStream;
  /** Of the last checkpoint of this run. */
  #savedStep: number | null = null;
  /** Why the last attempt at one failed. */
  #unsaved: FileWriteError | null = null;
  #toldTrouble: FileWriteError | null = null;

  constructor(run: Run, files: RunFiles, metrics: Metrics, folders: HeldFolders, stderr: TerminalStream) {
    this.#run = run;
    this.#files = files;
    this.#metrics = metrics;
    this.#folders = folders;
    this.#stderr = stderr;
  }

  isSaved(): boolean {
    return this.#savedStep !== null;
  }

  /** Tells where it cannot be written. Throws FolderInUseError if somebody else has the folder by now. */
  save(progress: Progress): void {
    const { step, settings } = this.#run;
    try {
      this.#folders.confirm(dirname(this.#files.checkpoint));
      this.#metrics.endLine();
      saveCheckpoint(this.#files.checkpoint, this.#run);
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

  /** Once for each time that metrics cannot be written. */
  tellTrouble(progress: Progress): void {
    const { trouble } = this.#metrics;
    if (trouble !== null && this.#toldTrouble === null) {
      progress.finish();
      this.#stderr.write(`step ${this.#run.step}: ${trouble.message}; attempted again with every line\n`);
    }
    this.#toldTrouble = trouble;
  }

  /** Where a run ends by an error, that of its last checkpoint. */
  tellLast(): void {
    if (this.isSaved()) this.#stderr.write(`${this.#files.checkpoint}: ${this.#last()}\n`);
  }

  /** What is missing on the disk now. */
  failures(): FileWriteError[] {
    return [
      ...(this.#unsaved === null ? [] : [new FileWriteError(`${this.#unsaved.message}; ${this.#last()}`)]),
      ...(this.#metrics.trouble === null ? [] : [this.#metrics.trouble]),
    ];
  }

  #last(): string {
    return this.#savedStep === null
      ? 'there is no checkpoint of this run yet'
      : `the last checkpoint is of step ${this.#savedStep}`;
  }
}
