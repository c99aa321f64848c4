/** What is fuzzed: something that reads what it is given, and a source of things to give it. */
import type { Random } from '../../src/core/random.ts';

/** What one run is given: files of a folder, and for the command line also words. Plain, so that it can be kept. */
export interface FuzzCase {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly words: readonly string[];
}

/** Samples are made; cases are drawn from them. */
export interface Prepared {
  /** A function of the random stream alone. */
  draw(random: Random): FuzzCase;
  /**
   * Reads the files, which are in the folder, and uses what came of it. Throws an EfficientTransformersError, or returns
   * false, for what is not right; anything else that it throws is a fault, and so is what it keeps.
   */
  read(folder: string, words: readonly string[]): unknown;
}

export interface Target {
  readonly name: string;
  readonly summary: string;
  /** Of all cases, by the time that one takes. */
  readonly share: number;
  /** Whether what a case leaves is found at once, or only by the garbage collector: commands keep models to their end. */
  readonly releases: boolean;
  /** Of tensors live at once, in bytes: what the largest of its samples rightly takes, and some. */
  readonly tensorBytes: number;
  /** `folder` is empty, for samples. */
  prepare(folder: string): Prepared | Promise<Prepared>;
}
