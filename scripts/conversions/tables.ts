/** The tables of docs/pretrained.md about conversion, from what `npm run conversions` wrote. */
import { meanOf } from '../../src/compare/metrics.ts';
import type { ComparisonReport } from '../../src/compare/result.ts';
import { formatBytes, formatError, formatWhole } from '../../src/terminal/format.ts';
import { markdown } from '../training-summary.ts';
import {
  type ConversionRow,
  type Conversions,
  commandOf,
  type EncoderConverted,
  LAST_KERNELS,
  type ModelConverted,
  SETS,
  type SetName,
} from './sets.ts';

type Machine = (environment: ComparisonReport['environment'], command: string) => string;

/** How far attentions, hidden states and similarities of MiniLM are from the original's, before and after. */
export function encoderTable({ rows }: Conversions<EncoderConverted>, machine: Machine): string {
  const lines = rows.map((row) => {
    const { drift, learned, models } = row.numbers;
    const { drift: states, sentences } = models;
    return [
      ownWords('minilm', row),
      formatWhole(learned.added),
      ...[drift.swapped, drift.matched, drift.converted].map((layers) => formatError(meanOf(layers))),
      ...[states.swapped, states.converted].map(({ relativeError }) => formatError(relativeError)),
      ...[sentences.swapped, sentences.converted].map((rank) => rank.toFixed(3)),
    ];
  });
  const titles = ['variant', 'added', 'attention: swapped', 'matched', 'converted'];
  titles.push('hidden states: swapped', 'converted', 'Spearman: swapped', 'converted');
  return `${markdown(titles, lines)}\n\n${measured('minilm', rows, machine)}`;
}

/** How far the attention of the first layer is from the original's, and how well the byte model predicts. */
export function modelTable({ rows }: Conversions<ModelConverted>, machine: Machine): string {
  const lines = rows.map((row) => {
    const { drift, learned, models } = row.numbers;
    const lossOf = (which: ModelConverted['models'][number]['model']) => {
      return models.find(({ model }) => model === which)?.loss ?? Number.NaN;
    };
    return [
      ownWords('bytes', row),
      formatWhole(learned.added),
      ...[drift.swapped, drift.matched, drift.converted].map(([first]) => formatError(first)),
      ...(['original', 'swapped', 'converted'] as const).map((which) => lossOf(which).toFixed(2)),
    ];
  });
  const titles = ['variant', 'added', 'attention of layer 0: swapped', 'matched', 'converted'];
  titles.push('bits a byte: original', 'swapped', 'converted');
  return `${markdown(titles, lines)}\n\n${measured('bytes', rows, machine)}`;
}

/** What a row's command has that others have not: `longformer --option attentionWindow=64`. */
function ownWords(name: SetName, { command }: ConversionRow<unknown>): string {
  const row = SETS[name].rows.find((each) => commandOf(SETS[name], each) === command);
  if (row === undefined) throw new Error(`convert-${name}.json: has a row that no set has any more: ${command}`);
  const { to, ...own } = row;
  return [to, ...Object.entries(own).map(([option, value]) => `\`--${option} ${value}\``)].join(' ');
}

/** By which command, when, where and with which kernels the rows were measured, and what a row takes. */
function measured(name: SetName, rows: readonly ConversionRow<unknown>[], machine: Machine): string {
  const span = (numbers: readonly number[], write: (number: number) => string) => {
    return `${write(Math.min(...numbers))} to ${write(Math.max(...numbers))}`;
  };
  const seconds = rows.map((row) => row.seconds);
  const bytes = rows.flatMap(({ peakBytes }) => peakBytes ?? []);
  const held = bytes.length < rows.length ? '' : `, and ${span(bytes, formatBytes)} of tensors at once`;
  const takes = `A row took
${span(seconds, (each) => formatWhole(Math.round(each)))} seconds of the processor${held}.`;
  return `${whereOf(name, rows, machine)} ${takes}${olderOf(rows)} A row's own command has its options at the end:

\`\`\`sh
${commandOf(SETS[name], { to: 'VARIANT' })}
\`\`\``;
}

/** The machine and the day of most rows, and how many are of another. */
function whereOf(name: SetName, rows: readonly ConversionRow<unknown>[], machine: Machine): string {
  const sayings = rows.map(({ environment }) => machine(environment, `npm run conversions -- --set ${name}`));
  const counts = [...new Set(sayings)].map((saying) => ({
    saying,
    count: sayings.filter((each) => each === saying).length,
  }));
  const [{ saying }, ...others] = counts.sort((a, b) => b.count - a.count);
  const more = others.map(
    (other) => `${formatWhole(other.count)} of ${formatWhole(rows.length)} rows: ${other.saying}`,
  );
  return [saying, ...more].join(' ');
}

/** Which rows are from before the last change of the kernels. */
function olderOf(rows: readonly ConversionRow<unknown>[]): string {
  const older = rows.filter(({ environment }) => Date.parse(environment.date) < Date.parse(LAST_KERNELS.date));
  if (older.length === 0) return '';
  return `
${formatWhole(older.length)} of ${formatWhole(rows.length)} rows are from before the last change of these kernels (commit ${LAST_KERNELS.commit}).`;
}
