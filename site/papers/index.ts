/** What the papers say, for every variant that there are notes on. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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

/** The notes on a variant; one that has none speaks for itself, by the first comment of its file. */
export const notesOf = (variant: string): PaperNotes => papers.get(variant) ?? notesInSource(variant);

/** What the first comment of a variant's file says. Throws ArgumentError where there is no such file. */
export function notesInSource(variant: string): PaperNotes {
  const path = fileURLToPath(new URL(`../../src/variants/${variant}.ts`, import.meta.url));
  if (!existsSync(path)) throw new ArgumentError(`variant: no notes on '${variant}' in site/papers, and no file of it`);
  const [, header = ''] = /^\/\*\*(.*?)\*\//s.exec(readFileSync(path, 'utf8')) ?? [];
  const text = header.replaceAll(/\s*\n \* ?/g, ' ').trim();
  const sentence = (like: RegExp) => like.exec(text)?.[1].trim() ?? '';
  return {
    variant,
    idea: sentence(/^[^:]*: (.*?\.)(?: |$)/).replace(/^./, (letter) => letter.toUpperCase()),
    symbols: [],
    equations: [],
    cost: { steps: [] },
    givesUp: sentence(/(It gives up.*?\.)(?: |$)/i),
    ...{ goodFor: '', badFor: '' },
  };
}
