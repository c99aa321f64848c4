/** The sum of attentions over disjoint sets of keys: one softmax over all of them. */
import { recordAll } from '../autograd.ts';
import { expectShape } from '../errors.ts';
import { expectList, expectRecord } from '../expect.ts';
import { joinGradientKernel, joinKernel } from '../kernels/join.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, zeros } from '../tensor.ts';
import type { Attended } from './attention.ts';
import { expectFloat, expectSameDType, expectTensor } from './check.ts';

/** Multiply-adds that an exp counts for. */
const EXP_COST = 16;

/** Parts that one pass can join: a kernel takes so many arrays. A join of joins is a join. */
const MOST_JOINED = 5;

/**
 * One attention over all keys from attentions of the same queries over disjoint sets of them: each output counts by its
 * share of the exponentials, exp(lse_p) / Σ exp(lse). A query that no part has a key for gets zeros. Throws ArgumentError
 * for no parts, ShapeError for parts that differ in shape.
 */
export function joinAttention(parts: readonly Attended[]): Attended {
  expectList(
    'parts',
    parts,
    (name, part) => expectRecord(name, part, { output: expectTensor, logSumExp: expectTensor }),
    1,
  );
  if (parts.length === 1) return parts[0];
  const [first] = parts;
  expectFloat('parts[0].output', first.output);
  const outputs = parts.map(({ output }) => output);
  const logSumExps = parts.map(({ logSumExp }) => logSumExp);
  parts.forEach((part, index) => {
    expectShape(`parts[${index}].output`, part.output.shape, first.output.shape, 'to match the first part');
    expectShape(`parts[${index}].logSumExp`, part.logSumExp.shape, first.output.shape.slice(0, -1), 'to match it');
    expectSameDType(`parts[${index}].output`, part.output, first.output.dtype, 'to match the first part');
    expectSameDType(`parts[${index}].logSumExp`, part.logSumExp, first.output.dtype, 'to match the first part');
  });
  if (parts.length > MOST_JOINED) {
    const rest = parts.slice(MOST_JOINED);
    let joined = joinAttention(parts.slice(0, MOST_JOINED));
    for (let n = 0; n < rest.length; n += MOST_JOINED - 1) {
      joined = joinAttention([joined, ...rest.slice(n, n + MOST_JOINED - 1)]);
    }
    return joined;
  }
  const width = first.output.shape[first.output.shape.length - 1];
  const rows = first.logSumExp.size;
  const output = empty(first.output.shape, first.output.dtype);
  const logSumExp = empty(first.logSumExp.shape, first.output.dtype);
  const given = [...outputs, ...logSumExps, output, logSumExp].map(elements);
  const costPerItem = parts.length * (width + EXP_COST);
  parallelFor(joinKernel, rows, given, [parts.length, width], { costPerItem });
  recordAll('joinAttention', [output, logSumExp], [...outputs, ...logSumExps], ([gradient, logSumExpGradient]) => {
    const results = [...outputs, ...logSumExps].map(({ shape, dtype }) => empty(shape, dtype));
    const gradients = [gradient ?? zeros(output.shape, output.dtype), logSumExpGradient ?? logSumExp, ...results];
    const numbers = [parts.length, width, logSumExpGradient === null ? 0 : 1];
    const cost = { costPerItem: 3 * costPerItem };
    parallelFor(joinGradientKernel, rows, [...given, ...gradients.map(elements)], numbers, cost);
    return results;
  });
  return { output, logSumExp };
}
