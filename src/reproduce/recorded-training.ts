/** Reads finished runs of recipes, as `npm run recipes` leaves them: `FOLDER/RECIPE/RUN/seed-N`. */
import { join } from 'node:path';
import { EfficientTransformersError, FileFormatError } from '../core/errors.ts';
import { isObject, readJsonObject } from '../core/files/json.ts';
import { entryAt } from '../core/files/system-error.ts';
import { readMetrics } from '../training/metrics.ts';
import { recipeOf } from '../training/recipes/recipe-of.ts';
import { endRun, type RunSettings, startRun } from '../training/run.ts';
import { openTask } from '../training/tasks/registry.ts';
import type { Recorded } from './experiment.ts';
import { isEnvironment } from './log.ts';
import { isSameTraining, trainingNumbers } from './training-numbers.ts';

/**
 * The numbers of the run with these settings, seed and all. Null if no recipe has them, if the run is not there, has not come to its
 * end, or was made with other settings. Throws FileFormatError for damaged files.
 */
export function recordedTraining(folder: string, settings: RunSettings): Recorded | null {
  const { name: task, ...own } = settings.task;
  const found = recipeOf({ ...settings, task: { name: task, ...openTask(task, own).settings } });
  if (found === undefined) return null;
  const place = join(folder, found.recipe.name, found.name, `seed-${settings.seed}`);
  const [runPath, resultsPath, metricsPath] = ['run.json', 'results.json', 'metrics.jsonl'].map((name) =>
    join(place, name),
  );
  if ([runPath, resultsPath, metricsPath].some((path) => entryAt(path) === null)) return null;
  const record = readJsonObject(runPath);
  if (record.seconds === null || !isObject(record.settings)) return null;
  if (!isSameAs(settings, record.settings, runPath)) return null;
  const { environment, results } = readJsonObject(resultsPath);
  const [result] = Array.isArray(results) ? results : [];
  if (!isEnvironment(environment) || !isObject(result)) {
    throw new FileFormatError(`${resultsPath}: expected a machine and the results of a run`);
  }
  const { seconds } = result;
  if (typeof seconds !== 'number' || !(seconds >= 0)) {
    throw new FileFormatError(`${resultsPath}: seconds: expected a number of at least 0`);
  }
  const curve = readMetrics(metricsPath).flatMap((line) =>
    line.kind === 'evaluation' && line.loss !== null
      ? [{ step: line.step, loss: line.loss, accuracy: line.accuracy }]
      : [],
  );
  if (curve.at(-1)?.step !== settings.steps)
    throw new FileFormatError(`${metricsPath}: expected an evaluation at the end`);
  // The model is as large as another of these settings.
  const run = startRun(settings);
  const numbers = trainingNumbers(curve, run);
  endRun(run);
  return { numbers, seconds, environment };
}

/** Whether a log has these settings. Throws FileFormatError for a log whose task there is not, or not with these settings. */
function isSameAs(settings: RunSettings, recorded: Record<string, unknown>, path: string): boolean {
  if (!isObject(recorded.task)) throw new FileFormatError(`${path}: settings.task: expected an object`);
  try {
    return isSameTraining(recorded as unknown as RunSettings, settings);
  } catch (error) {
    if (!(error instanceof EfficientTransformersError)) throw error;
    throw new FileFormatError(`${path}: settings.task: ${error.message}`, { cause: error });
  }
}
