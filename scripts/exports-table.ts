/** The table of exported models beside PyTorch, for docs/when-one-machine-is-not-enough.md, from bench/results/. */

import { type ExportRow, needExports, readExports } from '../bench/report/results.ts';
import { markdown } from './training-summary.ts';

/** What is said of the models whose float64 rounding errors are larger than those of the others. */
const REASONS: Readonly<Record<string, string>> = {
  'reformer-across': 'a token’s score with itself, −10⁵, costs digits',
};

/** A row for each model, and what came out in float64 if that was measured. */
export function exportsTable(): string {
  const single = needExports('exports.json');
  const double = readExports('exports-float64.json');
  const cells = single.rows.map((row) => [
    row.model,
    row.attention,
    row.head,
    row.loadedBy,
    row.largestLogit.toFixed(1),
    ...[row.full, row.padded, row.short, row.gradients].map((value) => (value === null ? '' : scientific(value))),
  ]);
  const { torch, transformers } = single.versions;
  return `${markdown(['model', 'attention', 'head', 'loaded by', 'largest logit', 'full', 'padded', 'short', 'gradients'], cells)}

With torch ${torch} and transformers ${transformers}.${double === null ? '' : inDouble(double.rows)}`;
}

/** `In float64 … all of these agree within 10⁻⁹, all but … within 10⁻¹².` */
function inDouble(rows: readonly ExportRow[]): string {
  const worst = (row: ExportRow) => Math.max(row.full, row.padded, row.short, row.gradients ?? 0);
  const far = rows.filter((row) => worst(row) > 1e-12).map(({ model }) => model);
  const close = rows.filter((row) => worst(row) <= 1e-14).length;
  const bound = Math.ceil(Math.log10(Math.max(...rows.map(worst))));
  const names = far.map((name) => `\`${name}\`${name in REASONS ? ` (${REASONS[name]})` : ''}`);
  const others = far.length === 0 ? '' : `, all but ${names.join(' and ')} within 10⁻¹²`;
  return ` In float64 (\`make-exports.ts FOLDER float64\`) logits and gradients
of all of these agree within 10${raised(bound)}${others},
and ${close} of ${rows.length} within 10⁻¹⁴.`;
}

/** `1e-06`, as Python writes it. */
function scientific(value: number): string {
  const [digits, exponent] = value.toExponential(0).split('e');
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

function raised(exponent: number): string {
  return [...String(exponent)].map((digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])).join('');
}
