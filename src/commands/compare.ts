/** `compare`: variants against full attention on one input. The default command. */
import { type CompareSettings, compare } from '../compare/compare.ts';
import { describeEnvironment } from '../compare/environment.ts';
import { DEFAULT_SHARES } from '../compare/equal-cost.ts';
import { formatFront } from '../compare/front.ts';
import type { ComparisonInput } from '../compare/inputs.ts';
import { parseOptionTexts } from '../compare/option-text.ts';
import { chosenVariants, type Skip } from '../compare/plan.ts';
import type { ComparisonReport } from '../compare/result.ts';
import { formatCrossovers, formatHeading, formatHighlights, formatResults } from '../compare/terminal.ts';
import { ArgumentError } from '../core/errors.ts';
import { supportsColour } from '../terminal/colour.ts';
import { flagName } from '../terminal/options.ts';
import { Progress } from '../terminal/progress.ts';
import { wrapLines } from '../terminal/width.ts';
import { checkpointInput } from './checkpoint-input.ts';
import { announceStop, type Given, type Host, type Running, widthOf } from './command.ts';
import type { CompareOptions, CompareValues } from './compare-options.ts';
import { checkFormats, contentsOf, JSON_OUTPUT, outputsOf, SAVED_OUTPUT } from './compare-outputs.ts';
import { comparePretrained, type SwapReport } from './compare-pretrained.ts';
import { FAILED } from './failure.ts';
import {
  type Content,
  checkOutputs,
  expectFile,
  isForFiles,
  type Output,
  streamForPeople,
  toJson,
  writeOutputs,
} from './outputs.ts';
import { formatSwaps } from './pretrained-table.ts';
import { SavedOutputs } from './saved-outputs.ts';
import { applyMachine, chooseInput } from './shared-options.ts';
import { describeSkips, expectDirection } from './skips.ts';
import { nearestSoFar } from './so-far.ts';

/**
 * Half a second after all: whoever waits for a table sees the bar, and rows, at once. Rounds of timing are fewer than the
 * library's: medians are as good to a tenth, and a table of all variants comes in half the time.
 */
const DELAY_MILLISECONDS = 500;
const TIMING = { millisecondsEach: 30 };

/** Measures, and writes the results to the requested outputs; returns the exit code. */
export async function runCompare({ values, given }: Given<CompareOptions>, host: Running): Promise<number> {
  if (values.pretrained !== undefined) {
    if (given.has('report') && values.report !== null) {
      throw new ArgumentError('--report: --pretrained has no HTML report; use --json FILE for all the numbers');
    }
    return swap(values.pretrained, values, host);
  }
  const stray = values.ids !== undefined ? '--ids' : values.byLayer ? '--by-layer' : null;
  if (stray !== null) throw new ArgumentError(`${stray}: needs a Hugging Face model; name one with --pretrained`);
  if (values.allBudgets) {
    const { budget, all, share } = values;
    const other = budget !== undefined ? '--budget' : all ? '--all' : share !== undefined ? '--share' : null;
    if (other !== null) throw new ArgumentError(`--all-budgets: ${other} also sets the budgets; give one of the two`);
  }
  if (values.budget !== undefined && (values.all || values.share !== undefined)) {
    const flag = values.all ? '--all' : '--share';
    throw new ArgumentError(`${flag}: --budget also sets the budgets; give one of the two`);
  }
  if (values.saveOutputs !== undefined) expectFile(SAVED_OUTPUT.flag, values.saveOutputs);
  const outputs = outputsOf(values);
  checkOutputs(outputs, inputFiles(values));
  checkFormats(values);
  applyMachine(values);
  const { seed } = values;
  const { input, causal } = inputOf(values, host);
  expectDirection(values.variant, causal);
  const skips: Skip[] = [];
  const saved = new SavedOutputs();
  const settings: CompareSettings = {
    variants: values.variant,
    causal,
    seed,
    budgets: values.budget,
    allBudgets: values.allBudgets,
    shares: values.all || values.share !== undefined ? (values.share ?? DEFAULT_SHARES) : undefined,
    options: optionsByVariant(values),
    checkFinite: values.checkFinite,
    pictures: values.report !== null,
    timing: TIMING,
    onSkip: (skip) => skips.push(skip),
    ...(values.saveOutputs === undefined ? {} : { onOutput: (output) => saved.add(output) }),
  };

  const people = streamForPeople(outputs, host);
  const style = { colour: supportsColour(people), width: widthOf(people) };
  const prose = (text: string) => wrapLines(text, style.width);
  const begin = (): void => {
    if (input.warning !== undefined) host.stderr.write(`Warning: ${input.warning}\n`);
    people.write(`${formatHeading(input, describeEnvironment(), { causal, seed }, style)}\n\n`);
  };
  const { report, failure } = await asFarAsKnown<ComparisonReport>(outputs, host, (observer) => {
    const { onMeasured, lines } = nearestSoFar();
    return withProgress(host, begin, lines, (onProgress) => {
      return compare(input, { ...settings, ...observer, onProgress, onMeasured });
    });
  });
  const { results, incomplete = false } = report;
  if (incomplete && results.length === 0) return host.stop.exitCode();
  const left = describeSkips(skips, causal);
  const parts = [
    ...(settings.shares === undefined
      ? [formatResults(report, style), formatHighlights(report, style)]
      : [formatFront(report, style)]),
    formatCrossovers(results, style),
    incomplete ? 'Incomplete: the comparison ended early.' : '',
    prose(left.join('\n')),
  ];
  people.write(`${parts.filter((part) => part !== '').join('\n\n')}\n`);
  if (left.length === 0 && isForFiles(outputs)) people.write('\n');
  const written = await writeOutputs(contentsOf(values, report, saved), host);
  if (failure !== null) throw failure;
  if (incomplete) return host.stop.exitCode();
  return written ? 0 : FAILED;
}

/** `--pretrained`, which has no HTML report. */
async function swap(pretrained: string, values: CompareValues, host: Running): Promise<number> {
  const { checkpoint, layer, qkv, mask, layout, distribution, batch, heads, headDim, budget, share, json } = values;
  const { text, ids, length: lengths, variant: variants, byLayer, seed } = values;
  const others = {
    ...{ checkpoint, layer, qkv: qkv.length > 0 ? qkv : undefined, mask, layout, distribution, batch, heads, headDim },
    ...{
      budget,
      share,
      saveOutputs: values.saveOutputs,
      all: values.all || undefined,
      allBudgets: values.allBudgets || undefined,
      causal: values.causal || undefined,
      wholeText: values.wholeText || undefined,
    },
  };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new ArgumentError(`--${flagName(other)}: cannot be combined with --pretrained`);
  const outputs = outputsOf({ ...values, report: null });
  checkOutputs(outputs, inputFiles(values));
  applyMachine(values);
  const options = optionsByVariant(values) ?? {};
  const choice = { pretrained, text, ids, lengths, variants, options, byLayer, seed };
  const { report, failure } = await asFarAsKnown<SwapReport>(outputs, host, (observer) => {
    return withProgress(
      host,
      () => {},
      () => [],
      (onProgress) => comparePretrained(choice, { ...observer, onProgress }),
    );
  });
  if (report.incomplete && report.results.length === 0) return host.stop.exitCode();
  const people = streamForPeople(outputs, host);
  people.write(formatSwaps(report, { colour: supportsColour(people), width: widthOf(people) }));
  const contents: Content[] = json === undefined ? [] : [{ ...JSON_OUTPUT, path: json, content: () => toJson(report) }];
  const written = await writeOutputs(contents, host);
  if (failure !== null) throw failure;
  if (report.incomplete) return host.stop.exitCode();
  return written ? 0 : FAILED;
}

function inputFiles({ qkv, mask, checkpoint, text, ids }: CompareValues): string[] {
  return [...qkv, ...[mask, checkpoint, text, ids].flatMap((path) => path ?? [])];
}

/** The input, and whether attention is causal: it is if the model was trained that way. */
function inputOf(values: CompareValues, host: Host): { input: ComparisonInput; causal: boolean } {
  const { checkpoint, layer, text, wholeText, seed } = values;
  if (checkpoint === undefined) {
    const own = { layer, text, wholeText: wholeText || undefined };
    const stray = Object.entries(own).find(([, value]) => value !== undefined)?.[0];
    if (stray !== undefined) {
      throw new ArgumentError(`--${flagName(stray)}: needs a trained model; name one with --checkpoint`);
    }
    return { input: chooseInput({ ...values, lengths: values.length }), causal: values.causal };
  }
  const { qkv, mask, layout, length, distribution, batch, heads, headDim } = values;
  const others = { qkv: qkv.length > 0 ? qkv : undefined, mask, layout, length, distribution, batch, heads, headDim };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) {
    throw new ArgumentError(`--${flagName(other)}: names another input than --checkpoint; give one of the two`);
  }
  const input = checkpointInput({ checkpoint, layer, text, wholeText, seed }, host);
  return { input, causal: values.causal || input.causal };
}

/** Written options by the variant's name, for those that have any. */
function optionsByVariant({ variant, option }: CompareValues): CompareSettings['options'] {
  const written = parseOptionTexts(chosenVariants(variant), option, '--option');
  return Object.fromEntries([...written].map(([{ name }, own]) => [name, own]));
}

/** `begin` is called when the request is checked and the work begins, `above` for what stands over the bar. */
async function withProgress<T>(
  { stderr }: Host,
  begin: () => void,
  above: () => readonly string[],
  work: (onProgress: NonNullable<CompareSettings['onProgress']>) => Promise<T>,
): Promise<T> {
  const progress = new Progress({ total: 1, stream: stderr, delayMilliseconds: DELAY_MILLISECONDS });
  try {
    return await work((done, total, label) => {
      if (done === 0) begin();
      else progress.update(done / total, label, above());
    });
  } finally {
    progress.finish();
  }
}

interface Observer<Report> {
  onResults(report: Report): void;
  shouldStop(): boolean;
}

/** The results, also when a signal or an error ends the work after some of them are known. */
async function asFarAsKnown<Report>(
  outputs: readonly Output[],
  host: Running,
  work: (observer: Observer<Report>) => Promise<Report>,
): Promise<{ report: Report; failure: unknown }> {
  const { stop } = host;
  let known: Report | null = null;
  try {
    const report = await work({
      onResults: (report) => {
        known = report;
        stop.listen(announceStop(host, 'after this variant'));
      },
      // A reader that closes stdout may still want the files.
      shouldStop: () => (isForFiles(outputs) ? stop.signalled() !== null : stop.asked()),
    });
    return { report, failure: null };
  } catch (failure) {
    if (known === null) throw failure;
    return { report: known, failure };
  } finally {
    // From here on a signal ends the process at once.
    stop.end();
  }
}
