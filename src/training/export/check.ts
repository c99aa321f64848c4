/**
 * Reference results for an exported model: tokens, and our logits for them. Cases are named after their special feature:
 *
 *     CASE/tokens, CASE/other (of pairs)        int32 [2, length]
 *     CASE/mask, CASE/otherMask                 uint8, 1 = a real token; absent: all
 *     CASE/logits                               rows of padding have no meaning
 *     full/gradients/NAME                       of the mean of the squared logits, for each parameter
 */
import { backward, noGrad, zeroGrad } from '../../core/autograd.ts';
import type { ArrayToStore } from '../../core/files/numbers.ts';
import { writeSafetensors } from '../../core/files/safetensors.ts';
import { mean, square } from '../../core/ops/index.ts';
import { Random } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';
import type { Learner } from '../learner.ts';
import { evaluation, withGradients } from '../module.ts';
import type { Sequences } from '../tasks/batch.ts';

const BATCH = 2;

/**
 * Random tokens of a fixed seed: of the model's length, with padding, and shorter. Gradients have our names, and are left out
 * if another library uses other names. Throws FileWriteError.
 */
export function writeCheck(path: string, learner: Learner, gradients: boolean): void {
  const { length, vocabulary } = learner.model.config;
  const random = new Random(0).split('check');
  const shorter = Math.max(1, Math.ceil((5 * length) / 8));
  const cases = { full: [length, length], padded: [length, shorter], short: [shorter, shorter] };
  const stored: [string, ArrayToStore][] = [];
  const store = (key: string, tensor: Tensor | undefined) => {
    if (tensor !== undefined) stored.push([key, { shape: tensor.shape, data: elements(tensor).slice() }]);
  };
  const parameters = learner.model.parameters();
  for (const [name, [columns, real]] of Object.entries(cases)) {
    scope(() => {
      const draw = (stream: string) => drawSequences(columns, real, vocabulary, random.split(name).split(stream));
      const sequences = learner.kind === 'pair classification' ? [draw('first'), draw('second')] : [draw('first')];
      const [{ tokens, keyMask }, second] = sequences;
      store(`${name}/tokens`, tokens);
      store(`${name}/mask`, keyMask);
      store(`${name}/other`, second?.tokens);
      store(`${name}/otherMask`, second?.keyMask);
      // Only the logits are needed, so there are no targets.
      const nothing = fromArray([0], [1], 'int32');
      const logitsNow = () => learner.logits({ sequences, targets: nothing, counts: nothing, counted: 0 }, evaluation);
      store(`${name}/logits`, noGrad(logitsNow));
      if (name !== 'full' || !gradients) return;
      withGradients(parameters.values(), () => backward(mean(square(logitsNow()))));
      for (const [key, { grad }] of parameters) store(`full/gradients/${key}`, grad ?? undefined);
      zeroGrad(parameters.values());
    });
  }
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
