/** The table of figures: what `compare` measures, each with its exact value beside what is shown. */
import {
  formatBytes,
  formatCount,
  formatError,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../../../src/terminal/format.ts';
import type { Machine, Measurement } from '../../engine/protocol.ts';
import { place, setText } from '../elements.ts';

/** By the `data-figure` of its cell: the value, null where there is none, and how it is written. */
type Cells = Record<string, readonly [value: number | null, format: (value: number) => string]>;

export function showFigures(lab: HTMLElement, measurement: Measurement): void {
  const { pairs } = measurement;
  for (const [name, [value, format]] of Object.entries(cellsOf(measurement))) {
    const cell = place(lab, `[data-figure="${name}"]`, HTMLElement);
    if (value === null) delete cell.dataset.value;
    else cell.dataset.value = String(value);
    setText(cell, value === null ? '–' : format(value));
  }
  setText(place(lab, '[data-formula]', HTMLElement), filledIn(pairs?.formula ?? null));
}

/** `L·(w + 1) = 512·(64 + 1)` */
function filledIn(formula: NonNullable<Measurement['pairs']>['formula']): string {
  if (formula === null) return '';
  const { text, symbols } = formula;
  return `${text} = ${text.replace(/[A-Za-z]/g, (symbol) => String(symbols[symbol] ?? symbol))}`;
}

function cellsOf(measurement: Measurement): Cells {
  const { milliseconds, fullMilliseconds, flops, fullFlops, peakBytes, fullPeakBytes, pairs } = measurement;
  const counted = pairs?.counted ?? null;
  const formula = pairs?.formula?.pairs ?? null;
  const share = (part: number | null): number | null => (part === null || pairs === null ? null : part / pairs.all);
  return {
    relativeError: [measurement.relativeError, formatError],
    meanError: [measurement.meanError, formatError],
    totalVariation: [measurement.totalVariation, formatError],
    topKRecall: [measurement.topKRecall, formatPercent],
    milliseconds: [milliseconds, formatMilliseconds],
    fullMilliseconds: [fullMilliseconds, formatMilliseconds],
    speedUp: [fullMilliseconds / milliseconds, formatRatio],
    flops: [flops, formatCount],
    fullFlops: [fullFlops, formatCount],
    flopShare: [flops / fullFlops, formatPercent],
    peakBytes: [peakBytes, formatBytes],
    fullPeakBytes: [fullPeakBytes, formatBytes],
    byteShare: [peakBytes / fullPeakBytes, formatPercent],
    pairs: [counted, formatWhole],
    allPairs: [pairs?.all ?? null, formatWhole],
    pairShare: [share(counted), formatPercent],
    formulaPairs: [formula, formatWhole],
    formulaShare: [share(formula), formatPercent],
  };
}

/** On what the times were taken. */
export function showMachine(lab: HTMLElement, { threads, kernels, isolated }: Machine, turns: number): void {
  const taken = `Times are ${turns === 1 ? 'from one turn so far' : `medians of ${turns} turns`}, measured in this page`;
  const kind = `with ${kernels === 'simd' ? 'vector' : 'plain'} kernels on`;
  // Threads that may not share memory are of no use.
  const many = isolated ? 'one thread' : 'one thread, since this page is not cross-origin isolated';
  const text = `${taken} ${kind} ${threads === 1 ? many : `${threads} threads`}.`;
  setText(place(lab, '[data-machine]', HTMLElement), text);
}

/** In one sentence, to be read out. */
export function summaryOf({ relativeError, flops, fullFlops }: Measurement, variant: string): string {
  return `${variant}: output error ${formatError(relativeError)}, ${formatPercent(flops / fullFlops)} of full attention’s FLOPs.`;
}
