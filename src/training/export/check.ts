/**
 * What an exported model must give: tokens, and our logits of them. Cases are named by what is special about them:
 *
 *     CASE/tokens, CASE/other (of pairs)        int32 [2, length]
 *     CASE/mask, CASE/otherMask                 uint8, 1 = a real token; absent: all
 *     CASE/logits                               rows of padding have no meaning
 */
import { noGrad } from '../../core/autograd.ts';
import type { ArrayToStore } from '../../core/files/numbers.ts';
import { writeSafetensors } from '../../core/files/safetensors.ts';
import { Random } from '../../core/random.ts';
import { elements, fromArray, scope, type Tensor } from '../../core/tensor.ts';
import { evaluation } from '../context.ts';
import type { Learner } from '../learner.ts';
import type { Sequences } from '../tasks/batch.ts';

const BATCH = 2;

/** Random tokens of a fixed seed: of the model's length, with padding, and shorter. Throws FileWriteError. */
export function writeCheck(path: string, learner: Learner): void {
  const { length, vocabulary } = learner.model.config;
  const random = new Random(0).split('check');
  const shorter = Math.max(1, Math.ceil((5 * length) / 8));
  const cases = { full: [length, length], padded: [length, shorter], short: [shorter, shorter] };
  const stored: [string, ArrayToStore][] = [];
  scope(() => {
    for (const [name, [columns, real]] of Object.entries(cases)) {
      const draw = (stream: string) => drawSequences(columns, real, vocabulary, random.split(name).split(stream));
      const pair = learner.kind === 'pair classification';
      const sequences = pair ? [draw('first'), draw('second')] : [draw('first')];
      // Only the logits are asked for, which need no targets.
      const nothing = fromArray([0], [1], 'int32');
      const batch = { sequences, targets: nothing, counts: nothing, counted: 0 };
      const logits = noGrad(() => learner.logits(batch, evaluation));
      const tensors = { tokens: sequences[0].tokens, mask: sequences[0].keyMask, logits };
      const others = pair ? { other: sequences[1].tokens, otherMask: sequences[1].keyMask } : {};
      for (const [key, tensor] of Object.entries<Tensor | undefined>({ ...tensors, ...others })) {
        if (tensor !== undefined)
          stored.push([`${name}/${key}`, { shape: tensor.shape, data: elements(tensor).slice() }]);
      }
    }
  });
  writeSafetensors(path, stored, [['format', 'pt']]);
}

/** The second of the sequences has `real` tokens, the rest of it is padding. */
function drawSequences(columns: number, real: number, vocabulary: number, random: Random): Sequences {
  const tokens = Array.from({ length: BATCH * columns }, () => random.integer(vocabulary));
  const mask = Array.from(tokens, (_, n) => Number(n % columns < (n < columns ? columns : real)));
  return {
    tokens: fromArray(tokens, [BATCH, columns], 'int32'),
    keyMask: real === columns ? undefined : fromArray(mask, [BATCH, columns], 'uint8'),
  };
}
