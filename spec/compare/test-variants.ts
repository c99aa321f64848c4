/** Variants to compare with: exact by other means; able to do next to nothing; wanting more memory than there is. */
import { UnsupportedError } from '../../src/core/errors.ts';
import { add, matmul, scale, softmax } from '../../src/core/ops/index.ts';
import { fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import { full } from '../../src/variants/full.ts';
import { register } from '../../src/variants/registry.ts';
import type { AttentionVariant, CommonOptions } from '../../src/variants/variant.ts';
import { dummy, windowed } from '../laws/dummy-variant.ts';

/** Full attention with the matrix, for small inputs. */
export const dense: AttentionVariant<CommonOptions> = {
  ...full,
  name: 'dense',
  supports: { ...full.supports, incremental: false },
  attend: ({ queries, keys, values, keyMask }, { causal }) => {
    const scores = scale(matmul(queries, keys, { transposeB: true }), 1 / Math.sqrt(queries.shape[3]));
    return matmul(softmax(add(scores, hidden(scores, causal, keyMask))), values);
  },
};

/** 0 or −∞: [batch, 1, queryLength, keyLength]. */
function hidden({ shape: [batch, , rows, columns], dtype }: Tensor, causal: boolean, keyMask?: Tensor): Tensor {
  const kept = keyMask?.toArray();
  const numbers = Array.from({ length: batch * rows * columns }, (_, n) => {
    const [b, i, j] = [Math.floor(n / (rows * columns)), Math.floor(n / columns) % rows, n % columns];
    return (causal && j > i) || kept?.[b * columns + j] === 0 ? -Infinity : 0;
  });
  return fromArray(numbers, [batch, 1, rows, columns], dtype);
}

export interface PickyOptions extends CommonOptions {
  reach: number;
}

/** A window that is neither causal nor padded, and not longer than half the sequence. */
export const picky: AttentionVariant<PickyOptions> = {
  ...dummy,
  name: 'picky',
  supports: { causal: false, padding: false, crossAttention: false, incremental: false },
  budget: { symbol: 'r', option: 'reach', values: () => [1, 2, 3, 5, 8, 13, 21, 34] },
  check({ reach }, { keyLength }) {
    if (2 * reach > keyLength) throw new UnsupportedError(`reach: expected at most ${keyLength / 2}, got ${reach}`);
  },
};

/** Works up to a reach of 2; beyond it holds 4 MiB and asks for 32 GiB more. */
export const greedy: AttentionVariant<PickyOptions> = {
  ...dummy,
  name: 'greedy',
  budget: { symbol: 'r', option: 'reach', values: () => [1, 2, 3] },
  attend: (inputs, options) => {
    if (options.reach > 2) for (const size of [2 ** 20, 2 ** 33]) zeros([size]);
    return windowed(inputs, options);
  },
};

/** Enters them, and the dummy, in the registry of this process. */
export function registerTestVariants(): void {
  register(dense);
  register(dummy);
  register(picky);
  register(greedy);
}
