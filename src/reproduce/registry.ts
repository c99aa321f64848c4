/** All experiments, and how words of the command line find them. */
import { ArgumentError } from '../core/errors.ts';
import { unknownName } from '../terminal/suggest.ts';
import { attentionSinksTable1 } from './attention-sinks-table-1.ts';
import { basedFigure2 } from './based-figure-2.ts';
import { basedFigure2Heads } from './based-figure-2-heads.ts';
import { bigbirdTable1 } from './bigbird-table-1.ts';
import type { Experiment } from './experiment.ts';
import { gatedDeltanetTable2 } from './gated-deltanet-table-2.ts';
import { gatedDeltanetTable2Text } from './gated-deltanet-table-2-text.ts';
import { linearTransformerFigure1 } from './linear-transformer-figure-1.ts';
import { linearTransformerFigure2 } from './linear-transformer-figure-2.ts';
import { linearTransformerTable5 } from './linear-transformer-table-5.ts';
import { linformerFigure1 } from './linformer-figure-1.ts';
import { linformerTable3 } from './linformer-table-3.ts';
import { longformerTable4 } from './longformer-table-4.ts';
import { lraTable1 } from './lra-table-1.ts';
import { lraTable1Pathfinder } from './lra-table-1-pathfinder.ts';
import { lraTable1Text } from './lra-table-1-text.ts';
import { lraTable2 } from './lra-table-2.ts';
import { negativeEigenvaluesParity } from './negative-eigenvalues-parity.ts';
import { negativeEigenvaluesS5 } from './negative-eigenvalues-s5.ts';
import { nystromformerTable1 } from './nystromformer-table-1.ts';
import { performerFigure2 } from './performer-figure-2.ts';
import { performerFigure4 } from './performer-figure-4.ts';
import { performerFigure5 } from './performer-figure-5.ts';
import { performerTheorem2 } from './performer-theorem-2.ts';
import { reformerFigure5 } from './reformer-figure-5.ts';
import { reformerTable2 } from './reformer-table-2.ts';
import { reformerTable2Itself } from './reformer-table-2-itself.ts';
import { reformerTable2Lengths } from './reformer-table-2-lengths.ts';
import { surveyComplexity } from './survey-complexity.ts';
import { transformerXlTable8 } from './transformer-xl-table-8.ts';
import { transformerXlTable9 } from './transformer-xl-table-9.ts';
import { zoologyFigure2 } from './zoology-figure-2.ts';

export const experiments: readonly Experiment[] = [
  performerFigure2,
  performerTheorem2,
  performerFigure4,
  performerFigure5,
  linformerFigure1,
  linformerTable3,
  linearTransformerFigure1,
  linearTransformerFigure2,
  linearTransformerTable5,
  nystromformerTable1,
  transformerXlTable8,
  transformerXlTable9,
  lraTable1,
  lraTable1Pathfinder,
  lraTable1Text,
  lraTable2,
  reformerTable2,
  reformerTable2Lengths,
  reformerTable2Itself,
  reformerFigure5,
  surveyComplexity,
  bigbirdTable1,
  longformerTable4,
  negativeEigenvaluesParity,
  negativeEigenvaluesS5,
  zoologyFigure2,
  basedFigure2,
  basedFigure2Heads,
  gatedDeltanetTable2,
  gatedDeltanetTable2Text,
  attentionSinksTable1,
];

/**
 * Those of a paper, or one of them: `performer`, `performer figure-4`, `performer "Figure 4"`, `performer-figure-4`. Throws
 * ArgumentError for a paper or a table that is not here; the message suggests the nearest.
 */
export function findExperiments(
  paper: string,
  table?: string,
  among: readonly Experiment[] = experiments,
): readonly Experiment[] {
  const wanted = paper.toLowerCase();
  const whole = among.filter(({ name }) => table === undefined && name === wanted);
  if (whole.length > 0) return whole;
  const own = among.filter((experiment) => experiment.paper.name === wanted);
  if (own.length === 0) {
    const names = [...new Set(among.map((experiment) => experiment.paper.name))];
    throw new ArgumentError(unknownName('paper', paper, names));
  }
  if (table === undefined) return own;
  const found = own.filter((experiment) => experiment.table === tableNamed(table));
  if (found.length > 0) return found;
  throw new ArgumentError(
    unknownName(
      `experiment of ${wanted}`,
      table,
      own.map((experiment) => experiment.table),
    ),
  );
}

/** `Figure 4`, `fig. 4`, `fig4` and `figure-4` are one. */
function tableNamed(words: string): string {
  const [, kind, number] = /^(fig(?:ure|\.)?|tab(?:le|\.)?)[\s-]*(\d+)$/.exec(words.toLowerCase().trim()) ?? [];
  if (kind === undefined) return words.toLowerCase();
  return `${kind.startsWith('fig') ? 'figure' : 'table'}-${number}`;
}
