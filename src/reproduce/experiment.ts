/**
 * An experiment: one table or figure of a paper, repeated here. It is one file, `src/reproduce/PAPER-TABLE.ts`, which ends
 * with `defineExperiment({ … })` and is listed in registry.ts. The file states what is expected before the experiment is run.
 *
 * Work is cut into *units*, whose numbers are kept as soon as there are any, so that a run can be interrupted between them.
 * A unit depends on the settings and on its name alone: in whatever order units run, the numbers are the same.
 */
import type { Chart } from '../compare/report/chart.ts';
import type { Environment } from '../compare/result.ts';
import type { RunSettings } from '../training/run.ts';
import type { Claim } from './claims.ts';
import type { Paper } from './papers.ts';
import type { Numbers, Results } from './results.ts';

export const SCALES = ['small', 'paper'] as const;
/** `small` is for two cores and a few minutes; `paper` has the paper's own sizes, as far as a CPU can have them. */
export type Scale = (typeof SCALES)[number];

/** Plain data, as it is written to the log. */
export type Settings = Readonly<Record<string, number | string | boolean | readonly (number | string)[]>>;

export interface UnitContext {
  /** Asked by a unit that runs long: whether it should keep what it has in `folder()` and return null. */
  shouldStop(): boolean;
  /** A folder of this unit, made when it is asked for and removed when the unit is finished. */
  folder(): string;
}

export interface Unit {
  /** Unique within the experiment: `orthogonal, m 64, draw 3`. */
  name: string;
  /** Null if it was asked to stop before its end. */
  run(context: UnitContext): Numbers | null | Promise<Numbers | null>;
  /** Of a unit that trains. They belong to what makes results comparable. */
  training?: RunSettings;
  /** The same numbers from an earlier training of the same settings, `FOLDER/RECIPE/RUN/seed-N`; null where there is none. */
  recorded?(folder: string): Recorded | null;
}

/** Numbers that were measured before, with what they took and the machine that made them. */
export interface Recorded {
  numbers: Numbers;
  seconds: number;
  environment: Environment;
}

/** A table for the terminal and for the page. */
export interface ResultTable {
  titles: readonly string[];
  rows: readonly (readonly string[])[];
}

/**
 * A sentence on where ours differs. A plain one is shown at any scale, so it names no size and no outcome of one; the sizes of each
 * follow from the settings; sentences of one scale alone may tell figures of its runs.
 */
export type Difference<S> = string | ((settings: S) => string) | Partial<Record<Scale, string | readonly string[]>>;

/** What an experiment's file states. `S` are its settings. */
export interface ExperimentSpec<S extends Settings> {
  paper: Paper;
  /** `figure-4`, as the command takes it. */
  table: string;
  /** What is shown there, in a few words. */
  title: string;
  /** Where the paper's numbers are: `Figure 4, read off`. */
  source: string;
  /** Where ours is smaller or otherwise differs, and why. */
  differences: readonly Difference<S>[];
  settings: Readonly<Record<Scale, S>>;
  /**
   * Lists among the settings that only choose which units there are, such as the rows of a table: no unit computes anything else
   * when they grow. A log that has fewer of them keeps its units. Seeds are none: whoever adds some has seen what others came to.
   * Kernels that round otherwise by now are no change of settings, here as elsewhere.
   */
  rows?: readonly (keyof S & string)[];
  /** Raised by one when what a unit computes has changed though the settings have not: earlier results are then refused. */
  revision: number;
  /** What it takes on two cores. */
  minutes: Readonly<Record<Scale, number>>;
  /** Whether it measures time, so that it needs a quiet machine. */
  timed?: true;
  /** Throws what is missing, as a text to read, before earlier results are discarded or units are run. */
  expectReady?(settings: S): void;
  units(settings: S): Unit[];
  claims(settings: S): Claim[];
  /** The paper's numbers beside ours. */
  show(results: Results, settings: S): ResultTable;
  /** The figures: that of the paper, where its numbers are known, then ours. */
  draw?(results: Results, settings: S): Chart[];
}

/** An experiment whose settings are inside: everything takes the scale. */
export interface Experiment
  extends Pick<ExperimentSpec<Settings>, 'paper' | 'table' | 'title' | 'source' | 'settings' | 'revision' | 'minutes'> {
  /** `performer-figure-4`: the name of its file and of the folder of its results. */
  name: string;
  timed: boolean;
  rows: readonly string[];
  /** A sentence each. */
  differences(scale: Scale): string[];
  expectReady(scale: Scale): void;
  units(scale: Scale): Unit[];
  /** The units of other settings, which have fewer rows. */
  unitsOf(settings: Settings): Unit[];
  claims(scale: Scale): Claim[];
  show(results: Results, scale: Scale): ResultTable;
  draw(results: Results, scale: Scale): Chart[];
}

export function defineExperiment<const S extends Settings>(spec: ExperimentSpec<S>): Experiment {
  const { settings, timed = false, rows = [], expectReady = () => {}, draw = () => [] } = spec;
  return {
    ...spec,
    name: `${spec.paper.name}-${spec.table}`,
    timed,
    rows,
    differences: (scale) =>
      spec.differences.flatMap((each) => {
        if (typeof each === 'string') return each;
        return typeof each === 'function' ? each(settings[scale]) : (each[scale] ?? []);
      }),
    expectReady: (scale) => expectReady(settings[scale]),
    units: (scale) => spec.units(settings[scale]),
    unitsOf: (given) => spec.units(given as S),
    claims: (scale) => spec.claims(settings[scale]),
    show: (results, scale) => spec.show(results, settings[scale]),
    draw: (results, scale) => draw(results, settings[scale]),
  };
}
