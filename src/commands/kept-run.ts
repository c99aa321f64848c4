/** One run of a training, with the files that it writes. */
import type { Metrics } from '../training/metrics.ts';
import type { Run } from '../training/run.ts';
import type { EventFile } from './event-file.ts';
import type { RunFiles } from './training-folder.ts';

/** A run, and where its results are kept. */
export interface KeptRun {
  name: string;
  run: Run;
  files: RunFiles;
  metrics: Metrics;
  /** The text of its config.json; null if unknown. */
  config: string | null;
  /** Whether the config.json there now is that of the run before it was given more steps: `config` replaces it. */
  isConfigOld: boolean;
  /** The file of events for TensorBoard; null if none is wanted. */
  events: EventFile | null;
  /** The step of the checkpoint that it resumes from. */
  savedStep: number | null;
}
