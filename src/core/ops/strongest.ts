/** The strongest tokens of every cluster. Outside the tape: no gradient can flow through a choice. */
import { expectInteger, expectShape } from '../errors.ts';
import { strongestKernel } from '../kernels/strongest.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectAxes, expectFlags, expectFloat, expectInt32, expectSameDType } from './check.ts';

/** The tokens that clusters hold, and how strong each of them is. */
export interface Strongest {
  /** int32 [batch, heads, clusters, count], ascending, −1 at the end where there are fewer. */
  tokens: Tensor;
  /** Their scores; 0 where there is no token. */
  scores: Tensor;
}

/** Settings of `strongest`: how many tokens, which of them may be chosen, and what earlier calls have chosen. */
export interface StrongestSettings {
  /** The most tokens of a cluster. */
  count: number;
  /** The place of the first new token; 0 by default. */
  start?: number;
  /** [batch, length], uint8: 0 = the token is not chosen. */
  keyMask?: Tensor | undefined;
  /** What was chosen among the tokens before `start`. */
  before?: Strongest | undefined;
}

/**
 * The `count` tokens with the largest scores [batch, heads, clusters, length] of every cluster, among these and those of
 * `before`: so calls on parts of a sequence choose as one on all of it. Of equal scores the first tokens are chosen. Throws
 * ArgumentError or ShapeError, with the name of the argument, for arguments that do not fit.
 */
export function strongest(scores: Tensor, settings: StrongestSettings): Strongest {
  const { count, start = 0, keyMask, before } = settings;
  expectFloat('scores', scores);
  expectAxes('scores', scores, 4);
  expectInteger('settings.count', count, 1);
  expectInteger('settings.start', start, 0);
  const [batch, heads, clusters, length] = scores.shape;
  if (keyMask !== undefined) expectFlags('settings.keyMask', keyMask, [batch, length], 'to match scores');
  const held = before === undefined ? 0 : Math.min(count, start);
  if (before !== undefined) {
    expectInt32('settings.before.tokens', before.tokens);
    expectSameDType('settings.before.scores', before.scores, scores.dtype, 'to match scores');
    for (const [name, { shape }] of Object.entries(before)) {
      expectShape(`settings.before.${name}`, shape, [batch, heads, clusters, held], 'for this count and start');
    }
  }
  const width = Math.min(count, start + length);
  const tokens = empty([batch, heads, clusters, width], 'int32');
  const kept = empty(tokens.shape, scores.dtype);
  parallelFor(
    strongestKernel,
    batch * heads * clusters,
    {
      scores: elements(scores),
      tokens: elements(tokens),
      kept: elements(kept),
      mask: keyMask && elements(keyMask),
      heldTokens: before && elements(before.tokens),
      heldScores: before && elements(before.scores),
    },
    { length, start, held, count: width, perEntry: heads * clusters },
    { costPerItem: COST_OF_RANK * (held + length) },
  );
  return { tokens, scores: kept };
}

/** Ranking a token, in multiply-adds. */
const COST_OF_RANK = 16;
