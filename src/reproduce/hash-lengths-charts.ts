/** What 1 hash leaves, against the length of sequences and against the number of their chunks. */
import type { Chart } from '../compare/report/chart.ts';
import { formatPercent, formatWhole } from '../terminal/format.ts';
import {
  type Column,
  type Given,
  keptOf,
  LABELS,
  lengthsOf,
  PAPER,
  PAPER_LENGTH,
  ROWS,
  type Row,
  readingsOf,
} from './hash-lengths.ts';
import { seedChart } from './over-seeds.ts';
import type { Results } from './results.ts';

export function drawLengths(results: Results, given: Given): Chart[] {
  const lengths = [...given.full.filter((length) => length !== PAPER_LENGTH), PAPER_LENGTH];
  const chunks = [...new Set(given.full.flatMap((length) => [length / 32, length / 16]))].sort((a, b) => a - b);
  const byChunks = (row: Row, column: Column, chunkLength: number) =>
    chunks.map((count) => {
      const length = count * chunkLength;
      return lengthsOf(given, row).includes(length) ? readingsOf(results, given, [row, length, column], 'met') : [];
    });
  return [
    seedChart({
      id: 'reformer-table-2-lengths',
      title: 'Symbols that are right with 1 hash, by length',
      description:
        'Share of symbols that are right with 1 hash, of those that are in full attention, against the length.',
      x: { label: 'tokens', values: lengths, kind: 'doubling', format: formatWhole },
      y: { label: 'symbols that are right', kind: 'even', format: formatPercent },
      lines: [
        ...ROWS.map((row) => ({
          label: `trained with ${LABELS[row]}`,
          values: lengths.map((length) =>
            lengthsOf(given, row).includes(length) ? keptOf(results, given, [row, length, '1 hash']) : [],
          ),
        })),
        ...ROWS.map((row) => ({
          label: `paper, ${LABELS[row]}`,
          isReference: true,
          values: lengths.map((length) => (length === PAPER_LENGTH ? [PAPER[row]] : [])),
        })),
      ],
    }),
    seedChart({
      id: 'reformer-table-2-chunks',
      title: 'Matches that meet in 1 hash, by chunks',
      description: 'Share of matches that meet in 1 hash against the number of chunks, of 32 and of 16 tokens.',
      x: { label: 'chunks', values: chunks, kind: 'doubling', format: String },
      y: { label: 'matches that meet', kind: 'even', format: formatPercent },
      lines: ROWS.flatMap((row) => [
        { label: `${LABELS[row]}, chunks of 32`, values: byChunks(row, '1 hash', 32) },
        { label: `${LABELS[row]}, chunks of 16`, values: byChunks(row, '1 hash, chunks of 16', 16) },
      ]),
    }),
  ];
}
