/** How an op is defined for its page, and the names of the loops that define it. */
import type { Prose } from '../papers/paper.ts';

export interface OpDefinition {
  /** Of src/core/ops, without its ending. */
  file: string;
  /** What the file's ops are for, in a sentence. */
  says: Prose;
  /** Display style. */
  forward: string;
  /** Null where nothing is differentiated: `why` says the reason. */
  gradient: string | null;
  why?: Prose;
  /** The plain loops that define it: functions of a file, by name. */
  loops: readonly { file: string; names: readonly string[] }[];
}

export const tex = String.raw;
export const reference = (file: string, ...names: string[]) => ({ file: `src/core/${file}.ts`, names });
export const kernel = (file: string, ...names: string[]) => ({ file: `src/core/kernels/${file}.ts`, names });
export const op = (file: string, ...names: string[]) => ({ file: `src/core/ops/${file}.ts`, names });
