/** `compare --pretrained`: a real model with variants in place of its attention, and how far its output moves. */

import { BASELINES, type BaselineName, baselineOutput } from '../compare/baselines.ts';
import { describeEnvironment } from '../compare/environment.ts';
import { chosenVariants, type Skip } from '../compare/plan.ts';
import type { Environment } from '../compare/result.ts';
import { ArgumentError, EfficientTransformersError, NumericalError } from '../core/errors.ts';
import { fromNumbers, type Tensor } from '../core/tensor.ts';
import type { Description } from '../pretrained/architecture.ts';
import type { OwnAttention } from '../pretrained/encoder-config.ts';
import { loadPretrained, openPretrained } from '../pretrained/load.ts';
import type { Replacement } from '../pretrained/replacement.ts';
import {
  type Drift,
  driftOf,
  type Pass,
  replacementsFor,
  runAttending,
  runSwapped,
  startFrom,
} from '../pretrained/swap.ts';
import { counted } from '../terminal/format.ts';
import type { AnyVariant } from '../variants/registry.ts';
import { type ReadTokens, type TokensChoice, tokensOf } from './pretrained-tokens.ts';

/** Passes with the model's own attention, and as many with each variant. */
const TURNS = 3;

export interface PretrainedChoice extends TokensChoice {
  /** Absent: as long as the text and the model's positions allow. */
  lengths: readonly number[] | undefined;
  variants: readonly string[] | undefined;
  options: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  byLayer: boolean;
  seed: number;
}

export interface SwapResult {
  variant: string;
  length: number;
  /** All layers replaced. */
  drift: Drift;
  /** Time spent in the attention of all layers, the fastest of several passes; and the same with the model's own attention. */
  attentionMilliseconds: number;
  ownMilliseconds: number;
  /** Layers counted from 0: this one alone replaced, and this one with all before it. */
  layers?: { layer: number; alone: Drift; upTo: Drift }[];
}

/** What replaces all attention without reading queries or keys. */
export interface SwapBaseline extends Pick<SwapResult, 'length' | 'drift' | 'layers'> {
  baseline: BaselineName;
}

export interface SwapReport {
  environment: Environment;
  model: { directory: string; type: string; layers: number; positions: number };
  /** How much of the text, or of the file of token numbers, was read for these tokens, in bytes. */
  read: ReadTokens['read'];
  seed: number;
  results: SwapResult[];
  /** For every length, two. */
  baselines: SwapBaseline[];
  /** Variants whose parameters were drawn, not trained. */
  drawn: string[];
  skips: Skip[];
  /** Whether the comparison was stopped, so that variants are missing. */
  incomplete?: boolean;
}

export interface SwapObserver {
  /** Called after each variant with the results so far, which remain if an error ends the next one. */
  onResults(report: SwapReport): void;
  /** Asked between two variants; if true, the remaining ones are left out. */
  shouldStop(): boolean;
  /** `done` of `total`, in tokens that went through the model. */
  onProgress?(done: number, total: number, label: string): void;
}

/**
 * Checks everything before any pass. Throws ArgumentError for options that do not fit, or for a text that is shorter than
 * a length; FileFormatError or UnsupportedError for a folder that cannot be loaded. Throws NumericalError for a model whose
 * output is not finite; a variant that makes it so is an error where it was named, and else left out.
 */
export async function comparePretrained(choice: PretrainedChoice, observer: SwapObserver): Promise<SwapReport> {
  const { pretrained: directory, seed, byLayer } = choice;
  const { description } = openPretrained(directory).plan;
  const most = Math.max(...(choice.lengths ?? [description.length]));
  const { first: ids, read } = await tokensOf(choice, most, description.vocabulary);
  const lengths = choice.lengths ?? [Math.min(description.length, ids(description.length).length)];
  const inputs = lengths.map((length) => {
    const own = ids(length);
    if (own.length < length) {
      throw new ArgumentError(`--length: expected at most ${own.length}, the tokens of the text, got ${length}`);
    }
    return { length, tokens: fromNumbers('tokens', own, [1, length], 'int32') };
  });
  const skips: Skip[] = [];
  const planned = inputs.map((input) => ({ ...input, cells: plansOf(choice, description, input.length, skips) }));

  const longest = Math.max(...lengths);
  const model = loadPretrained(directory, longest > description.length ? { length: longest } : {});
  const drawn = new Set<string>();
  const results: SwapResult[] = [];
  const baselines: SwapBaseline[] = [];
  let measured = 0;
  const all = planned.flatMap(({ length, tokens, cells }) => cells.map((cell) => ({ length, tokens, cell })));
  const { modelType: type, layers, length: positions } = description;
  const known = (): SwapReport => {
    const incomplete = measured < all.length ? { incomplete: true } : {};
    return {
      environment: describeEnvironment(),
      ...{ model: { directory, type, layers, positions }, read, seed, results, baselines, drawn: [...drawn], skips },
      ...incomplete,
    };
  };
  const layerPasses = byLayer ? 2 * layers : 0;
  const passes = { own: 1, baseline: 1 + layerPasses, variant: 2 * TURNS + layerPasses };
  const total = planned.reduce((sum, { length, cells }) => {
    return sum + length * (passes.own + BASELINES.length * passes.baseline + cells.length * passes.variant);
  }, 0);
  let done = 0;
  const advance = (tokens: number, label: string): void => {
    done += tokens;
    observer.onProgress?.(done, total, label);
  };
  // Nothing can be compared with a model whose own numbers are not finite.
  for (const { length, tokens } of inputs) {
    const own = runSwapped(model, { tokens });
    advance(length * passes.own, 'the model itself');
    for (const baseline of BASELINES) {
      try {
        baselines.push(measureBaseline(baseline, length, tokens, own));
      } catch (error) {
        if (!(error instanceof NumericalError)) throw error;
        skips.push({ variant: baseline, reason: `${counted(length, 'token')}: ${error.message}` });
      }
      advance(length * passes.baseline, `${baseline}, ${counted(length, 'token')}`);
    }
  }
  for (const { length, tokens, cell } of all) {
    if (observer.shouldStop()) break;
    measured++;
    try {
      results.push(measure(length, tokens, cell));
    } catch (error) {
      if (!(error instanceof NumericalError)) throw error;
      const reason = `${counted(length, 'token')}: ${error.message}`;
      if (choice.variants !== undefined) throw new NumericalError(`${cell.variant}, ${reason}`, { cause: error });
      skips.push({ variant: cell.variant, reason });
    }
    advance(length * passes.variant, `${cell.variant}, ${counted(length, 'token')}`);
    observer.onResults(known());
    // Give signals and the garbage collector's finalisers a turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return known();

  function measure(length: number, tokens: Tensor, { variant, replacements }: PlannedSwap): SwapResult {
    if (startFrom(model, replacements)) drawn.add(variant);
    // Alternate, so that other load on the machine hits both alike; the first pass of each warms up.
    const [owns, alls] = [[], []] as [Pass[], Pass[]];
    for (let turn = 0; turn < TURNS; turn++) {
      owns.push(runSwapped(model, { tokens }));
      alls.push(runSwapped(model, { tokens }, replacements));
    }
    const [own, all] = [owns[0], alls[0]];
    const drift = (isReplaced: (layer: number) => boolean) =>
      driftOf(own, runSwapped(model, { tokens }, replacements, isReplaced));
    const fastest = (passes: Pass[]) => Math.min(...passes.map(({ attentionMilliseconds: time }) => time));
    const result: SwapResult = {
      variant,
      length,
      drift: driftOf(own, all),
      attentionMilliseconds: fastest(alls),
      ownMilliseconds: fastest(owns),
    };
    return { ...result, ...layersOf(drift) };
  }

  function measureBaseline(baseline: BaselineName, length: number, tokens: Tensor, own: Pass): SwapBaseline {
    const causal = description.head === 'causal-lm';
    const drift = (isReplaced: (layer: number) => boolean) => {
      const pass = runAttending(model, { tokens }, (inputs, layer, ownAttention) =>
        isReplaced(layer) ? baselineOutput(baseline, inputs, causal) : ownAttention(),
      );
      return driftOf(own, pass);
    };
    return { baseline, length, drift: drift(() => true), ...layersOf(drift) };
  }

  function layersOf(drift: (isReplaced: (layer: number) => boolean) => Drift): Pick<SwapResult, 'layers'> {
    if (!byLayer) return {};
    const each = Array.from({ length: layers }, (_, layer) => ({
      layer,
      alone: drift((other) => other === layer),
      upTo: drift((other) => other <= layer),
    }));
    return { layers: each };
  }
}

type PlannedSwap = { variant: string; replacements: Replacement[] };

/** A named variant that cannot run is an error; any other is left out. */
function plansOf(choice: PretrainedChoice, description: Description, length: number, skips: Skip[]): PlannedSwap[] {
  return chosenVariants(choice.variants).flatMap((chosen) => {
    const variant = chosen.name;
    const fits = description.head === 'causal-lm' || chosen.supports.bidirectional !== false;
    if (choice.variants === undefined && !fits) {
      skips.push({ variant, reason: 'it reads in one direction, the model in both' });
      return [];
    }
    try {
      const options = { ...ownOptions(description, chosen), ...choice.options[variant] };
      const settings = { variant, options, gatedValues: false };
      return [{ variant, replacements: replacementsFor(description, settings, length, choice.seed) }];
    } catch (error) {
      if (choice.variants !== undefined || !(error instanceof EfficientTransformersError)) throw error;
      skips.push({ variant, reason: `${counted(length, 'token')}: ${error.message}` });
      return [];
    }
  });
}

/** The checkpoint's own values of options that the variant also has. */
function ownOptions({ attention }: Described, { options }: AnyVariant): Record<string, unknown> {
  if (!('convolutionWidth' in options) || attention?.kind !== 'landmarks' || attention.convolutionWidth === null)
    return {};
  return { convolutionWidth: attention.convolutionWidth };
}

type Described = Description & { attention?: OwnAttention };
