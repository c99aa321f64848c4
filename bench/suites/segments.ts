/**
 * Evaluation of a language model with and without reuse of states (Dai et al. 2019, Table 9): Transformer-XL continues from
 * the memory of the previous segments; a model without memory has to read all of it again for each token to see as far back.
 */
import { poolReady } from '../../src/core/parallel/pool.ts';
import { SLOWER, segmentCost } from '../../src/reproduce/segment-cost.ts';
import { formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import type { Suite } from './suite.ts';

interface Row extends Record<string, unknown> {
  attentionLength: number;
  reuseMillisecondsPerToken: number;
  recomputeMillisecondsPerToken: number;
  slower: number;
}

export const segments: Suite = {
  name: 'segments',
  summary: 'evaluation of a language model across segments: reuse of states against recomputation',
  async run({ rounds, quick, tell, width }) {
    await poolReady();
    const rows: Row[] = [];
    for (const attentionLength of quick ? [800] : Object.keys(SLOWER).map(Number)) {
      tell(`attention length ${attentionLength}`);
      rows.push(measure(attentionLength, rounds));
    }
    return { rows, table: tableOf(rows, width) };
  },
};

function measure(attentionLength: number, rounds: number): Row {
  const cost = segmentCost(attentionLength, rounds);
  const slower = cost.recomputeMillisecondsPerToken / cost.reuseMillisecondsPerToken;
  return { attentionLength, ...cost, slower };
}

function tableOf(rows: readonly Row[], width: number | undefined): string {
  const titles = ['attention length', 'reuse, a token', 'recomputation, a token', 'slower', 'paper'];
  return formatTable(
    titles.map((title) => ({ title, align: 'right' as const })),
    rows.map((row) => [
      formatWhole(row.attentionLength),
      formatMilliseconds(row.reuseMillisecondsPerToken),
      formatMilliseconds(row.recomputeMillisecondsPerToken),
      formatRatio(row.slower),
      formatRatio(SLOWER[row.attentionLength]),
    ]),
    { width },
  );
}
