/** What the papers say, for every variant that there are notes on. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ArgumentError } from '../../src/core/errors.ts';
import { findVariant } from '../../src/variants/registry.ts';
import { adaptiveSparse } from './adaptive-sparse.ts';
import { attentionSinks } from './attention-sinks.ts';
import { axial } from './axial.ts';
import { based } from './based.ts';
import { bigbird } from './bigbird.ts';
import { clusterFormer } from './cluster-former.ts';
import { clustered } from './clustered.ts';
import { compressive } from './compressive.ts';
import { deltaNet } from './deltanet.ts';
import { dsa } from './dsa.ts';
import { dynamicConv } from './dynamic-conv.ts';
import { etc } from './etc.ts';
import { fox } from './fox.ts';
import { full } from './full.ts';
import { funnel } from './funnel.ts';
import { gatedDeltaNet } from './gated-deltanet.ts';
import { gla } from './gla.ts';
import { hgrn2 } from './hgrn2.ts';
import { hyena } from './hyena.ts';
import { imageTransformer } from './image-transformer.ts';
import { kda } from './kda.ts';
import { lightConv } from './light-conv.ts';
import { lightning } from './lightning.ts';
import { linearTransformer } from './linear-transformer.ts';
import { linformer } from './linformer.ts';
import { localAttention } from './local-attention.ts';
import { logLinear } from './log-linear.ts';
import { longShort } from './long-short.ts';
import { longformer } from './longformer.ts';
import { luna } from './luna.ts';
import { mamba } from './mamba.ts';
import { mamba2 } from './mamba2.ts';
import { memoryCompressed } from './memory-compressed.ts';
import { moba } from './moba.ts';
import { nsa } from './nsa.ts';
import { nystromformer } from './nystromformer.ts';
import type { PaperNotes } from './paper.ts';
import { perceiver } from './perceiver.ts';
import { performer } from './performer.ts';
import { poolingformer } from './poolingformer.ts';
import { reformer } from './reformer.ts';
import { retnet } from './retnet.ts';
import { rfa } from './rfa.ts';
import { routing } from './routing.ts';
import { rwkv7 } from './rwkv7.ts';
import { setTransformer } from './set-transformer.ts';
import { sinkhorn } from './sinkhorn.ts';
import { sparseTransformer } from './sparse-transformer.ts';
import { synthesizer } from './synthesizer.ts';
import { tokenLearner } from './token-learner.ts';
import { transformerXL } from './transformer-xl.ts';

const all: readonly PaperNotes[] = [
  full,
  adaptiveSparse,
  fox,
  localAttention,
  imageTransformer,
  sparseTransformer,
  axial,
  bigbird,
  longformer,
  etc,
  attentionSinks,
  dsa,
  moba,
  nsa,
  poolingformer,
  routing,
  sinkhorn,
  clusterFormer,
  clustered,
  reformer,
  memoryCompressed,
  setTransformer,
  funnel,
  linformer,
  synthesizer,
  longShort,
  perceiver,
  nystromformer,
  luna,
  tokenLearner,
  linearTransformer,
  performer,
  rfa,
  based,
  transformerXL,
  compressive,
  deltaNet,
  retnet,
  mamba,
  gla,
  hgrn2,
  lightning,
  mamba2,
  gatedDeltaNet,
  kda,
  logLinear,
  rwkv7,
  dynamicConv,
  lightConv,
  hyena,
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
