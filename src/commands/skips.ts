/** What a comparison left out, in words: a line for each reason. */
import { chosenVariants, type Skip } from '../compare/plan.ts';
import { ArgumentError } from '../core/errors.ts';
import { type AnyVariant, findVariant } from '../variants/registry.ts';

/** Whether the variant cannot run because the request is not causal. */
function needsCausal({ supports }: AnyVariant, causal: boolean): boolean {
  return !causal && supports.bidirectional === false;
}

/** Throws ArgumentError, which says what to add, if a named variant reads in one direction and the request is not causal. */
export function expectDirection(names: readonly string[] | undefined, causal: boolean): void {
  if (names === undefined) return;
  const oneWay = chosenVariants(names).filter((variant) => needsCausal(variant, causal));
  if (oneWay.length === 0) return;
  const verb = oneWay.length === 1 ? 'reads' : 'read';
  throw new ArgumentError(
    `--variant: ${oneWay.map(({ name }) => name).join(', ')} ${verb} in one direction; add --causal`,
  );
}

/** The lines for what was left out: one for all variants that read in the other direction, one for each other reason. */
export function describeSkips(skips: readonly Skip[], causal: boolean): string[] {
  const [oneWay, bothWays] = [new Set<string>(), new Set<string>()];
  const others = new Map<string, string[]>();
  for (const { variant, reason } of skips) {
    const known = findVariant(variant);
    if (known !== undefined && needsCausal(known, causal)) {
      oneWay.add(variant);
      continue;
    }
    if (known?.supports.causal === false && reason.startsWith('causal:')) {
      bothWays.add(variant);
      continue;
    }
    // Reasons that differ only in the variant's name are one.
    const shared = reason.split(variant).join('it');
    const names = others.get(shared) ?? [];
    if (!names.includes(variant)) others.set(shared, [...names, variant]);
  }
  return [
    ...(oneWay.size === 0
      ? []
      : [`Left out, because they read in one direction (add --causal): ${[...oneWay].join(', ')}`]),
    ...(bothWays.size === 0
      ? []
      : [`Left out, because they cannot be causal (leave out --causal): ${[...bothWays].join(', ')}`]),
    ...[...others].map(([reason, names]) => `Left out: ${names.join(', ')} (${reason})`),
  ];
}
