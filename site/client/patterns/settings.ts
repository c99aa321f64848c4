/** What the page of patterns may be set to, and what a link to it says. */
import type { AttentionSize, InputChoice } from '../../engine/protocol.ts';

export interface Settings {
  length: number;
  /** Of full attention's floating point operations. */
  share: number;
  causal: boolean;
  /** Of drawn parameters, drawn numbers and random patterns. */
  seed: number;
  /** Whether what costs more than the share is shown too. */
  over: boolean;
}

/** Stops of the slider: from each to the next a half or a third more. */
export const LENGTHS: readonly number[] = [64, 96, 128, 192, 256, 384, 512, 768, 1024];

/** Stops of the slider: 1/64 to 1/2, four to each doubling. */
export const SHARES: readonly number[] = Array.from({ length: 21 }, (_, n) => 2 ** (n / 4 - 6));

export const START: Settings = { length: 256, share: SHARES[12], causal: false, seed: 1, over: false };

/** Two heads: one draws as little as it can, and shows that random patterns and those of even heads differ. */
export const HEADS = 2;
export const HEAD_DIM = 64;

/** What the shipped activations of a trained model hold; longer pictures of weights are of drawn numbers. */
const TEXT = { tokens: 512, headDim: 32, layer: 'layer1' };

/** What weights are drawn of. */
export function inputOf({ length }: Settings): InputChoice {
  if (length <= TEXT.tokens) return { kind: 'minilm', layer: TEXT.layer };
  return { kind: 'drawn', distribution: 'clustered', length, heads: HEADS, headDim: HEAD_DIM };
}

/** Whether a picture is of what the trained model reads. */
export function isOfText(settings: Settings, isOfWeights: boolean): boolean {
  return isOfWeights && inputOf(settings).kind === 'minilm';
}

/** Heads of the picture: those of the trained model are narrower. */
export function sizeOf(settings: Settings, isOfWeights: boolean): AttentionSize {
  const headDim = isOfText(settings, isOfWeights) ? TEXT.headDim : HEAD_DIM;
  return { length: settings.length, heads: HEADS, headDim };
}

/** `length=512&share=0.25`: what differs from the start. */
export function hashOf(settings: Settings): string {
  const said = Object.entries(settings).filter(([name, value]) => value !== START[name as keyof Settings]);
  return new URLSearchParams(said.map(([name, value]) => [name, String(value)])).toString();
}

/** Values between the stops go to the nearest; what is no value is left as at the start. */
export function settingsOf(hash: string): Settings {
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  const seed = Number(said.get('seed') ?? START.seed);
  return {
    length: nearest(LENGTHS, said.get('length') ?? START.length),
    share: nearest(SHARES, said.get('share') ?? START.share),
    causal: said.get('causal') === 'true',
    seed: Number.isInteger(seed) && seed >= 0 ? seed : START.seed,
    over: said.get('over') === 'true',
  };
}

/** By ratio, as the stops are spaced; the first stop for what is no number above 0. */
export function nearest(stops: readonly number[], wanted: number | string): number {
  const target = Math.log(Number(wanted));
  if (!Number.isFinite(target)) return stops[0];
  const distance = (stop: number) => Math.abs(Math.log(stop) - target);
  return stops.reduce((best, stop) => (distance(stop) < distance(best) ? stop : best));
}

/** The same variant beside full attention; of the trained model's text, the explorer shows all tokens. */
export function explorerHash(
  variant: string,
  settings: Settings,
  isOfWeights: boolean,
  options: Readonly<Record<string, unknown>>,
): string {
  const { length, causal, seed } = settings;
  const own = Object.entries(options).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams([
    ['variant', variant],
    ...(isOfText(settings, isOfWeights)
      ? [
          ['input', 'minilm'],
          ['layer', TEXT.layer],
        ]
      : [
          ['input', 'drawn'],
          ['distribution', 'clustered'],
          ['length', String(length)],
          ['heads', String(HEADS)],
          ['headDim', String(HEAD_DIM)],
        ]),
    ['causal', String(causal)],
    ['seed', String(seed)],
    ...own,
  ]).toString();
}
