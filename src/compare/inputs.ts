/** What `compare` runs on: the shipped fixture, a file of the user's, or drawn numbers (synthetic.ts). */
import { fileURLToPath } from 'node:url';
import { ArgumentError, expectInteger, FileFormatError, formatShape } from '../core/errors.ts';
import { fromArray } from '../core/tensor.ts';
import { nearestName } from '../terminal/suggest.ts';
import type { AttentionInputs } from '../variants/variant.ts';

/** One layer, or one length. */
export interface ComparisonCase {
  /** Its name in the file; absent for inputs without layers. */
  layer?: string;
  length: number;
  /** Makes the tensors: float32, [batch, heads, length, headDim] each. */
  load(): AttentionInputs;
}

export interface ComparisonInput {
  name: string;
  source: 'fixture' | 'file' | 'synthetic';
  detail: string;
  batch: number;
  heads: number;
  headDim: number;
  cases: ComparisonCase[];
}
