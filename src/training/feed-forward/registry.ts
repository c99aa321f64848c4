/** The kinds of feed-forward layers, and the settings that choose one. */
import { ArgumentError } from '../../core/errors.ts';
import { type Check, expectList, expectPlain, expectText } from '../../core/expect.ts';
import { unknownName } from '../../terminal/suggest.ts';
import { checkOption, withDefaults } from '../../variants/options.ts';
import { controlledKind } from './controlled.ts';
import { denseKind } from './dense.ts';
import type { FeedForwardKind } from './kind.ts';
import { productKeyKind } from './product-keys.ts';
import { switchKind } from './switch.ts';
import { top2Kind } from './top-2.ts';

/** Every kind, by its name. */
export const FEED_FORWARD_KINDS: readonly FeedForwardKind[] = [
  denseKind,
  switchKind,
  top2Kind,
  productKeyKind,
  controlledKind,
];

/**
 * The feed-forward layer of a layer, as plain values: its kind (`dense`, `switch`, `top-2`, `product-keys`, `controlled`) and the kind's options, which have
 * the defaults of their papers: `{ kind: 'switch', numExperts: 4, balance: 0.01 }`.
 */
export interface FeedForwardSettings {
  kind: string;
  [option: string]: number | string | boolean | undefined;
}

/** Every layer's, unless a model says otherwise. */
export const DENSE: FeedForwardSettings = { kind: 'dense' };

/** Throws ArgumentError unless there is such a kind. */
export function feedForwardKind(name: string): FeedForwardKind {
  const kind = FEED_FORWARD_KINDS.find((each) => each.name === name);
  if (kind !== undefined) return kind;
  const known = FEED_FORWARD_KINDS.map((each) => each.name);
  throw new ArgumentError(`feedForward.kind: ${unknownName('kind', name, known)}`);
}

/** Throws ArgumentError unless these are settings of one feed-forward layer, with options of its kind. */
const expectOne: Check = (name, value) => {
  expectPlain(name, value);
  expectText(`${name}.kind`, value.kind);
  const { options } = feedForwardKind(value.kind);
  for (const [option, given] of Object.entries(value)) {
    if (option === 'kind' || given === undefined) continue;
    if (!Object.hasOwn(options, option)) {
      const names = Object.keys(options);
      const has = names.length === 0 ? 'none' : names.join(', ');
      throw new ArgumentError(`${name}.${option}: no such option of ${value.kind}, which has ${has}`);
    }
    checkOption(`${name}.${option}`, given, options[option], 1);
  }
};

/** The same for a model: one for every layer, or a list. */
export const expectFeedForward: Check = (name, value) =>
  Array.isArray(value) ? expectList(name, value, expectOne, 1) : expectOne(name, value);

/** The settings with the kind's defaults. */
export function completeFeedForward({ kind, ...given }: FeedForwardSettings): FeedForwardSettings {
  return { kind, ...withDefaults(feedForwardKind(kind).options, 1, given) } as FeedForwardSettings;
}
