/** One run of a training, from what is written of it to where. */
import type { Metrics } from '../training/metrics.ts';
import type { Run } from '../training/run.ts';
import type { EventFile } from './event-file.ts';
import type { RunFiles } from './training-folder.ts';

/** A run that is taken to its end, and what is kept of it. */
export interface KeptRun {
  name: string;
  run: Run;
  files: RunFiles;
  metrics: Metrics;
  /** The text of its config.json; null where nobody knows. */
  config: string | null;
  /** Where TensorBoard is to see it as well. */
  events: EventFile | null;
  /** Of the checkpoint that it goes on from. */
  savedStep: number | null;
}
