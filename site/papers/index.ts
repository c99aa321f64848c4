/** What the papers say, for every registered variant. */
import { ArgumentError } from '../../src/core/errors.ts';
import { bigbird } from './bigbird.ts';
import { dynamicConv } from './dynamic-conv.ts';
import { full } from './full.ts';
import { lightConv } from './light-conv.ts';
import { linearTransformer } from './linear-transformer.ts';
import { linformer } from './linformer.ts';
import { localAttention } from './local-attention.ts';
import { longformer } from './longformer.ts';
import { nystromformer } from './nystromformer.ts';
import type { PaperNotes } from './paper.ts';
import { performer } from './performer.ts';
import { reformer } from './reformer.ts';
import { sparseTransformer } from './sparse-transformer.ts';
import { transformerXL } from './transformer-xl.ts';

const all: readonly PaperNotes[] = [
  full,
  longformer,
  bigbird,
  sparseTransformer,
  linformer,
  nystromformer,
  performer,
  linearTransformer,
  reformer,
  localAttention,
  transformerXL,
  lightConv,
  dynamicConv,
];

/** By the registered name of the variant. */
export const papers: ReadonlyMap<string, PaperNotes> = new Map(all.map((notes) => [notes.variant, notes]));

/** The notes on a variant. Throws ArgumentError for one that has none: a page without them is not worth building. */
export function notesOf(variant: string): PaperNotes {
  const notes = papers.get(variant);
  if (notes === undefined) throw new ArgumentError(`variant: no notes on '${variant}' in site/papers`);
  return notes;
}
