/** The table of docs/pretrained.md: how far a model of Hugging Face moves with each variant in place of its attention. */
import { needSwaps, SWAP_COMMAND } from '../bench/report/results.ts';
import type { SwapBaseline, SwapResult } from '../src/commands/compare-pretrained.ts';
import { describeSkips } from '../src/commands/skips.ts';
import type { ComparisonReport } from '../src/compare/result.ts';
import { formatError, formatMilliseconds, formatRatio, formatWhole } from '../src/terminal/format.ts';
import { markdown } from './training-summary.ts';

/** A row for each variant, in the order of the registry, and for each baseline; a group of columns for each length. */
export function pretrainedTable(
  machine: (environment: ComparisonReport['environment'], command: string) => string,
): string {
  const { environment, results, baselines, drawn, skips } = needSwaps();
  const lengths = [...new Set(results.map(({ length }) => length))];
  const row = (name: string, own: readonly (SwapResult | SwapBaseline)[], note: string) => [
    name,
    ...lengths.flatMap((length) => {
      const at = own.find((each) => each.length === length);
      if (at === undefined) return ['', '', '', ''];
      const { relativeError, meanCosine, worstCosine } = at.drift;
      const time = 'ownMilliseconds' in at ? formatRatio(at.attentionMilliseconds / at.ownMilliseconds) : '';
      return [formatError(relativeError), meanCosine.toFixed(3), worstCosine.toFixed(3), time];
    }),
    note,
  ];
  const noteOf = (name: string, own: readonly SwapResult[]) => {
    const far = own.filter(({ length, drift }) => drift.relativeError >= barAt(baselines, length));
    const at = far.length === lengths.length ? '' : ` at ${far.map(({ length }) => formatWhole(length)).join(', ')}`;
    return [
      ...(drawn.includes(name) ? ['untrained'] : []),
      ...(far.length === 0 ? [] : [`no nearer than a baseline${at}`]),
    ].join(', ');
  };
  const names = [...new Set(results.map(({ variant }) => variant))];
  const kinds = [...new Set(baselines.map(({ baseline }) => baseline))];
  const rows = [
    ...names.map((name) => {
      const own = results.filter(({ variant }) => variant === name);
      return row(name, own, noteOf(name, own));
    }),
    ...kinds.map((kind) =>
      row(
        kind,
        baselines.filter(({ baseline }) => baseline === kind),
        'baseline',
      ),
    ),
  ];
  const titles = [
    'variant',
    ...lengths.flatMap((length) => [`error, ${formatWhole(length)}`, 'cosine', 'worst', 'time']),
    'note',
  ];
  const own = lengths.map((length) => {
    const times = results.filter((each) => each.length === length).map(({ ownMilliseconds }) => ownMilliseconds);
    return `${formatMilliseconds(Math.min(...times))} at ${formatWhole(length)} tokens`;
  });
  return `${markdown(titles, rows)}

${machine(environment, SWAP_COMMAND)} The model's own
attention takes ${own.join(' and ')}, in all layers. ${describeSkips(skips, true).join('\n')}`;
}

/** The error of the nearest baseline. */
function barAt(baselines: readonly SwapBaseline[], length: number): number {
  return Math.min(...baselines.filter((each) => each.length === length).map(({ drift }) => drift.relativeError));
}
