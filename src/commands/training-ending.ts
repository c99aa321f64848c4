/** The text at the end of a training: where it stopped, and the commands that continue from there. */
import type { RunSettings } from '../training/run.ts';
import { PROGRAM } from './command.ts';
import { importWords } from './imported.ts';
import { shellWord } from './shell-word.ts';

/** A run that has a checkpoint. */
export interface Ending {
  /** How `--resume` finds it. */
  checkpoint: string;
  /** Of the checkpoint. */
  step: number;
  settings: Pick<RunSettings, 'steps'>;
}

/** A run that was not started, and its config.json. */
export interface NotStarted {
  name: string;
  config: string;
  folder: string;
}

export interface EndingSettings {
  /** Whether a signal stopped it, or a closed stdout. */
  isStopped: boolean;
  /** The given `--minutes`, repeated in the command that resumes. */
  minutes: number | undefined;
  /** Whether it is the only run: in a list of several, finished runs are not mentioned. */
  isAlone: boolean;
}

/** Lines, each ending with a newline. */
export function describeEnding(
  endings: readonly Ending[],
  notStarted: readonly NotStarted[],
  { isStopped, minutes, isAlone }: EndingSettings,
): string {
  const time = minutes === undefined ? '' : ` --minutes ${minutes}`;
  const parts = endings.flatMap(({ checkpoint, step, settings: { steps } }) => {
    const resume = `train --resume ${shellWord(checkpoint)}`;
    if (step < steps) {
      const how = isStopped ? 'Stopped' : 'Time is up';
      return [offer(`${how} at step ${step} of ${steps}. To resume, to the same bits:`, `${resume}${time}`)];
    }
    return isAlone ? [describeLonger({ checkpoint, settings: { steps } })] : [];
  });
  return [...parts, ...notStarted.map((run) => describeNotStarted(run))].join('');
}

/** How a finished run is trained longer. */
export function describeLonger({ checkpoint, settings: { steps } }: Omit<Ending, 'step'>): string {
  const words = `train --resume ${shellWord(checkpoint)} --steps ${2 * steps}`;
  return offer('To train it longer, for twice the steps in all:', words);
}

/** How a run without a checkpoint is started. */
export function describeNotStarted({ name, config, folder }: NotStarted, state = 'Not started'): string {
  return offer(`${state}: ${name}. To start it:`, `train --config ${shellWord(config)} --out ${shellWord(folder)}`);
}

function offer(why: string, words: string): string {
  return `${why}\n  ${PROGRAM} ${words}${importWords()}\n`;
}
