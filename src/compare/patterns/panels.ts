/** Chooses the panels for some variants: each next to full attention, by its pattern or by its weights. */

import { scope } from '../../core/scope.ts';
import { formatPercent } from '../../terminal/format.ts';
import { checkInputs, checkOptions, drawParameters } from '../../variants/attend.ts';
import type { OptionSchema } from '../../variants/options.ts';
import { type AnyVariant, findVariant } from '../../variants/registry.ts';
import type { AttentionInputs, AttentionShape, CommonOptions } from '../../variants/variant.ts';
import { absentGatesOf } from '../gates.ts';
import { formatOptions, type WrittenOptions } from '../option-text.ts';
import { REFERENCE_VARIANT } from '../series.ts';
import { bucketGrid, hasBuckets, hasPattern, patternGrid, shareOfPairs } from './grid.ts';
import { optionsForPicture } from './scaled-options.ts';
import type { PatternPanel } from './shade.ts';
import { drawnWeights } from './weights.ts';

export interface PanelSettings {
  variants: readonly AnyVariant[];
  length: number;
  causal: boolean;
  written: WrittenOptions;
  /** Cells per side. */
  cells: number;
  /** Whether to draw weights even for variants that declare a pattern or buckets. */
  weights: boolean;
  /** Seed of the parameters. */
  seed: number;
  /** Makes the queries and keys whose weights are drawn; called only if there are weights to draw. */
  load: () => AttentionInputs;
  /** Called before, during and after each drawing with the number done, including parts. */
  onProgress?: (done: number, total: number, label: string) => void;
}

/** Rows of the weight matrix in one row of cells. */
const QUERIES_PER_CELL = 4;

/**
 * Full attention and then the variants with a pattern, then those with buckets, then full attention's weights and those of the
 * others. Throws as
 * `checkOptions` does, before anything is drawn.
 */
export function patternPanels(settings: PanelSettings): PatternPanel[] {
  const { variants, weights, length, onProgress = () => {} } = settings;
  const reference = findVariant(REFERENCE_VARIANT) as AnyVariant;
  const byPattern = weights ? [] : variants.filter((variant) => variant !== reference && hasPattern(variant));
  const byBuckets = weights ? [] : variants.filter((variant) => hasBuckets(variant) && !byPattern.includes(variant));
  const drawnOtherwise = [reference, ...byPattern, ...byBuckets];
  const byWeights = variants.filter((variant) => !drawnOtherwise.includes(variant));
  const onlyReference = byPattern.length + byBuckets.length + byWeights.length === 0;
  const patterned = byPattern.length > 0 || (onlyReference && !weights) ? [reference, ...byPattern] : [];
  const weighed = byWeights.length > 0 || (onlyReference && weights) ? [reference, ...byWeights] : [];

  const inputs = weighed.length === 0 ? null : settings.load();
  const drawings = [
    ...patterned.map((variant) => {
      const heads = headsOf(variant, settings.written);
      const drawn = completeOptions(variant, squareShape(length, heads), settings);
      return { variant, draw: (_: Share) => patternPanel(variant, drawn, heads, settings) };
    }),
    ...byBuckets.map((variant) => {
      const drawn = completeOptions(variant, squareShape(length, 1), settings);
      return { variant, draw: (_: Share) => bucketPanel(variant, drawn, settings) };
    }),
    ...weighed.map((variant) => {
      const drawn = completeOptions(variant, checkInputs(inputs as AttentionInputs), settings);
      return {
        variant,
        draw: (share: Share) => weightsPanel(variant, drawn, inputs as AttentionInputs, settings, share),
      };
    }),
  ];
  return drawings.map(({ variant, draw }, index) => {
    const share: Share = (done) => onProgress(index + done, drawings.length, variant.name);
    share(0);
    const panel = draw(share);
    share(1);
    return panel;
  });
}

/** Called with the share of one drawing that is done. */
type Share = (done: number) => void;

function completeOptions(variant: AnyVariant, shape: AttentionShape, { causal, written }: PanelSettings): Drawn {
  const asked = { ...written.get(variant), causal };
  const options = optionsForPicture(variant, asked, shape);
  const usual = checkOptions(variant, asked, shape) as unknown as Record<string, unknown>;
  const smaller = Object.entries(options).flatMap(([name, value]) =>
    value === usual[name] || typeof value !== 'number' ? [] : [`${name} = ${value} (from ${usual[name]})`],
  );
  return { options, ...(smaller.length === 0 ? {} : { smaller: smaller.join(', ') }) };
}

/** The options to draw, and those of them that are smaller than the defaults. */
interface Drawn extends Pick<PatternPanel, 'smaller'> {
  options: CommonOptions;
}

function patternPanel(
  variant: AnyVariant,
  { options, ...smaller }: Drawn,
  heads: number,
  { length, cells }: PanelSettings,
): PatternPanel {
  const grid = patternGrid(variant, length, options, cells, heads);
  const share = `${formatPercent(shareOfPairs(grid, length))} of all pairs`;
  return { ...grid, kind: 'pattern', title: variant.name, caption: captionOf(options, share), ...smaller, length };
}

function bucketPanel(
  variant: AnyVariant,
  { options, ...smaller }: Drawn,
  { length, cells }: PanelSettings,
): PatternPanel {
  const grid = bucketGrid(variant, length, options, cells);
  return { ...grid, kind: 'buckets', title: variant.name, caption: captionOf(options, 'buckets'), ...smaller, length };
}

function weightsPanel(
  variant: AnyVariant,
  { options, ...smaller }: Drawn,
  inputs: AttentionInputs,
  { cells, seed }: PanelSettings,
  onProgress: Share,
): PatternPanel {
  const settings = { cells, seed, queriesPerCell: QUERIES_PER_CELL, onProgress };
  const grid = drawnWeights(variant, inputs, options, settings);
  const length = inputs.keys.shape[2];
  return {
    ...grid,
    ...{ kind: 'weights', title: variant.name, caption: captionOf(options, 'weights'), ...smaller, length },
    ...(learns(variant, options, checkInputs(inputs)) ? { untrained: true } : {}),
    ...absentGatesOf(variant, options, inputs),
  };
}

/** Whether the variant has parameters, with these options, that training would learn. */
function learns(variant: AnyVariant, options: CommonOptions, shape: AttentionShape): boolean {
  return scope(() =>
    Object.values(drawParameters(variant, options, shape, 0)).some(({ requiresGrad }) => requiresGrad),
  );
}

/** The options (without empty lists, which add nothing), then the part of them that the picture shows. */
function captionOf({ causal, ...options }: CommonOptions, shows: string): string {
  const stated = Object.entries(options).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  return [formatOptions(Object.fromEntries(stated)), ...(causal ? ['causal'] : []), shows]
    .filter((part) => part !== '')
    .join(', ');
}

/** The number of heads of a list with an entry for each head; else one, which stands for all. */
function headsOf(variant: AnyVariant, written: WrittenOptions): number {
  const values = written.get(variant) ?? {};
  const lists = Object.entries(variant.options as Record<string, OptionSchema>).flatMap(([name, schema]) =>
    schema.kind === 'integers' && schema.per === 'head' && Array.isArray(values[name]) ? [values[name].length] : [],
  );
  return Math.max(1, ...lists);
}

function squareShape(length: number, heads: number): AttentionShape {
  return { batch: 1, heads, queryLength: length, keyLength: length, headDim: 64, dtype: 'float32' };
}
