/** What the papers say, for every variant that there are notes on. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ArgumentError } from '../../src/core/errors.ts';
import { findVariant } from '../../src/variants/registry.ts';
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

/**
 * The notes on a variant. One that has none speaks for itself, by the first comment of its file; one that was registered from
 * elsewhere, by the title of its paper.
 */
export function notesOf(variant: string): PaperNotes {
  const known = papers.get(variant);
  if (known !== undefined) return known;
  const path = fileURLToPath(new URL(`../../src/variants/${variant}.ts`, import.meta.url));
  if (existsSync(path)) return notesInSource(variant, readFileSync(path, 'utf8'));
  const found = findVariant(variant);
  if (found === undefined) throw new ArgumentError(`variant: there are no notes on '${variant}', and no such variant`);
  return { ...NONE, variant, title: titleOf(variant), idea: `${found.paper.title}.` };
}

const NONE = { symbols: [], equations: [], cost: { steps: [] }, givesUp: '', goodFor: '', badFor: '' };

/** What the first comment of a variant's file says, `Name: the idea. … It gives up …`. */
export function notesInSource(variant: string, source: string): PaperNotes {
  const [, header = ''] = /^\/\*\*(.*?)\*\//s.exec(source) ?? [];
  const text = header.replaceAll(/\s*\n \* ?/g, ' ').trim();
  const sentence = (like: RegExp) => like.exec(text)?.[1].trim() ?? '';
  const title = sentence(/^([^:.(]{2,40}?)(?: \([^)]*\))?:/);
  return {
    ...NONE,
    variant,
    title: title === '' ? titleOf(variant) : title,
    idea: sentence(/^[^:]*: (.*?\.)(?: |$)/).replace(/^./, (letter) => letter.toUpperCase()),
    givesUp: sentence(/(It gives up.*?\.)(?: |$)/i),
  };
}

/** `gated-delta` is Gated delta. */
function titleOf(variant: string): string {
  return `${variant[0].toUpperCase()}${variant.slice(1).replaceAll('-', ' ')}`;
}
