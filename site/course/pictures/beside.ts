/** A variant's weights beside full attention's, for most lessons; and how its error falls as its budget grows. */
import { scope } from '../../../src/core/scope.ts';
import { formatError, formatPercent } from '../../../src/terminal/format.ts';
import type { AttentionInputs } from '../../../src/variants/variant.ts';
import { type ChartLine, type Drawn, number, type Settings } from '../drawn.ts';
import { drawn, errorOf, shareOf, square, variantNamed, weightsOf, words } from './tools.ts';

/** A number of global tokens, which the variants take as a list of positions. */
const GLOBALS = 'globals';

type Options = Record<string, unknown>;

/**
 * Fixed options of each variant that a lesson shows, as JSON in the setting `options`, and those of controls: `option.attentionWindow`
 * sets that option, and `option.bigbird:randomBlocks` only that of one variant. `causal` sets the option of that name.
 */
export function optionsOf(settings: Settings, variant: string): Options {
  const fixed = JSON.parse(String(settings.options ?? '{}')) as Record<string, Options>;
  const own: Options = { ...fixed[variant] };
  for (const [name, value] of Object.entries(settings)) {
    const [, of, option] = /^option\.(?:([\w-]+):)?(\w+)$/.exec(name) ?? [];
    if (option !== undefined && (of === undefined || of === variant)) own[option] = value;
  }
  if (settings[GLOBALS] !== undefined) {
    own.globalPositions = Array.from({ length: number(settings, GLOBALS) }, (_, n) => n);
  }
  // Of a variant without a budget there is nothing to move.
  const { budget } = variantNamed(variant);
  if (settings.budget !== undefined && budget !== null) own[budget.option] = number(settings, 'budget');
  if (settings.causal !== undefined) own.causal = settings.causal;
  return own;
}

/** `input`: words of MiniLM by default, or a distribution of drawn numbers. */
function inputsOf(settings: Settings): AttentionInputs {
  const length = number(settings, 'length');
  const input = String(settings.input ?? 'words');
  if (input === 'words')
    return words(String(settings.layer ?? 'layer1'), Number(settings.head ?? 4) - 1, 0, length).inputs;
  return drawn(length, 32, Number(settings.seed ?? 0), input as 'gaussian' | 'clustered' | 'peaked');
}

export function beside(settings: Settings): Drawn {
  const variant = String(settings.variant);
  const length = number(settings, 'length');
  const options = optionsOf(settings, variant);
  const causal = options.causal === true;
  const seed = Number(settings.seed ?? 0);
  return scope(() => {
    const inputs = inputsOf(settings);
    const own = weightsOf(variant, inputs, options, seed);
    const full = weightsOf('full', inputs, { causal });
    const error = errorOf(variant, inputs, options, seed);
    const [, , , headDim] = inputs.queries.shape;
    const share = shareOf(variant, length, headDim, options);
    const met = own.filter((weight) => weight !== 0).length / full.filter((weight) => weight !== 0).length;
    const difference = own.map((weight, n) => weight - full[n]);
    return {
      panels: [square(variant, own), square('full attention', full), square('the difference', difference)],
      says: `${variant}: ${formatPercent(met)} of full attention’s pairs have a weight, for ${formatPercent(share)} of its operations. The output’s error is ${formatError(error)}: 0 is the same output, 1 is that of zeros.`,
    };
  });
}

export interface Sweep {
  variant: string;
  /** What the line is called, where that is not the variant. */
  name?: string;
  /** The option that grows. */
  option: string;
  values: readonly number[];
  /** Others that do not. */
  fixed?: Options;
}

/** Error against the share of full attention's operations; the sweeps are JSON in the setting `sweeps`. */
export function sweep(settings: Settings): Drawn {
  const sweeps = JSON.parse(String(settings.sweeps)) as Sweep[];
  const length = number(settings, 'length');
  return scope(() => {
    const inputs = inputsOf(settings);
    const [, , , headDim] = inputs.queries.shape;
    const lines = sweeps.map(({ variant, name = variant, option, values, fixed }): ChartLine => {
      const points = values.map((value) => {
        const options = { ...fixed, [option]: value };
        return [shareOf(variant, length, headDim, options) * 100, errorOf(variant, inputs, options)] as const;
      });
      return { name, points };
    });
    const ends = lines.map(
      ({ name, points }) => `${name} from ${formatError(points[0][1])} to ${formatError(points[points.length - 1][1])}`,
    );
    return {
      panels: [
        {
          kind: 'chart',
          title: 'Error against cost',
          x: { label: 'share of full attention’s operations, in %', log: true },
          y: { label: 'relative error', log: false, from: 0, to: 1 },
          lines,
        },
      ],
      says: `The error as the budget grows: ${ends.join('; ')}.`,
    };
  });
}
