/** Who is routed where: a feed-forward layer of random parameters, as it starts, on the words of a text. */
import { noGrad } from '../../src/core/autograd.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray } from '../../src/core/tensor.ts';
import type { Routed } from '../../src/training/feed-forward/kind.ts';
import { completeFeedForward, feedForwardKind } from '../../src/training/feed-forward/registry.ts';
import type { RoutedWords, RoutingAsk } from './protocol.ts';

export const LAYER_WIDTH = 16;
export const LAYER_HIDDEN = 32;

/** How much of a word's row is its place's own; so the same word is mostly, but not always, sent to the same expert. */
const OWN = 0.4;

/** Throws ArgumentError for a kind that there is not, or options that do not fit it. */
export function route({ kind: name, options: given, words, training, seed }: RoutingAsk): RoutedWords {
  const kind = feedForwardKind(name);
  const { kind: _, ...options } = completeFeedForward({ kind: name, ...given });
  return scope(() =>
    noGrad(() => {
      const random = new Random(seed);
      const place = { width: LAYER_WIDTH, hidden: LAYER_HIDDEN, dtype: 'float32' } as const;
      const parameters = kind.parameters(options, place, random.split('parameters'));
      const rows = words.flatMap((word, at) => {
        const [shared, own] = [random.split(`word ${word.toLowerCase()}`), random.split(`place ${at}`)];
        return Array.from({ length: LAYER_WIDTH }, () => shared.normal() + OWN * own.normal());
      });
      let noted: Routed | null = null;
      let loss = 0;
      kind.apply(fromArray(rows, [1, words.length, LAYER_WIDTH]), options, parameters, {
        training,
        random: random.split('pass'),
        once: (_, make) => make(),
        losses: {
          scale: 0,
          note: (value) => {
            loss += value;
          },
        },
        note: (routed) => {
          noted = routed;
        },
      });
      return copied(noted, words.length, loss);
    }),
  );
}

/** Of a layer that notes nothing, no choices. */
function copied(routed: Routed | null, words: number, loss: number): RoutedWords {
  const none = { choices: [], perToken: 0, among: 1, loads: [0], refused: [], dropped: 0, capacity: words, loss };
  if (routed === null) return none;
  const { choices, perToken, among, loads, refused = [], dropped, capacity } = routed;
  return { choices: [...choices], perToken, among, loads: [...loads], refused: [...refused], dropped, capacity, loss };
}
