/** What a variant costs beside what was asked for, and what is said of those that cost more. */

import { formatPercent } from '../../../src/terminal/format.ts';
import { REFERENCE_VARIANT } from '../../../src/variants/reference.ts';
import type { Budgeted } from '../../engine/protocol.ts';

/** Also at its smallest budget. Full attention is what the others are compared with. */
export function costsTooMuch({ variant, share }: Pick<Budgeted, 'variant' | 'share'>, asked: number): boolean {
  return variant !== REFERENCE_VARIANT && share > asked;
}

/** Of more variants than these a sentence is no way to say it. */
const MOST_NAMED = 12;

/** `over`: names and shares; '' of none. The cheapest come first, in whatever order they are given. */
export function leftOutText(over: ReadonlyMap<string, number>, asked: number): string {
  if (over.size === 0) return '';
  const sorted = [...over].sort(([name, share], [other, its]) => share - its || (name < other ? -1 : 1));
  const names = sorted.map(([name, share]) => `${name} (${formatPercent(share)})`);
  const others = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  const whose = over.size === 1 ? 'Its' : 'Their';
  return `Not shown: ${names.slice(0, MOST_NAMED).join(', ')}${others}. ${whose} smallest possible cost is more than ${formatPercent(asked)} of full attention’s FLOPs.`;
}

/** `9 of 13 variants shown` */
export function shownText(shown: number, all: number): string {
  return `${shown} of ${all} variants shown`;
}
