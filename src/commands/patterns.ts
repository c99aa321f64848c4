/** `patterns`: draws which tokens attend to which, next to full attention. */

import { describeAbsentGates } from '../compare/gates.ts';
import type { ComparisonCase, ComparisonInput } from '../compare/inputs.ts';
import { parseOptionTexts, type WrittenOptions } from '../compare/option-text.ts';
import { drawHtml } from '../compare/patterns/page.ts';
import { type PanelSettings, patternPanels } from '../compare/patterns/panels.ts';
import { drawSvg } from '../compare/patterns/svg.ts';
import { cellsForTerminal, drawInTerminal } from '../compare/patterns/terminal.ts';
import { chosenVariants, type Skip } from '../compare/plan.ts';
import { ArgumentError, UnsupportedError } from '../core/errors.ts';
import { supportsColour } from '../terminal/colour.ts';
import { counted } from '../terminal/format.ts';
import { flag, integer, type OptionValues, text } from '../terminal/options.ts';
import { Progress } from '../terminal/progress.ts';
import { unknownName } from '../terminal/suggest.ts';
import { USUAL_WIDTH, wrapLines } from '../terminal/width.ts';
import { checkOptions } from '../variants/attend.ts';
import type { AnyVariant } from '../variants/registry.ts';
import { defineCommand, exampleFile, type Host, PROGRAM, widthOf } from './command.ts';
import { FAILED } from './failure.ts';
import { checkOutputs, isForFiles, type Output, streamForPeople, writeOutputs } from './outputs.ts';
import {
  applyMachine,
  chooseInput,
  drawnInputOptions,
  fileOptions,
  runOptions,
  variantOptions,
} from './shared-options.ts';
import { describeSkips, expectDirection } from './skips.ts';

/** Cells a side of the pictures in files, which are 320 pixels wide. */
const CELLS_IN_FILES = 128;
/** Pairs are counted row by row, which takes seconds for so many. */
const LONGEST = 2 ** 24;

function options() {
  return {
    ...variantOptions(),
    length: integer('N', 'Number of tokens; weights are then those of random inputs', {
      minimum: 1,
      maximum: LONGEST,
      defaultText: 'those of the input',
    }),
    weights: flag('Draw weights even for variants that have a pattern or buckets'),
    ...fileOptions(),
    layer: text('NAME', 'Use this layer of the input', { defaultText: 'the first' }),
    ...drawnInputOptions(),
    ...runOptions(),
    svg: text('FILE', 'Also write the pictures as SVG; - for stdout'),
    report: text('FILE', 'Also write the pictures as an HTML page'),
  };
}

function describe() {
  return {
    usage: `${PROGRAM} patterns`,
    details:
      'Draws the allowed pairs, the buckets of a variant that has them, or, with --weights and for all others, the mean weights on an input. Windows and blocks that would cover most of a short text are made smaller; the output shows the new sizes.',
    options: options(),
    examples: [
      { command: `${PROGRAM} patterns`, explanation: 'Draw every variant on the shipped input' },
      {
        command: `${PROGRAM} patterns --variant full --length 64 --causal`,
        explanation: 'Draw the pattern at your length, options and masking',
      },
      {
        command: `${PROGRAM} patterns --weights --qkv ${exampleFile('fixtures/tiny-qkv.npy', 'qkv.npz')} --report patterns.html`,
        explanation: 'Draw the weights on your own numbers, in the terminal and as a page',
      },
    ],
  };
}

export const patternsCommand = defineCommand('patterns', describe, async ({ values }, host) => {
  const outputs = outputsOf(values);
  checkOutputs(outputs, [...values.qkv, ...(typeof values.mask === 'string' ? [values.mask] : [])]);
  applyMachine(values);
  const input = chooseInput({ ...values, lengths: values.length === undefined ? undefined : [values.length] });
  if (input.warning !== undefined) host.stderr.write(`Warning: ${input.warning}\n`);
  const chosen = chosenLayer(input, values.layer);
  const written = parseOptionTexts(chosenVariants(values.variant), values.option, '--option');
  expectDirection(values.variant, values.causal);
  const { variants, left } = able(values, written, input, chosen);
  const { causal, seed, weights } = values;
  const settings: Omit<PanelSettings, 'cells'> = {
    variants,
    length: chosen.length,
    causal,
    written,
    weights,
    seed,
    load: chosen.load,
  };

  const people = streamForPeople(outputs, host);
  const columns = widthOf(people) ?? USUAL_WIDTH;
  const shown = draw({ ...settings, cells: cellsForTerminal(columns) }, host);
  const subject = subjectOf(
    input,
    chosen,
    shown.some(({ kind }) => kind === 'weights'),
    causal,
  );
  const prose = (text: string) => wrapLines(text, widthOf(people));
  people.write(`${prose(subject)}\n\n${drawInTerminal(shown, { columns, colour: supportsColour(people) })}\n`);
  const lines = [...smallerSizes(shown, chosen.length), ...whatIsMissing(shown), ...describeSkips(left, causal)];
  if (lines.length > 0 || isForFiles(outputs)) people.write('\n');
  for (const line of lines) people.write(`${prose(line)}\n`);
  const panels = onceMade(() => draw({ ...settings, cells: CELLS_IN_FILES }, host));
  const isWritten = await writeOutputs(
    outputs.map((output) => {
      return output.flag === '--svg'
        ? { ...output, label: 'SVG', content: () => drawSvg(panels()) }
        : { ...output, label: 'Report', content: () => drawHtml(panels(), subject) };
    }),
    host,
  );
  return isWritten ? 0 : FAILED;
});

/** Lines about options that differ from those of `compare`. */
function smallerSizes(shown: ReturnType<typeof patternPanels>, length: number): string[] {
  const own = shown.flatMap(({ title, smaller }) => (smaller === undefined ? [] : [`  ${title}: ${smaller}`]));
  if (own.length === 0) return [];
  return [`Smaller than by default, to show patterns at ${counted(length, 'token')} (--option sets them):`, ...own];
}

/** Lines about weights that say little of a trained model: those of random parameters, and those without gates. */
function whatIsMissing(shown: ReturnType<typeof patternPanels>): string[] {
  const untrained = shown.flatMap(({ title, untrained = false }) => (untrained ? [title] : []));
  const gates = describeAbsentGates(shown.map(({ title, absentGates }) => ({ variant: title, absentGates })));
  return [
    ...(untrained.length === 0 ? [] : [`With random, untrained parameters: ${untrained.join(', ')}`]),
    ...(gates === '' ? [] : [gates]),
  ];
}

/** The value of `make`, made on first use. */
function onceMade<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

type Values = OptionValues<ReturnType<typeof options>>;

function outputsOf({ svg, report }: Values): Output[] {
  return [
    ...(svg === undefined ? [] : [{ flag: '--svg', path: svg }]),
    ...(report === undefined ? [] : [{ flag: '--report', path: report, ifForeign: 'name another with --report FILE' }]),
  ];
}

function chosenLayer({ cases }: ComparisonInput, layer: string | undefined): ComparisonCase {
  if (layer === undefined) return cases[0];
  const found = cases.find((each) => each.layer === layer);
  if (found !== undefined) return found;
  const known = cases.flatMap((each) => each.layer ?? []);
  throw new ArgumentError(`--layer: ${unknownName('layer', layer, known)}`);
}

/**
 * Without named variants: all that support the request, and a line on each of the others. Wrong values of options are left
 * to the code that draws, because the number of heads of a pattern may follow from them.
 */
function able(
  { variant, causal }: Values,
  written: WrittenOptions,
  { batch, heads, headDim }: ComparisonInput,
  { length, isMasked = false }: ComparisonCase,
): { variants: AnyVariant[]; left: Skip[] } {
  const all = chosenVariants(variant);
  if (variant !== undefined) return { variants: all, left: [] };
  const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' as const };
  const left: Skip[] = [];
  const variants = all.filter((each) => {
    if (isMasked && !each.supports.padding) {
      left.push({ variant: each.name, reason: 'it has no defined answer for padded keys' });
      return false;
    }
    try {
      checkOptions(each, { ...written.get(each), causal }, shape);
      return true;
    } catch (error) {
      if (!(error instanceof UnsupportedError)) return true;
      left.push({ variant: each.name, reason: error.message });
      return false;
    }
  });
  return { variants, left };
}

function draw(settings: PanelSettings, { stderr }: Host): ReturnType<typeof patternPanels> {
  const progress = new Progress({ total: 1, stream: stderr });
  try {
    return patternPanels({ ...settings, onProgress: (done, total, label) => progress.update(done / total, label) });
  } finally {
    progress.finish();
  }
}

/** The subject of the pictures. Patterns do not depend on the input, weights do. */
function subjectOf(
  { name }: ComparisonInput,
  { length, layer }: ComparisonCase,
  weights: boolean,
  causal: boolean,
): string {
  const of = weights ? `: weights on ${[name, ...(layer === undefined ? [] : [layer])].join(', ')}` : '';
  return `Which tokens attend to which, ${counted(length, 'token')}${causal ? ', causal' : ''}${of}`;
}
