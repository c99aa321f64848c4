/**
 * What a paper claims, as data that is written down before anything is run, and the verdict once there are results. A claim
 * *holds* if its check is met. If only its weaker check is met, such as an order in place of a number, it *holds in
 * direction*.
 */
import type { Scale } from './experiment.ts';
import type { Results } from './results.ts';

export const VERDICTS = ['holds', 'holds in direction', 'does not hold here'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What must come out. A number that is not finite meets none of these. */
export type Check =
  /** A number within a relative distance of the expected one: 0.1 is 10%. */
  | { kind: 'number'; read: (results: Results) => number; expected: number; within: number; format?: Format }
  /** A number within bounds, both included. */
  | { kind: 'bounds'; read: (results: Results) => number; least?: number; most?: number; format?: Format }
  /** An order: each value is larger than the one before it. */
  | ({ kind: 'rising'; read: (results: Results) => readonly Named[]; format?: Format } & Margin)
  /** A shape: y grows like a power of x, whose exponent, fitted to the logarithms, is within bounds. */
  | { kind: 'growth'; read: (results: Results) => readonly Point[]; least?: number; most?: number };

/**
 * Of positive values that another run moves a little, such as times: those that differ by no more than this share of the
 * smaller one, 0.1 for 10%, are equal. An order with equal neighbours is not met, unless `orEqual` says so: that is the
 * weaker check. So no verdict depends on which of two equal times came first.
 */
interface Margin {
  margin?: number;
  orEqual?: boolean;
}

type Format = (value: number) => string;

export interface Named {
  name: string;
  value: number;
}

/** An x and a y, both positive. */
export interface Point {
  x: number;
  y: number;
}

export interface Claim {
  /** One sentence of our own: `Orthogonal features err less than independent ones, at every m`. */
  says: string;
  /** What the paper has for it, in a few words. */
  paper: string;
  holds: Check;
  /** A weaker check, for `holds in direction`. Without it, a claim holds or does not. */
  direction?: Check;
  /** Shown only beside that verdict at that scale, so that no reason outlives its outcome, nor stands beside another run's. */
  because?: Partial<Record<Scale, Reasons>>;
}

/** Why a verdict is what it is. */
export type Reasons = Partial<Record<Verdict, string>>;

/** Reasons that were read from no run: they name no figure but one of the paper, or a setting that both scales have. */
export function atAnyScale(reasons: Reasons): Record<Scale, Reasons> {
  return { small: reasons, paper: reasons };
}

/** A claim with what came out. */
export interface Judged {
  claim: Claim;
  verdict: Verdict;
  /** What we measured, in a few words. */
  ours: string;
  /** What was expected beforehand. */
  expected: string;
  /** Empty where nothing needs to be said. */
  why: string;
}

/** The verdict on results of one scale. Throws FileFormatError if they lack what the claim reads. */
export function judge(claim: Claim, results: Results, scale: Scale): Judged {
  const { holds, direction, because = {} } = claim;
  const first = isMet(holds, results);
  const verdict = first.met
    ? 'holds'
    : direction !== undefined && isMet(direction, results).met
      ? 'holds in direction'
      : 'does not hold here';
  return { claim, verdict, ours: first.ours, expected: describeCheck(holds), why: because[scale]?.[verdict] ?? '' };
}

/** The verdict on all claims together: the worst of them. */
export function worstOf(verdicts: readonly Verdict[]): Verdict {
  return VERDICTS[Math.max(0, ...verdicts.map((verdict) => VERDICTS.indexOf(verdict)))];
}

/** `Of 14 claims, 9 hold, 3 hold in direction and 2 do not hold here.` */
export function countsOf(verdicts: readonly Verdict[]): string {
  const [hold, direction, not] = VERDICTS.map((verdict) => verdicts.filter((each) => each === verdict).length);
  if (verdicts.length === 1) return `The claim ${verdicts[0]}.`;
  return `Of ${verdicts.length} claims, ${hold} hold, ${direction} hold in direction and ${not} do not hold here.`;
}

function isMet(check: Check, results: Results): { met: boolean; ours: string } {
  const format = ('format' in check && check.format) || short;
  switch (check.kind) {
    case 'number': {
      const value = check.read(results);
      const met = Math.abs(value - check.expected) <= check.within * Math.abs(check.expected);
      return { met, ours: format(value) };
    }
    case 'bounds': {
      const value = check.read(results);
      return { met: isBetween(value, check), ours: format(value) };
    }
    case 'rising': {
      const values = check.read(results);
      const met =
        values.length > 1 && values.every(({ value }, n) => n === 0 || isInOrder(values[n - 1].value, value, check));
      return { met, ours: describeOrder(values, format, check) };
    }
    case 'growth': {
      const exponent = exponentOf(check.read(results));
      return { met: isBetween(exponent, check), ours: `exponent ${exponent.toFixed(2)}` };
    }
  }
}

function isInOrder(before: number, value: number, { margin = 0, orEqual = false }: Margin): boolean {
  const isAbove = (one: number, other: number) => one > other * (1 + margin);
  return isAbove(value, before) || (orEqual && Number.isFinite(value - before) && !isAbove(before, value));
}

/** All of few values; of many the first and the last, and the first two that are out of order. */
function describeOrder(values: readonly Named[], format: Format, margin: Margin): string {
  const text = ({ name, value }: Named) => `${name} ${format(value)}`;
  if (values.length <= MOST_SHOWN) return values.map(text).join(', ');
  const wrong = values.findIndex(({ value }, n) => n > 0 && !isInOrder(values[n - 1].value, value, margin));
  const ends = `${text(values[0])} … ${text(values[values.length - 1])}`;
  return wrong === -1 ? ends : `${ends}, but ${text(values[wrong - 1])}, ${text(values[wrong])}`;
}

const MOST_SHOWN = 3;

function isBetween(
  value: number,
  { least = -Number.MAX_VALUE, most = Number.MAX_VALUE }: { least?: number; most?: number },
) {
  return value >= least && value <= most;
}

function describeCheck(check: Check): string {
  const format = ('format' in check && check.format) || short;
  if (check.kind === 'number') return `${format(check.expected)} within ${short(100 * check.within)}%`;
  if (check.kind === 'rising') return `in rising order${describeMargin(check)}`;
  const { least, most } = check;
  const what = check.kind === 'growth' ? 'exponent ' : '';
  if (least !== undefined && most !== undefined) return `${what}${format(least)} to ${format(most)}`;
  return least === undefined ? `${what}at most ${format(most ?? Number.NaN)}` : `${what}at least ${format(least)}`;
}

function describeMargin({ margin = 0, orEqual = false }: Margin): string {
  if (margin === 0) return orEqual ? ', or equal' : '';
  return orEqual ? `, or equal within ${short(100 * margin)}%` : `, each by more than ${short(100 * margin)}%`;
}

/** The slope of a straight line through the logarithms, by least squares; NaN where there are not two different x. */
export function exponentOf(points: readonly Point[]): number {
  const logs = points.map(({ x, y }) => [Math.log(x), Math.log(y)]);
  const mean = (at: number) => logs.reduce((sum, pair) => sum + pair[at], 0) / logs.length;
  const [middleX, middleY] = [mean(0), mean(1)];
  const spread = logs.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
  return spread === 0 ? Number.NaN : logs.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0) / spread;
}

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : String(value);
}
