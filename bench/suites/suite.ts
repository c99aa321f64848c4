/** The interface of a suite of measurements, and what all suites share. */
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { sum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import type { AttentionInputs, CommonOptions, Parameters } from '../../src/variants/variant.ts';

export interface SuiteSettings {
  /** Rounds over everything that is measured; figures are medians over them. */
  rounds: number;
  /** Shorter sizes, for a first look. */
  quick: boolean;
  /** Shows progress to people who wait. */
  tell: (line: string) => void;
  /** For peers: the Python virtual environment they are in, and how long a run may take that is not cut off. */
  venv?: string;
  /** For `before`: the folder of another checkout. */
  before?: string;
  limitSeconds: number;
  /** Columns that a table may take; undefined: as many as it needs. */
  width?: number;
}

export interface SuiteResult {
  /** One object a row, for the JSON file. */
  rows: Record<string, unknown>[];
  /** For the terminal. */
  table: string;
  /** What else belongs into the JSON file. */
  details?: Record<string, unknown>;
  /** Findings that must not pass unseen: the command ends with code 1. */
  problems?: string[];
}

export interface Suite {
  name: string;
  /** The name of its file under bench/results/, where that is another. */
  file?: string;
  summary: string;
  /** The option that it reads of those that not all suites read. */
  reads?: 'venv' | 'before';
  /** Throws ArgumentError, before any suite measures. */
  check?(settings: SuiteSettings): void;
  run(settings: SuiteSettings): Promise<SuiteResult>;
}

/** Normal queries, keys and values that stay until the process ends. */
export function drawInputs(heads: number, length: number, headDim: number): AttentionInputs {
  const random = new Random(1).split(`bench ${length}`);
  const draw = (name: string) => keep(randomNormal([1, heads, length, headDim], random.split(name)));
  return { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
}

/** All variants; for a first look, one of each family. */
export function variantsFor({ quick }: Pick<SuiteSettings, 'quick'>): readonly AnyVariant[] {
  const all = allVariants();
  return quick ? all.filter(({ family }, n) => all.findIndex((other) => other.family === family) === n) : all;
}

/** The time that the process has computed so far, on all its threads: what others do meanwhile does not count. */
export function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** One pass, its result thrown away. */
export function pass(
  variant: AnyVariant,
  inputs: AttentionInputs,
  options: CommonOptions,
  parameters: Parameters,
  training: boolean,
): void {
  const settings = { parameters, checkFinite: false };
  const leaves = [inputs.queries, inputs.keys, inputs.values, ...Object.values(parameters)];
  scope(() => {
    if (!training) {
      noGrad(() => attend(variant, inputs, options, settings));
      return;
    }
    withGradients(leaves, () => backward(sum(attend(variant, inputs, options, settings))));
  });
}

/** The most tensor memory that a pass holds beyond its inputs. */
export function peakOf(body: () => void): number {
  return measureMemory(body).peakBytes;
}

function withGradients(leaves: readonly Tensor[], body: () => void): void {
  const required = leaves.map((leaf) => leaf.requiresGrad);
  for (const leaf of leaves) leaf.requiresGrad = true;
  try {
    body();
  } finally {
    zeroGrad(leaves);
    leaves.forEach((leaf, index) => {
      leaf.requiresGrad = required[index];
    });
  }
}
