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
    variant: choices('NAME', names, 'Use these variants', { defaultText: 'all that support the request' }),
    option: texts(
      'NAME=VALUE',
      'Set an option of all variants that have it, or of one with VARIANT.NAME=VALUE (the command variants lists them)',
    ),
    causal: flag('Let no token attend to a later one'),
  };
}

/** Options of random inputs; without defaults, so that it is known which of them were given. */
export function drawnInputOptions() {
  const kinds = Object.keys(DISTRIBUTIONS) as Distribution[];
  return {
    distribution: choice('NAME', kinds, 'With --length, draw from this distribution', { defaultText: 'gaussian' }),
    batch: integer('N', 'With --length, number of sequences in the batch', { minimum: 1, defaultText: '1' }),
    heads: integer('N', 'With --length, number of heads', { minimum: 1, defaultText: '2' }),
    headDim: integer('N', 'With --length, width of each head', { minimum: 1, defaultText: '64' }),
  };
}

/** Options of the user's own queries, keys and values. */
export function fileOptions() {
  return {
    qkv: paths(
      'FILE',
      'Read your own Q, K, V: one .npz or .safetensors file with arrays q, k, v or LAYER.q …, one .npy file of all three, or three .npy files',
    ),
    mask: negatable(
      text(
        'FILE',
        'With --qkv, read which tokens are real, [batch, length]: 1 real, 0 padding; --no-mask ignores any mask',
        {
          defaultText: 'the array mask next to queries and keys, if any',
        },
      ),
    ),
    layout: choice('AXES', LAYOUT_NAMES, 'With --qkv, order of the axes: batch, heads, length, width', {
      defaultText: 'bhld',
    }),
  };
}

export function runOptions() {
  return {
    seed: integer('N', 'Seed of all random numbers; the same seed gives the same result', { default: 0 }),
    threads: integer('N', 'Number of threads, including the calling one; the result does not depend on it', {
      minimum: 1,
      defaultText: 'all cores, or EFFICIENT_TRANSFORMERS_THREADS',
    }),
    kernels: choice('SET', ['plain', 'simd'], 'Run inner loops in plain TypeScript or in WebAssembly vectors', {
      defaultText: 'simd if this engine supports it',
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
      `--${flagName(other)}: is for random inputs, but --qkv gives your own; give one of the two`,
    );
  }
  const stray = Object.entries({ mask, layout }).find(([, value]) => value !== undefined)?.[0];
  if (stray !== undefined) throw new ArgumentError(`--${stray}: needs your own files; name them with --qkv`);
  if (lengths !== undefined) return syntheticInput({ lengths, seed, ...drawn });
  if (described === undefined) return fixtureInput();
  throw new ArgumentError(`--${flagName(described)}: needs random inputs; set their number of tokens with --length`);
}

/** To be called before any kernel runs. Throws ArgumentError for kernels that are not available here. */
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
