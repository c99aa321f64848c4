/** Checks models, tasks and runs given as arguments. They check parts, so that callers may pass their own objects. */
import { ArgumentError, describe, wrongKind } from '../core/errors.ts';
import {
  type Check,
  expectBoolean,
  expectFunction,
  expectInstance,
  expectList,
  expectPlain,
  expectRecord,
  expectText,
  integerOf,
  numberOf,
  oneOf,
  optional,
} from '../core/expect.ts';
import { expectRandom } from '../core/random.ts';
import { expectTensor } from '../core/tensor.ts';

/** The most examples that are drawn or evaluated at once. */
export const MOST_EXAMPLES = 2 ** 24;

const KINDS = ['causal', 'masked', 'classification', 'pair classification'] as const;
const alphabet = oneOf('bytes', 'numbers');

export const expectContext: Check = (name, context) =>
  expectRecord(name, context, { training: expectBoolean, random: expectRandom });

export const expectTask: Check = (name, task) => {
  if (typeof task === 'string') throw wrongKind(name, 'a task', task, `openTask(${describe(task)}) is one`);
  expectRecord(name, task, {
    name: expectText,
    kind: oneOf(...KINDS),
    settings: expectPlain,
    vocabulary: integerOf(1),
    classes: integerOf(1),
    length: integerOf(1),
    accuracy: oneOf('target', 'sequence'),
    chance: numberOf(0, 1),
    alphabet,
    recall: optional(expectBoolean),
    summaryWeight: optional(numberOf(0)),
    draw: expectFunction,
  });
};

export const expectPart = oneOf('training', 'held-out');

export const expectBatch: Check = (name, batch) =>
  expectRecord(name, batch, {
    sequences: (each, sequences) =>
      expectList(
        each,
        sequences,
        (one, sequence) => expectRecord(one, sequence, { tokens: expectTensor, keyMask: optional(expectTensor) }),
        1,
      ),
    targets: expectTensor,
    counts: expectTensor,
    counted: integerOf(0),
  });

const expectModel: Check = (name, model) =>
  expectRecord(name, model, {
    config: expectRecord,
    body: expectRecord,
    tensors: expectFunction,
    parameters: expectFunction,
    load: expectFunction,
    redraw: expectFunction,
  });

export const expectLearner: Check = (name, learner) => {
  if (has(learner, 'learner')) throw wrongKind(name, 'a learner', learner, `${name}.learner is one`);
  expectRecord(name, learner, {
    kind: oneOf(...KINDS),
    model: expectModel,
    logits: expectFunction,
    logitsOf: optional(expectFunction),
  });
};

const has = (value: unknown, member: string): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, member);

export const expectRun: Check = (name, run) => {
  if (typeof run === 'string') throw wrongKind(name, 'a run', run, `resumeRun(${describe(run)}) reads one`);
  if (has(run, 'schedule') && !has(run, 'learner')) {
    throw wrongKind(name, 'a run', run, `settings are not one yet: startRun(${name}) is`);
  }
  expectRecord(name, run, {
    settings: expectPlain,
    task: expectTask,
    learner: expectLearner,
    optimizer: (each, optimizer) => expectRecord(each, optimizer, { step: expectFunction, state: expectFunction }),
    random: expectRandom,
    step: integerOf(0),
  });
};

export const expectTrained: Check = (name, trained) =>
  expectRecord(name, trained, {
    learner: expectLearner,
    alphabet,
    settings: expectPlain,
    step: integerOf(0),
    kernels: (each, kernels) => {
      if (kernels !== null && kernels !== undefined) expectText(each, kernels);
    },
    isVerified: optional(expectBoolean),
  });

/** A Map of tensors by name. */
export const expectNamedTensors: Check = (name, tensors) => {
  expectInstance(name, tensors, Map);
  for (const [key, tensor] of tensors) {
    if (typeof key !== 'string') throw new ArgumentError(`${name}: expected names, got ${describe(key)}`);
    expectTensor(`${name}: ${key}`, tensor);
  }
};
