/** What a peer's file gives to its process (child.ts): contestants that can be prepared, run and compared. */
import { readFileSync } from 'node:fs';
import type { ContestantDescription, Instructions, Task } from './protocol.ts';

export type TaskOf<Kind extends Task['kind']> = Extract<Task, { kind: Kind }>;

/** Everything in place: a run is the computation alone. */
export interface Prepared {
  run(): void | Promise<void>;
  /** The numbers of one more run, by name. */
  results(): Results | Promise<Results>;
  release(): void;
}

/**
 * For attention and recurrences `output`, and `queries`, `keys`, `values` and so on for their gradients; see agreement.ts for the
 * rest.
 */
export type Results = Record<string, Float32Array>;

export interface Contestant extends ContestantDescription {
  prepare(task: Task, check: boolean): Prepared | Promise<Prepared>;
}

export interface Peer {
  versions: Record<string, string>;
  threads: number;
  contestants: Contestant[];
}

/** Module names of packages that may not be installed, which the compiler should not look for. */
export async function load<Facade>(packageName: string): Promise<Facade> {
  return (await import(packageName)) as Facade;
}

export function versionsOf(...packageNames: string[]): Record<string, string> {
  return Object.fromEntries(
    packageNames.map((name) => {
      const file = new URL(`./node_modules/${name}/package.json`, import.meta.url);
      return [name, (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version];
    }),
  );
}

interface Rest {
  instructions: Instructions;
  scoreArrays?: readonly [number, number];
}

export function attention(
  name: string,
  computes: string,
  training: boolean,
  rest: Rest,
  prepare: (task: TaskOf<'attention'>, check: boolean) => Prepared | Promise<Prepared>,
): Contestant {
  return contestant('attention', { name, computes, training, ...rest }, prepare);
}

/** A variant of ours with gates and a state. */
export function recurrence(
  variant: string,
  instructions: Instructions,
  prepare: (task: TaskOf<'recurrence'>) => Prepared | Promise<Prepared>,
): Contestant {
  return contestant('recurrence', { name: variant, computes: variant, training: true, instructions }, prepare);
}

export function product(
  name: string,
  instructions: Instructions,
  prepare: (task: TaskOf<'product'>) => Prepared | Promise<Prepared>,
): Contestant {
  return contestant('product', { name, computes: 'product', training: false, instructions }, prepare);
}

export function trainingStep(
  name: string,
  instructions: Instructions,
  prepare: (task: TaskOf<'training-step'>) => Prepared | Promise<Prepared>,
): Contestant {
  return contestant('training-step', { name, computes: 'training-step', training: true, instructions }, prepare);
}

/** A contestant for one kind of task; throws, when asked to prepare another. */
export function contestant<Kind extends Task['kind']>(
  kind: Kind,
  description: Omit<ContestantDescription, 'kind'>,
  prepare: (task: TaskOf<Kind>, check: boolean) => Prepared | Promise<Prepared>,
): Contestant {
  return {
    ...description,
    kind,
    prepare(task, check) {
      if (task.kind !== kind) throw new Error(`task: expected ${kind} for ${description.name}, got ${task.kind}`);
      return prepare(task as TaskOf<Kind>, check);
    },
  };
}
