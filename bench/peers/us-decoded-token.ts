/**
 * One more token of a language model that has read others: a step of a generation, and the likeliest byte. PyTorch computes the
 * same with a cache (bench/pytorch/decoded_token.py); the logits of the first tokens are compared.
 */
import { scope } from '../../src/core/scope.ts';
import { elements } from '../../src/core/tensor.ts';
import type { Generation } from '../../src/training/language-model.ts';
import { endLearner } from '../../src/training/run.ts';
import { drawBetween } from './inputs.ts';
import type { Prepared } from './peer.ts';
import type { ModelSize } from './protocol.ts';
import { drawModel, VOCABULARY } from './us-model-step.ts';

/** Tokens that can be decoded after those that were read. */
const ROOM = 2048;
const COMPARED_TOKENS = 4;
/** Tokens before any that are measured: an engine compiles what it has run often, which takes it some hundreds of them. */
const WARM_UP = 256;

/** Tokens that can be taken after those of the warm-up: the model has room for no more. */
export const MOST_TOKENS = ROOM - WARM_UP;

export function prepareDecodedToken({ length, ...sizes }: ModelSize & { width: number; length: number }): Prepared {
  const { batch } = sizes;
  const all = length + ROOM;
  const drawn = drawBetween('tokens', batch * all, 0, VOCABULARY).map(Math.floor);
  const tokensAt = (from: number, end: number) =>
    Array.from({ length: batch }, (_, b) => drawn.slice(b * all + from, b * all + end));
  const model = drawModel({ ...sizes, length: all });
  const start = () => {
    const generation = model.startGeneration(batch);
    scope(() => void generation.read(tokensAt(0, length)));
    return generation;
  };
  /** The logits after the next token; the likeliest is what a text would go on with. */
  const next = (): Float32Array =>
    scope(() => {
      const logits = elements(current.step(tokensAt(current.position, current.position + 1).map(([token]) => token)));
      logits.indexOf(Math.max(...logits));
      return logits.slice() as Float32Array;
    });
  let current: Generation = start();
  for (let n = 0; n < WARM_UP; n++) next();
  return {
    run: () => void next(),
    results() {
      current.end();
      current = start();
      const rows = Array.from({ length: COMPARED_TOKENS }, next);
      return { logits: Float32Array.from(rows.flatMap((row) => [...row])) };
    },
    release() {
      current.end();
      endLearner({ kind: 'causal', model, logits: () => model.body.embedding.weight });
    },
  };
}
