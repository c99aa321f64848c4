/**
 * Evaluation of a language model with and without reuse of states (Dai et al. 2019, Table 9): Transformer-XL continues from
 * the memory of the previous segments; a model without memory has to read all of it again for each token to see as far back.
 */
import { timeInTurns } from '../../src/compare/stopwatch.ts';
import { noGrad } from '../../src/core/autograd.ts';
import { poolReady } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray } from '../../src/core/tensor.ts';
import { formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { languageModel } from '../../src/training/language-model.ts';
import { evaluation } from '../../src/training/module.ts';
import type { Suite } from './suite.ts';

/** Attention lengths of the paper's table, and how much slower recomputation was there. */
const PAPER: Readonly<Record<number, number>> = { 800: 363, 1800: 773, 2800: 1409, 3800: 1874 };
/** Tokens that are read at a time with memory. */
const SEGMENT = 128;
const SIZES = { vocabulary: 256, layers: 2, modelDim: 64, heads: 2, dropout: 0, causal: true } as const;

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
    for (const attentionLength of quick ? [800] : Object.keys(PAPER).map(Number)) {
      tell(`attention length ${attentionLength}`);
      rows.push(measure(attentionLength, rounds));
    }
    return { rows, table: tableOf(rows, width) };
  },
};

function measure(attentionLength: number, rounds: number): Row {
  // A token at the end of a segment meets both the segment and the memory: together they are the attention length.
  const options = { segmentLength: SEGMENT, memoryLength: attentionLength - SEGMENT };
  const length = attentionLength + SEGMENT * (rounds + 1);
  const model = languageModel({ ...SIZES, length, attention: { variant: 'transformer-xl', options } }, 1);
  const plain = languageModel({ ...SIZES, length: attentionLength, attention: { variant: 'full' } }, 1);
  const random = new Random(1);
  const draw = (count: number) => Array.from({ length: count }, () => random.integer(SIZES.vocabulary));
  const generation = model.startGeneration(1);
  scope(() => void generation.read([draw(attentionLength)]));
  const states = generation.states();
  generation.end();
  const segment = draw(SEGMENT);
  const window = fromArray(draw(attentionLength), [1, attentionLength], 'int32');
  const [reuse, recompute] = timeInTurns(
    [
      () => {
        const next = model.startGeneration(1, states);
        scope(() => void next.read([segment]));
        next.end();
      },
      () => scope(() => void noGrad(() => plain.forward(window, evaluation))),
    ],
    { minTurns: rounds, maxTurns: rounds, patience: Number.POSITIVE_INFINITY },
  );
  const reuseMillisecondsPerToken = reuse / SEGMENT;
  return {
    attentionLength,
    reuseMillisecondsPerToken,
    recomputeMillisecondsPerToken: recompute,
    slower: recompute / reuseMillisecondsPerToken,
  };
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
      formatRatio(PAPER[row.attentionLength]),
    ]),
    { width },
  );
}
