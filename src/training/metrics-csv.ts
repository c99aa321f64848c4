/** Metrics as a table, for spreadsheets and data frames: a row for each step at which a line ends. */
import type { MetricsLine } from './metrics.ts';

const COLUMNS = [
  'step',
  'seconds',
  'loss',
  'gradient_norm',
  'learning_rate',
  'tokens_per_second',
  'held_out_loss',
  'held_out_accuracy',
  'own_losses',
] as const;

type Row = Partial<Record<(typeof COLUMNS)[number], number | null>>;

/** The table with a header. A value that was not measured at a step, or is not a number, is an empty cell. */
export function metricsCsv(lines: readonly MetricsLine[]): string {
  const rows = new Map<number, Row>();
  for (const line of lines) {
    if (line.kind === 'note') continue;
    const row = rows.get(line.step) ?? { step: line.step, seconds: line.seconds };
    rows.set(line.step, { ...row, ...measured(line) });
  }
  const cells = [...rows.values()].map((row) => COLUMNS.map((column) => cell(row[column])));
  return [COLUMNS, ...cells].map((each) => `${each.join(',')}\n`).join('');
}

function measured(line: Exclude<MetricsLine, { kind: 'note' }>): Row {
  if (line.kind === 'evaluation') return { held_out_loss: line.loss, held_out_accuracy: line.accuracy };
  const { loss, auxiliary = null, gradientNorm, learningRate, tokensPerSecond } = line;
  const step = { learning_rate: learningRate, tokens_per_second: tokensPerSecond };
  return { loss, gradient_norm: gradientNorm, ...step, own_losses: auxiliary };
}

function cell(value: number | null | undefined): string {
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : '';
}
