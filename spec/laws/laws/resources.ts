/** What it takes: memory that grows with L and not L², the same bits on any number of threads. */
import { backward, noGrad } from '../../../src/core/autograd.ts';
import { measureMemory, memoryStatistics } from '../../../src/core/memory.ts';
import { sum } from '../../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../../src/core/parallel/pool.ts';
import { scope } from '../../../src/core/scope.ts';
import { attend } from '../../../src/variants/attend.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { AttentionShape } from '../../../src/variants/variant.ts';
import { type AttentionCase, accepts, forAllCases, inputsOf, sampleCases } from '../draw.ts';
import { expectSameBits, type Law, parametersOf } from '../evaluate.ts';

export function resources(variant: AnyVariant): Law[] {
  return [
    ...causalities(variant).flatMap((causal) => [
      memoryGrowsWithLength(variant, causal, 'attending'),
      memoryGrowsWithLength(variant, causal, 'training'),
    ]),
    givesMemoryBack(variant),
    sameBitsOnAnyThreads(variant),
  ];
}

const causalities = ({ supports: { causal, bidirectional } }: AnyVariant) =>
  causal ? (bidirectional === false ? [true] : [false, true]) : [false];

const SHORT = 1024;

/**
 * At a fixed budget memory is O(L), or O(L log L) at the most: from 1024 to 2048 tokens that is a factor of 2.2, and
 * 2.3 allows for blocks rounded up. No array, of whatever type, may have a place for each pair.
 */
function memoryGrowsWithLength(variant: AnyVariant, causal: boolean, what: 'attending' | 'training'): Law {
  return {
    name: `memory: ${what}${causal ? ' causally' : ''} takes O(L), and never holds an L × L array`,
    run: () => {
      const fixed = { ...variant.defaults(SHORT), causal };
      // Where options say how long a sequence can be, they are those for both.
      const options = accepts(variant, fixed, squareShape(2 * SHORT))
        ? fixed
        : { ...variant.defaults(2 * SHORT), causal };
      const [short, long] = [SHORT, 2 * SHORT].map((length) => {
        const attentionCase: AttentionCase = { shape: squareShape(length), options, mask: null, seed: 1 };
        return memoryOf(variant, attentionCase, what === 'training');
      });
      for (const count of ['peakBytes', 'largestBytes', 'outsideBytes'] as const) {
        if (count === 'outsideBytes' ? long[count] < (2 * SHORT) ** 2 : long[count] <= 2.3 * short[count]) continue;
        throw new Error(`${count}: ${short[count]} at ${SHORT} tokens, ${long[count]} at ${2 * SHORT}`);
      }
      if (long.largestBytes >= 4 * (2 * SHORT) ** 2)
        throw new Error(`largestBytes: ${long.largestBytes}, an L × L array`);
    },
  };
}

/** Bytes in tensors; `outsideBytes` are those in typed arrays that the allocator did not hand out. */
function memoryOf(variant: AnyVariant, attentionCase: AttentionCase, training: boolean) {
  return scope(() => {
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    if (training) for (const leaf of [inputs.queries, inputs.keys, inputs.values]) leaf.withGrad();
    const given = [inputs.queries, inputs.keys, inputs.values].map((tensor) => tensor.toArray());
    const before = process.memoryUsage().arrayBuffers;
    const { peakBytes, largestBytes } = measureMemory(() =>
      scope(() => {
        if (training) backward(sum(attend(variant, inputs, attentionCase.options, { parameters })));
        else noGrad(() => attend(variant, inputs, attentionCase.options, { parameters }));
      }),
    );
    const outsideBytes = process.memoryUsage().arrayBuffers - before;
    // At these lengths all threads take part: none may write beside its own results.
    for (const [index, tensor] of [inputs.queries, inputs.keys, inputs.values].entries()) {
      expectSameBits(tensor.toArray(), given[index], `${['queries', 'keys', 'values'][index]} after a pass`);
    }
    return { peakBytes, largestBytes, outsideBytes };
  });
}

function givesMemoryBack(variant: AnyVariant): Law {
  return {
    name: 'memory: after attending, only the output is left',
    run: () =>
      forAllCases(variant, { maxLength: 40 }, 10, (attentionCase) => {
        const inputs = inputsOf(attentionCase);
        const parameters = parametersOf(variant, attentionCase);
        const live = () => {
          const before = memoryStatistics().liveBytes;
          const output = noGrad(() => attend(variant, inputs, attentionCase.options, { parameters }));
          return memoryStatistics().liveBytes - before - (output.block?.bytes ?? 0);
        };
        // The first run may fill a cache that stays.
        live();
        const left = live();
        if (left > 0) throw new Error(`${left} bytes are left beside the output`);
      }),
  };
}

/** From 150 tokens and two heads on the heavy ops are worth splitting, so that the threads do get parts of them. */
function sameBitsOnAnyThreads(variant: AnyVariant): Law {
  return {
    name: 'threads: 1, 2, 3 and 8 give the same bits, forward and backward',
    run: async () => {
      const runs = await (together.includes(variant) ? runsTogether() : runOnThreads([variant]));
      const [alone, ...others] = runs.get(variant) ?? [];
      for (const { error } of [alone, ...others]) if (error !== undefined) throw error;
      for (const { threads, results } of others) {
        results.forEach(({ arrays, drawn }, index) => {
          arrays.forEach((array, which) => {
            const what = ['output', 'gradient of queries', 'gradient of keys', 'gradient of values'][which];
            const claim = `${what} on ${threads} threads, ${JSON.stringify({ ...drawn, mask: undefined })}`;
            expectSameBits(array, alone.results[index].arrays[which], claim);
          });
        });
      }
    },
  };
}

/** Variants that take turns on the same threads: to start and stop eight costs more than what a variant runs on them. */
let together: readonly AnyVariant[] = [];
let allRuns: ReturnType<typeof runOnThreads> | undefined;
const runsTogether = () => (allRuns ??= runOnThreads(together));

export function shareThreads(variants: readonly AnyVariant[]): void {
  [together, allRuns] = [variants, undefined];
}

interface RunOnThreads {
  threads: number;
  results: { drawn: AttentionCase; arrays: ArrayBufferView[] }[];
  /** What stopped it: a fault of one variant is not one of its neighbours. */
  error?: unknown;
}

async function runOnThreads(variants: readonly AnyVariant[]): Promise<Map<AnyVariant, RunOnThreads[]>> {
  const wishes = {
    minLength: 150,
    maxLength: 300,
    maxBatch: 2,
    minHeads: 2,
    maxHeads: 3,
    minHeadDim: 8,
    maxHeadDim: 24,
  };
  const cases = new Map(
    variants.map((variant) => [
      variant,
      causalities(variant).flatMap((causal) => sampleCases(variant, { ...wishes, causal }, 3)),
    ]),
  );
  const runs = new Map<AnyVariant, RunOnThreads[]>(variants.map((variant) => [variant, []]));
  const outer = threadCount();
  try {
    for (const threads of [1, 2, 3, 8]) {
      setThreads(threads);
      await poolReady();
      for (const [variant, drawnCases] of cases) runs.get(variant)?.push(runCases(variant, drawnCases, threads));
    }
  } finally {
    setThreads(outer);
  }
  return runs;
}

function runCases(variant: AnyVariant, cases: readonly AttentionCase[], threads: number): RunOnThreads {
  try {
    return { threads, results: cases.map((drawn) => ({ drawn, arrays: outputAndGradients(variant, drawn) })) };
  } catch (error) {
    return { threads, results: [], error };
  }
}

function outputAndGradients(variant: AnyVariant, attentionCase: AttentionCase): ArrayBufferView[] {
  return scope(() => {
    const inputs = inputsOf(attentionCase);
    const leaves = [inputs.queries, inputs.keys, inputs.values].map((leaf) => leaf.withGrad());
    const output = attend(variant, inputs, attentionCase.options, { parameters: parametersOf(variant, attentionCase) });
    backward(output);
    return [output.toArray(), ...leaves.map((leaf) => leaf.grad?.toArray() ?? new Uint8Array())];
  });
}

function squareShape(length: number): AttentionShape {
  return { batch: 1, heads: 1, queryLength: length, keyLength: length, headDim: 16, dtype: 'float32' };
}
