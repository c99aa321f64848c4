/**
 * The table of what should be fast, for docs/speed.md: each goal, what was measured, the command that measures it, and, for
 * what falls short, where the time goes. Every figure comes from a file under bench/results/.
 */
import { formatMilliseconds, formatPercent, formatRatio } from '../src/terminal/format.ts';
import { explorerGoal, pageGoal, startGoal, streamGoal, tokenGoal } from './goals/elsewhere.ts';
import { attentionGoal, nystromformerGoal, patternsGoal, productGoal } from './goals/kernels.ts';
import { largeStepGoal, productShareGoal, secondThreadGoal, smallStepGoal } from './goals/training.ts';
import { markdown } from './training-summary.ts';

/** One number that has a goal. */
export interface Figure {
  /** Null if it is not measured. */
  value: number | null;
  goal: number;
  /** Whether the value may be at most the goal, and not at least. */
  isBound?: boolean;
  unit: 'ratio' | 'share' | 'milliseconds' | 'slope';
}

/** A line of the table. */
export interface Goal {
  what: string;
  figures: readonly Figure[];
  command: string;
  /** Where the time goes; asked for if a figure falls short. Empty where nothing is known. */
  why: () => string;
}

const FORMATS: Readonly<Record<Figure['unit'], (value: number) => string>> = {
  ratio: formatRatio,
  share: formatPercent,
  milliseconds: formatMilliseconds,
  slope: (value) => value.toFixed(2),
};

/** What a goal is, without the noughts of what is measured. */
const GOALS: Readonly<Record<Figure['unit'], (value: number) => string>> = {
  ...FORMATS,
  ratio: (value) => `${value}×`,
  share: (value) => `${Math.round(100 * value)}%`,
  milliseconds: (value) => (value < 1000 ? `${value} ms` : `${value / 1000} s`),
};

export function isReached({ value, goal, isBound = false }: Figure): boolean {
  return value !== null && (isBound ? value <= goal : value >= goal);
}

/** The table, and a line for each goal that is missed. */
export function tableOfGoals(goals: readonly Goal[]): string {
  const each = (figures: readonly Figure[], cell: (figure: Figure) => string) => {
    const cells = figures.map(cell);
    // What is the same for all is said once.
    return new Set(cells).size === 1 ? cells[0] : cells.join(' / ');
  };
  const lines = goals.map(({ what, figures, command }) => [
    what,
    each(figures, ({ goal, unit, isBound }) => `${isBound ? '≤' : '≥'} ${GOALS[unit](goal)}`),
    each(figures, ({ value, unit }) => (value === null ? 'not measured' : FORMATS[unit](value))),
    each(figures, (figure) => (figure.value === null ? '' : isReached(figure) ? 'yes' : 'no')),
    `\`${command}\``,
  ]);
  const missed = goals.filter(({ figures }) => figures.some((figure) => figure.value !== null && !isReached(figure)));
  const reasons = missed.map(({ what, why }) => ({ what, text: why().trim() })).filter(({ text }) => text !== '');
  const said = reasons.map(({ what, text }) => `- *${what}*: ${text}`).join('\n');
  const table = markdown(['what', 'goal', 'measured', 'reached', 'by'], lines);
  return said === '' ? table : `${table}\n\nWhere the time of what falls short goes:\n\n${said}`;
}

/** Of the files that are there now. */
export function goalsTable(): string {
  const table = tableOfGoals([
    smallStepGoal(),
    secondThreadGoal(),
    largeStepGoal(),
    productShareGoal(),
    productGoal(),
    attentionGoal(),
    nystromformerGoal(),
    patternsGoal(),
    tokenGoal(),
    streamGoal(),
    explorerGoal(),
    startGoal(),
    pageGoal(),
  ]);
  return `${table}

A ratio to another program is its time over ours, measured in turns in one run: above 1× this library is faster. Where there is one
goal or verdict for several figures, it is that of each. The peak is that of fused multiply-adds.`;
}
