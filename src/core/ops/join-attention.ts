/** Attentions over disjoint sets of keys, joined into one softmax over all of them. */
import { recordAll } from '../autograd.ts';
import { expectShape } from '../errors.ts';
import { expectList, expectRecord } from '../expect.ts';
import {
  joinGradientKernel,
  joinKernel,
  LOG_SUM_EXPS,
  MOST_PARTS,
  OF_LOG_SUM_EXPS,
  OF_OUTPUTS,
  OUTPUTS,
} from '../kernels/join.ts';
import type { NumericArray } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor, zeros } from '../tensor.ts';
import type { Attended } from './attention.ts';
import { expectFloat, expectSameDType, expectTensor } from './check.ts';

/** The cost of an exp, in multiply-adds. */
const EXP_COST = 16;

/**
 * One attention over all keys from attentions of the same queries over disjoint sets of them: each output is weighted by its
 * share of the exponentials, exp(lse_p) / Σ exp(lse). A query that no part has a key for gets zeros. Throws ArgumentError for
 * no parts, ShapeError for parts that differ in shape.
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
  // A join can be joined again, so more parts than one pass takes are joined in turn.
  if (parts.length > MOST_PARTS) {
    const rest = parts.slice(MOST_PARTS);
    let joined = joinAttention(parts.slice(0, MOST_PARTS));
    for (let n = 0; n < rest.length; n += MOST_PARTS - 1) {
      joined = joinAttention([joined, ...rest.slice(n, n + MOST_PARTS - 1)]);
    }
    return joined;
  }
  const width = first.output.shape[first.output.shape.length - 1];
  const rows = first.logSumExp.size;
  const output = empty(first.output.shape, first.output.dtype);
  const logSumExp = empty(first.logSumExp.shape, first.output.dtype);
  const given = Object.assign(
    { output: elements(output), logSumExp: elements(logSumExp) },
    named(OUTPUTS, outputs),
    named(LOG_SUM_EXPS, logSumExps),
  );
  const numbers = { parts: parts.length, width };
  const costPerItem = parts.length * (width + EXP_COST);
  parallelFor(joinKernel, rows, given, numbers, { costPerItem });
  recordAll('joinAttention', [output, logSumExp], [...outputs, ...logSumExps], ([gradient, logSumExpGradient]) => {
    const like = ({ shape, dtype }: Tensor) => empty(shape, dtype);
    const [ofOutputs, ofLogSumExps] = [outputs.map(like), logSumExps.map(like)];
    const arrays = Object.assign(
      {
        gradient: elements(gradient ?? zeros(output.shape, output.dtype)),
        logSumExpGradient: elements(logSumExpGradient ?? logSumExp),
      },
      given,
      named(OF_OUTPUTS, ofOutputs),
      named(OF_LOG_SUM_EXPS, ofLogSumExps),
    );
    const both = logSumExpGradient === null ? 0 : 1;
    parallelFor(joinGradientKernel, rows, arrays, { ...numbers, both }, { costPerItem: 3 * costPerItem });
    return [...ofOutputs, ...ofLogSumExps];
  });
  return { output, logSumExp };
}

function named<Name extends string>(names: readonly Name[], parts: readonly Tensor[]) {
  return Object.fromEntries(parts.map((part, n) => [names[n], elements(part)])) as Partial<Record<Name, NumericArray>>;
}
