/** Checks each setting of a run by itself: settings come from callers, checkpoints and exported folders. */
import { ArgumentError } from '../core/errors.ts';
import {
  type Check,
  expectBoolean,
  expectOptions,
  expectPlain,
  expectRecord,
  expectText,
  integerOf,
  numberOf,
  oneOf,
} from '../core/expect.ts';
import { MOST_EXAMPLES } from './checks.ts';
import { expectSchedule } from './optimizers/schedules.ts';
import type { RunSettings } from './run.ts';
import { taskSettingChecks } from './tasks/task.ts';

const count = integerOf(1);

/** The settings of the optimisers, which check the ranges themselves. */
const OPTIMIZERS = {
  adamw: { beta1: numberOf(), beta2: numberOf(), epsilon: numberOf(), weightDecay: numberOf() },
  adafactor: {
    decayExponent: numberOf(),
    epsilon1: numberOf(),
    epsilon2: numberOf(),
    clippingThreshold: numberOf(),
    relativeToParameter: expectBoolean,
    weightDecay: numberOf(),
  },
  sgd: { momentum: numberOf(), nesterov: expectBoolean, weightDecay: numberOf() },
};

const optimizer: Check = (name, value) => {
  expectRecord(name, value);
  oneOf(...Object.keys(OPTIMIZERS))(`${name}.kind`, value.kind);
  const own = OPTIMIZERS[value.kind as keyof typeof OPTIMIZERS];
  expectOptions<Record<string, unknown>>(name, value, { kind: expectText, ...own });
};

const schedule: Check = (name, value) => {
  expectRecord(name, value);
  expectSchedule(value as unknown as RunSettings['schedule']);
};

const CHECKS: Readonly<Record<keyof RunSettings, Check>> = {
  task: (name, value) => {
    expectRecord(name, value, { name: expectText });
    expectOptions<Record<string, unknown>>(name, value, { name: expectText, ...taskSettingChecks });
  },
  // The model checks its contents (config.ts).
  model: expectPlain,
  optimizer,
  schedule,
  steps: count,
  batch: integerOf(1, MOST_EXAMPLES),
  parts: count,
  clip: numberOf(0),
  seed: integerOf(Number.MIN_SAFE_INTEGER),
  evaluateEvery: count,
  evaluationExamples: integerOf(1, MOST_EXAMPLES),
  checkpointEvery: count,
};

/**
 * Throws ArgumentError unless all settings are present, each of the right kind, and no others. Reads no text and no model.
 * The message begins with `within` if that is given.
 */
export function expectRunSettings(within: string | null, settings: unknown): asserts settings is RunSettings {
  const named = (name: string) => (within === null ? name : `${within}.${name}`);
  expectPlain(within ?? 'settings', settings);
  const unknown = Object.keys(settings).find((name) => !Object.hasOwn(CHECKS, name));
  if (unknown !== undefined) {
    throw new ArgumentError(`${named(unknown)}: no such setting; there are ${Object.keys(CHECKS).join(', ')}`);
  }
  for (const [name, check] of Object.entries(CHECKS)) check(named(name), settings[name]);
  const { batch, parts } = settings as unknown as RunSettings;
  if (batch % parts === 0) return;
  throw new ArgumentError(`${named('parts')}: expected a divisor of batch ${batch}, got ${parts}`);
}
