/** The tables of a training step beside PyTorch's, and of where its time goes, for docs/speed.md. */
import { readSteps } from '../bench/report/results.ts';
import { STEP_TITLES, shareOfProducts, stepLines } from '../bench/suites/training.ts';
import type { ComparisonReport } from '../src/compare/result.ts';
import { formatMilliseconds, formatPercent, formatWhole } from '../src/terminal/format.ts';
import { markdown } from './training-summary.ts';

/** Of the profile: the rest is below. */
const MOST_OPS = 12;

/** Empty where it was not measured. `machine` writes where and by which command the numbers were measured. */
export function trainingStepTables(
  machine: (environment: ComparisonReport['environment'], command: string) => string,
): string {
  const measured = readSteps();
  if (measured === null) return '';
  const { rows, environment, versions, profile } = measured;
  const all = profile.ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const ops = profile.ops
    .slice(0, MOST_OPS)
    .map(({ name, backward, milliseconds, kernelMilliseconds, calls }) => [
      backward ? `${name}, gradients` : name,
      formatMilliseconds(milliseconds / profile.steps),
      formatPercent(milliseconds / all),
      formatMilliseconds((milliseconds - kernelMilliseconds) / profile.steps),
      formatWhole(calls / profile.steps),
    ]);
  return `${markdown(STEP_TITLES, stepLines(rows))}

${machine(environment, 'npm run bench -- --suite training --venv FOLDER')} PyTorch ${versions.torch}. Models of bytes: 128
tokens and batches of 16 for the small one, 256 and 8 for the other, with AdamW. PyTorch held to AVX2 and to 128 bits, as wide as
WebAssembly's vectors are, says how much of a ratio is the processor's. Each computed the same losses before.

A step of the small model on one thread; ${shareOfProducts(profile.ops)} of it are in the kernels of products and of attention.

${markdown(['op', 'time', 'share', 'of it JavaScript', 'calls'], ops)}`;
}
