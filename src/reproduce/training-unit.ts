/**
 * A unit that trains: a run as `train` has it, whose checkpoint lies in the unit's folder until the unit is finished. Stopped or
 * killed, it continues from there to the same bits. A run with the settings of a recipe can be read from an earlier training.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { FileFormatError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { makeFolder } from '../core/files/folder.ts';
import { isObject, readJsonObject } from '../core/files/json.ts';
import { entryAt } from '../core/files/system-error.ts';
import { resumeRun, saveCheckpoint } from '../training/checkpoint.ts';
import { evaluate } from '../training/evaluate.ts';
import { endRun, type Run, type RunSettings, startRun } from '../training/run.ts';
import { train } from '../training/trainer.ts';
import type { Recorded, Unit, UnitContext } from './experiment.ts';
import { recordedTraining } from './recorded-training.ts';
import type { Numbers } from './results.ts';
import { type CurvePoint, isSameTraining, trainingNumbers } from './training-numbers.ts';

/** How a run begins; the defaults do nothing. */
export interface Beginning {
  /** Changes a new run before its first step: puts weights into it. */
  begin?(run: Run): void;
  /** Changes a run whenever it is in memory anew, also after an interruption: no learned tensor. */
  prepare?(run: Run): void;
}

export interface TrainingUnit extends Beginning {
  name: string;
  settings: RunSettings;
  /** More numbers, of the trained run; null if it was asked to stop. */
  measure?(run: Run, context: UnitContext): Numbers | null | Promise<Numbers | null>;
  /** These numbers as they were measured before, of the run whose log is read from this folder; null where they are not there. */
  measured?(folder: string): Numbers | null;
}

/** A unit whose numbers are `trainingNumbers`, and what it measures beyond them. */
export function trainingUnit({ name, settings, begin, prepare, measure, measured }: TrainingUnit): Unit {
  const isKnown = measure === undefined || measured !== undefined;
  const isReadable = begin === undefined && prepare === undefined && isKnown;
  const recorded = (folder: string): Recorded | null => {
    const more = measured === undefined ? {} : measured(folder);
    const found = more === null ? null : recordedTraining(folder, settings);
    return found && { ...found, numbers: { ...found.numbers, ...more } };
  };
  return {
    name,
    training: settings,
    ...(isReadable && { recorded }),
    async run(context) {
      const beginning = { ...(begin && { begin }), ...(prepare && { prepare }) };
      const trained = await trainIn(context.folder(), settings, context, beginning);
      if (trained === null) return null;
      const { run, curve } = trained;
      try {
        const more = measure === undefined ? {} : await measure(run, context);
        if (more === null) return null;
        return { ...trainingNumbers(curve, run), ...more };
      } finally {
        endRun(run);
      }
    },
  };
}

/**
 * Trains to the last step, or continues from the checkpoint in `folder`. Null if it was asked to stop; otherwise the caller ends
 * the run. A checkpoint of other settings is left alone and overwritten.
 */
export async function trainIn(
  folder: string,
  settings: RunSettings,
  { shouldStop }: Pick<UnitContext, 'shouldStop'>,
  { begin, prepare }: Beginning = {},
): Promise<{ run: Run; curve: CurvePoint[] } | null> {
  const [checkpoint, path] = ['checkpoint.safetensors', 'curve.json'].map((name) => join(folder, name));
  makeFolder(folder);
  const resumed = entryAt(checkpoint) === null ? null : resumedRun(checkpoint, settings);
  const run = resumed ?? startRun(settings);
  prepare?.(run);
  if (resumed === null) begin?.(run);
  // What other settings have left is no part of this run.
  if (resumed === null) rmSync(path, { force: true });
  const curve = readCurve(path).filter(({ step }) => step <= run.step);
  const add = ({ step, loss, accuracy }: CurvePoint) => {
    curve.push({ step, loss, accuracy });
    writeFileAtomically(path, `${JSON.stringify({ curve })}\n`);
  };
  const { steps, evaluateEvery, evaluationExamples: examples, batch, parts, seed } = settings;
  const isDue = (step: number) => step > 0 && (step === steps || step % evaluateEvery === 0);
  // Killed between a checkpoint and the evaluation after it.
  if (isDue(run.step) && curve.at(-1)?.step !== run.step) {
    add({ step: run.step, ...evaluate(run.learner, run.task, { examples, batch: batch / parts, seed }) });
  }
  const { stopped } = await train(run, {
    onCheckpoint: (own) => saveCheckpoint(checkpoint, own),
    onEvaluation: (report) => isDue(report.step) && add(report),
    shouldStop,
  });
  if (!stopped || run.step === steps) return { run, curve };
  endRun(run);
  return null;
}

function resumedRun(path: string, settings: RunSettings): Run | null {
  const run = resumeRun(path);
  if (isSameTraining(run.settings, settings)) return run;
  endRun(run);
  return null;
}

function readCurve(path: string): CurvePoint[] {
  if (entryAt(path) === null) return [];
  const { curve } = readJsonObject(path);
  const isPoint = (each: unknown) =>
    isObject(each) && [each.step, each.loss, each.accuracy].every((value) => Number.isFinite(value));
  if (!Array.isArray(curve) || !curve.every(isPoint)) {
    throw new FileFormatError(`${path}: curve: expected a list of evaluations. To begin again, add --again`);
  }
  return curve as CurvePoint[];
}
