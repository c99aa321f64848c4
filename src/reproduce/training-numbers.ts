/** What a training has come to, as numbers of a unit: the same from a run that was just made and from one that is on disk. */
import { isDeepStrictEqual } from 'node:util';
import type { Run, RunSettings } from '../training/run.ts';
import { bytesOfStates } from '../training/state-size.ts';
import { openTask } from '../training/tasks/registry.ts';
import type { Numbers } from './results.ts';

/** An evaluation on held-out examples. */
export interface CurvePoint {
  step: number;
  loss: number;
  accuracy: number;
}

/** The numbers of every training: at its end, the size of its model, and the curve of evaluations. */
export function trainingNumbers(curve: readonly CurvePoint[], { learner, task }: Run): Numbers {
  const parameters = [...learner.model.parameters().values()].reduce((sum, { size }) => sum + size, 0);
  const stateBytes = bytesOfStates(learner, task);
  const { loss, accuracy } = curve[curve.length - 1];
  return {
    ...{ loss, accuracy, parameters, ...(stateBytes !== null && { 'state bytes': stateBytes }) },
    ...{ steps: curve.map(({ step }) => step), losses: curve.map((each) => each.loss) },
    accuracies: curve.map((each) => each.accuracy),
  };
}

/** Whether two runs take the same steps: as JSON, which leaves out undefined values, and with the defaults of the task. */
export function isSameTraining(one: RunSettings, other: RunSettings): boolean {
  const [a, b] = [one, other].map((each) => {
    const { name, ...own } = each.task;
    return JSON.parse(JSON.stringify({ ...each, task: { name, ...openTask(name, own).settings } }));
  });
  return isDeepStrictEqual(a, b);
}
