/** Options that several commands share, and what they mean together: which variants, on which input, on how many threads. */
import { type ComparisonInput, fileInput, fixtureInput } from '../compare/inputs.ts';
import { LAYOUTS, type Layout } from '../compare/layout.ts';
import { DISTRIBUTIONS, type Distribution, syntheticInput } from '../compare/synthetic.ts';
import { ArgumentError } from '../core/errors.ts';
import type { KernelSet } from '../core/kernels/simd.ts';
import { setKernels, setThreads } from '../core/parallel/pool.ts';
import { choice, choices, flag, flagName, integer, negatable, paths, text, texts } from '../terminal/options.ts';
import { allVariants } from '../variants/registry.ts';

const LAYOUT_NAMES = Object.keys(LAYOUTS) as Layout[];

export function variantOptions() {
  const names = allVariants().map(({ name }) => name);
  return {
    variant: choices('NAME', names, 'Which variants', { defaultText: 'all that can do what is asked' }),
    option: texts(
      'NAME=VALUE',
      'An option of the variants that have it (the command variants lists them); VARIANT.NAME=VALUE for one of them',
    ),
    causal: flag('No token sees a later one'),
  };
}

/** What describes the drawn numbers; without defaults, so that it is known which of them were given. */
export function drawnInputOptions() {
  const kinds = Object.keys(DISTRIBUTIONS) as Distribution[];
  return {
    distribution: choice('NAME', kinds, 'With --length, what the numbers are like', { defaultText: 'gaussian' }),
    batch: integer('N', 'With --length, sequences in the batch', { minimum: 1, defaultText: '1' }),
    heads: integer('N', 'With --length, heads', { minimum: 1, defaultText: '2' }),
    headDim: integer('N', 'With --length, width of a head', { minimum: 1, defaultText: '64' }),
  };
}

/** Queries, keys and values of the user's, and how they are read. */
export function fileOptions() {
  return {
    qkv: paths(
      'FILE',
      'Your own Q, K, V: .npz or .safetensors with arrays q, k, v or LAYER.q …, one .npy of all three, or three',
    ),
    mask: negatable(
      text('FILE', 'With --qkv, which tokens are real, [batch, length]: 1 real, 0 padding; --no-mask ignores one', {
        defaultText: 'the array mask beside queries and keys, if any',
      }),
    ),
    layout: choice('AXES', LAYOUT_NAMES, 'With --qkv, the order of axes: batch, heads, length, width', {
      defaultText: 'bhld',
    }),
  };
}

export function runOptions() {
  return {
    seed: integer('N', 'Of everything random; the same seed gives the same result', { default: 0 }),
    threads: integer('N', 'Threads, the calling one included; the result does not depend on it', {
      minimum: 1,
      defaultText: 'all cores, or EFFICIENT_TRANSFORMERS_THREADS',
    }),
    kernels: choice('SET', ['plain', 'simd'], 'Inner loops in plain TypeScript or in WebAssembly vectors', {
      defaultText: 'simd where this engine can',
    }),
  };
}

export interface InputChoice {
  qkv: readonly string[];
  mask: string | null | undefined;
  layout: Layout | undefined;
  lengths: readonly number[] | undefined;
  distribution: Distribution | undefined;
  batch: number | undefined;
  heads: number | undefined;
  headDim: number | undefined;
  seed: number;
}

/** The user's files, drawn numbers of the given lengths, or the shipped input. Throws ArgumentError for a mixture. */
export function chooseInput(choice: InputChoice): ComparisonInput {
  const { qkv, mask, layout, lengths, seed, distribution, batch, heads, headDim } = choice;
  const drawn = { distribution, batch, heads, headDim };
  const described = Object.entries(drawn).find(([, value]) => value !== undefined)?.[0];
  if (qkv.length > 0) {
    const other = lengths !== undefined ? 'length' : described;
    if (other === undefined) return fileInput(qkv, { mask, layout });
    throw new ArgumentError(
      `--${flagName(other)}: draws random numbers, but --qkv brings its own; give one of the two`,
    );
  }
  const stray = Object.entries({ mask, layout }).find(([, value]) => value !== undefined)?.[0];
  if (stray !== undefined) throw new ArgumentError(`--${stray}: is about files of your own; name them with --qkv`);
  if (lengths !== undefined) return syntheticInput({ lengths, seed, ...drawn });
  if (described === undefined) return fixtureInput();
  throw new ArgumentError(`--${flagName(described)}: is about random numbers; say how many tokens with --length`);
}

/** Before any kernel runs. Throws ArgumentError for kernels that are not to be had here. */
export function applyMachine({
  threads,
  kernels,
}: {
  threads?: number | undefined;
  kernels?: KernelSet | undefined;
}): void {
  if (threads !== undefined) setThreads(threads);
  if (kernels !== undefined) setKernels(kernels);
}
