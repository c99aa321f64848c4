/** On which kernels a run goes on: those that it was on, as only they give the bits of a run without the break. */
import { ArgumentError } from '../core/errors.ts';
import { type KernelBuild, type KernelSet, kernelBuild, wantedByEnvironment } from '../core/kernels/simd.ts';
import { setKernels } from '../core/parallel/pool.ts';

/** Takes them where nothing else was asked for and they can be had. To be called before any kernel runs. */
export function takeKernelsOf(before: KernelBuild | null, asked: KernelSet | undefined): void {
  const wanted = asked ?? wantedByEnvironment() ?? undefined;
  const isFree = wanted === undefined || (wanted === 'simd' && before !== 'plain');
  if (before === null || !isFree) return;
  try {
    setKernels(before);
  } catch (error) {
    // Not built here, or of another engine: `differenceTo` says so.
    if (!(error instanceof ArgumentError)) throw error;
  }
}

/** What to tell of a run that goes on on other kernels; null: on the same, or nobody knows. */
export function differenceTo(before: KernelBuild | null): string | null {
  const now = kernelBuild();
  if (before === null || before === now) return null;
  return (
    `its steps so far ran on ${NAMES[before]}, those from here on run on ${NAMES[now]}: ` +
    'the run goes on as well, but not to the same bits as without the break'
  );
}

const NAMES: Readonly<Record<KernelBuild, string>> = {
  plain: 'plain kernels',
  vector: 'vector kernels',
  relaxed: 'vector kernels with fused multiply-adds',
};
