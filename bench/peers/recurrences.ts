/**
 * The recurrences that are measured beside others, with options under which the others compute the same, and with gates in the
 * ranges that an untrained layer gives them. bench/pytorch/recurrences.py has the same.
 */

/** Numbers between two bounds. */
interface Range {
  least: number;
  most: number;
  /** For a gate: one for each channel of a token, in place of one for each token. */
  ofChannels?: true;
}

export interface Recurrence {
  options: Readonly<Record<string, unknown>>;
  gates: Readonly<Record<string, Range>>;
  /** One number for each head. */
  parameters?: Readonly<Record<string, Range>>;
}

const SHARE = { least: 0, most: 1 };

export const RECURRENCES: Readonly<Record<string, Recurrence>> = {
  // Others turn queries and keys before, outside of the function that is measured.
  retnet: { options: { rotation: false }, gates: {} },
  lightning: { options: { depth: 0 }, gates: {} },
  // A log-sigmoid around −0.7, divided by 16.
  gla: { options: {}, gates: { logDecay: { least: -0.1, most: 0, ofChannels: true } } },
  // Steps up to 0.1, and A from −1 to −16.
  mamba2: {
    options: {},
    gates: { delta: { least: 0.001, most: 0.1 } },
    parameters: { A_log: { least: 0, most: 2.77 }, D: { least: 0.5, most: 1.5 } },
  },
  hgrn2: { options: { lowerBound: 0 }, gates: { logForget: { least: -1.4, most: -0.01, ofChannels: true } } },
  deltanet: { options: {}, gates: { beta: SHARE } },
  // A log-sigmoid around 4.
  'gated-deltanet': { options: {}, gates: { logDecay: { least: -0.04, most: 0 }, beta: SHARE } },
  kda: { options: {}, gates: { logDecay: { least: -0.04, most: 0, ofChannels: true }, beta: SHARE } },
};
