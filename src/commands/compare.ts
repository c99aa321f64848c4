/** `compare`: variants against full attention on one input. What is run when no command is named. */
import { type CompareSettings, compare } from '../compare/compare.ts';
import { describeEnvironment } from '../compare/environment.ts';
import { DEFAULT_SHARES } from '../compare/equal-cost.ts';
import { formatFront } from '../compare/front.ts';
import type { ComparisonInput } from '../compare/inputs.ts';
import { parseOptionTexts } from '../compare/option-text.ts';
import { chosenVariants, type Skip } from '../compare/plan.ts';
import { renderReport } from '../compare/report.ts';
import type { ComparisonReport } from '../compare/result.ts';
import { formatCrossovers, formatHeading, formatHighlights, formatResults } from '../compare/terminal.ts';
import { ArgumentError } from '../core/errors.ts';
import { supportsColour } from '../terminal/colour.ts';
import { flag, flagName, integers, negatable, numbers, type OptionValues, text } from '../terminal/options.ts';
import { Progress } from '../terminal/progress.ts';
import { checkpointInput } from './checkpoint-input.ts';
import { defineCommand, type Host, PROGRAM, widthOf } from './command.ts';
import { comparePretrained, formatSwaps } from './compare-pretrained.ts';
import { checkOutputs, type Output, streamForPeople, toJson, writeOutput } from './outputs.ts';
import {
  applyMachine,
  chooseInput,
  drawnInputOptions,
  fileOption,
  runOptions,
  variantOptions,
} from './shared-options.ts';

function options() {
  return {
    qkv: fileOption(),
    length: integers('N', 'Draw random numbers of this many tokens; several lengths give a scaling curve', {
      minimum: 1,
    }),
    ...drawnInputOptions(),
    checkpoint: text('FILE', 'A model of train, whose queries, keys and values on a held-out example are compared'),
    layer: integers('N', 'With --checkpoint, its layers, counted from 0', { minimum: 0, defaultText: 'all' }),
    pretrained: text('DIR', 'A model of Hugging Face, whose attention is replaced; how far its output moves'),
    text: text('FILE', 'For --checkpoint or --pretrained to read', {
      defaultText: 'of a checkpoint, that of its training',
    }),
    wholeText: flag('With --checkpoint, all of --text as one sequence, in place of an example drawn from it'),
    ids: text('FILE', 'With --pretrained, numbers of tokens in place of a text'),
    byLayer: flag('With --pretrained, also each layer alone, and with all before it'),
    ...variantOptions(),
    budget: integers(
      'N',
      'Budgets (w, k, m …) for every variant, in place of a few each that cost less than full attention',
      { minimum: 1 },
    ),
    all: flag('Every variant at equal shares of the FLOPs of full attention, in one ranking by error and cost'),
    share: numbers('SHARE', 'The shares for --all, above 0 and at most 1', {
      defaultText: DEFAULT_SHARES.join(','),
    }),
    checkFinite: flag('Look for NaN and infinities in the input first', { default: true }),
    ...runOptions(),
    json: text('FILE', 'Also write the numbers as JSON; - for stdout'),
    report: negatable(text('FILE', 'Where the HTML report goes; --no-report for none', { default: 'report.html' })),
  };
}

function describe() {
  return {
    usage: `${PROGRAM} compare`,
    summary: 'Measures error, time and memory of each variant against full attention on the same input.',
    details: 'Without --qkv or --length that is the shipped one: two layers of a trained transformer reading English.',
    options: options(),
    examples: [
      { command: `${PROGRAM} compare`, explanation: 'Every variant on the shipped input' },
      {
        command: `${PROGRAM} compare --qkv fixtures/tiny-qkv.npy --json numbers.json --no-report`,
        explanation: 'Your own numbers; the results as JSON only',
      },
      {
        command: `${PROGRAM} compare --length 256,1024,4096 --heads 1 --causal`,
        explanation: 'How time and memory grow with the length, and from where each variant is faster',
      },
      {
        command: `${PROGRAM} compare --length 1024 --distribution peaked --budget 16,64,256`,
        explanation: 'The same budgets for all, on attention that looks for single tokens',
      },
      {
        command: `${PROGRAM} compare --checkpoint out/byte-lm-full --layer 1`,
        explanation: 'On what a layer of a model of yours attends to',
      },
      {
        command: `${PROGRAM} compare --checkpoint fixtures/byte-lm.safetensors --text note.txt --whole-text`,
        explanation: 'On a text of yours, of up to 1024 bytes, as a small model of English reads it',
      },
      {
        command: `${PROGRAM} compare --pretrained DIR --text fixtures/text/alice-chapter-1.txt --length 128,512`,
        explanation: 'What a real model makes of other attention than it was trained with',
      },
      {
        command: `${PROGRAM} compare --all --share 0.25`,
        explanation: 'What every variant makes of a quarter of the operations of full attention',
      },
    ],
  };
}

export const compareCommand = defineCommand('compare', describe, async ({ values, given }, host) => {
  if (values.pretrained !== undefined) {
    if (given.has('report') && values.report !== null) {
      throw new ArgumentError('--report: there is no page for --pretrained; --json FILE has all of it');
    }
    return swap(values.pretrained, values, host);
  }
  const stray = values.ids !== undefined ? '--ids' : values.byLayer ? '--by-layer' : null;
  if (stray !== null) throw new ArgumentError(`${stray}: is about a model of Hugging Face; name one with --pretrained`);
  const outputs = outputsOf(values);
  checkOutputs(outputs);
  applyMachine(values);
  const { seed } = values;
  const { input, causal } = inputOf(values);
  const skips: Skip[] = [];
  const settings: CompareSettings = {
    variants: values.variant,
    causal,
    seed,
    budgets: values.budget,
    shares: values.all || values.share !== undefined ? (values.share ?? DEFAULT_SHARES) : undefined,
    options: optionsByVariant(values),
    checkFinite: values.checkFinite,
    pictures: values.report !== null,
    onSkip: (skip) => skips.push(skip),
  };

  const people = streamForPeople(outputs, host);
  const colour = supportsColour(people);
  const begin = (): void => {
    people.write(`${formatHeading(input, describeEnvironment(), { causal, seed }, colour)}\n\n`);
  };
  const report = await withProgress(host, begin, (onProgress) => compare(input, { ...settings, onProgress }));
  const written = await writeOutputs(values, report, host);

  const { results } = report;
  const parts = [
    ...(settings.shares === undefined
      ? [formatResults(results, { colour, width: widthOf(people) }), formatHighlights(results, { colour })]
      : [formatFront(results, { colour, width: widthOf(people) })]),
    formatCrossovers(results),
    [...skips.map(({ variant, reason }) => `Left out: ${variant} (${reason})`), ...written].join('\n'),
  ];
  people.write(`${parts.filter((part) => part !== '').join('\n\n')}\n`);
  return 0;
});

type Values = OptionValues<ReturnType<typeof options>>;

/** `--pretrained`, which has no HTML report. */
async function swap(pretrained: string, values: Values, host: Host): Promise<number> {
  const { checkpoint, layer, qkv, distribution, batch, heads, headDim, budget, share, json } = values;
  const { text, ids, length: lengths, variant: variants, byLayer, seed } = values;
  const others = {
    ...{ checkpoint, layer, qkv: qkv.length > 0 ? qkv : undefined, distribution, batch, heads, headDim, budget, share },
    ...{ all: values.all || undefined, causal: values.causal || undefined, wholeText: values.wholeText || undefined },
  };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new ArgumentError(`--${flagName(other)}: does not go with --pretrained`);
  const outputs = outputsOf({ ...values, report: null });
  checkOutputs(outputs);
  applyMachine(values);
  const options = optionsByVariant(values) ?? {};
  const report = await comparePretrained({ pretrained, text, ids, lengths, variants, options, byLayer, seed });
  const people = streamForPeople(outputs, host);
  people.write(formatSwaps(report, { colour: supportsColour(people), width: widthOf(people) }));
  if (json !== undefined) await writeOutput(json, toJson(report), host);
  return 0;
}

function outputsOf({ json, report }: Values): Output[] {
  return [
    ...(json === undefined ? [] : [{ flag: '--json', path: json }]),
    ...(report === null ? [] : [{ flag: '--report', path: report }]),
  ];
}

/** What is compared, and whether causally: a model that was trained so is. */
function inputOf(values: Values): { input: ComparisonInput; causal: boolean } {
  const { checkpoint, layer, text, wholeText, seed } = values;
  if (checkpoint === undefined) {
    const own = { layer, text, wholeText: wholeText || undefined };
    const stray = Object.entries(own).find(([, value]) => value !== undefined)?.[0];
    if (stray !== undefined) {
      throw new ArgumentError(`--${flagName(stray)}: is about a trained model; name one with --checkpoint`);
    }
    return { input: chooseInput({ ...values, lengths: values.length }), causal: values.causal };
  }
  const { qkv, length, distribution, batch, heads, headDim } = values;
  const others = { qkv: qkv.length > 0 ? qkv : undefined, length, distribution, batch, heads, headDim };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) {
    throw new ArgumentError(`--${flagName(other)}: is another input than --checkpoint; give one of the two`);
  }
  const input = checkpointInput({ checkpoint, layer, text, wholeText, seed });
  return { input, causal: values.causal || input.causal };
}

/** Written options by the variant's name, for those that have any. */
function optionsByVariant({ variant, option }: Values): CompareSettings['options'] {
  const written = parseOptionTexts(chosenVariants(variant), option, '--option');
  return Object.fromEntries([...written].map(([{ name }, own]) => [name, own]));
}

/** `begin` is called when the request has been found right and the work begins. */
async function withProgress<T>(
  { stderr }: Host,
  begin: () => void,
  work: (onProgress: NonNullable<CompareSettings['onProgress']>) => Promise<T>,
): Promise<T> {
  const progress = new Progress({ total: 1, stream: stderr });
  try {
    return await work((done, total, label) => {
      if (done === 0) begin();
      else progress.update(done / total, label);
    });
  } finally {
    progress.finish();
  }
}

/** A line each on where they are. */
async function writeOutputs({ json, report: path }: Values, report: ComparisonReport, host: Host): Promise<string[]> {
  const lines: string[] = [];
  // The pictures are for the report; as JSON they would bury the numbers.
  const { pictures: _, ...numbers } = report;
  const page = path === null ? null : await renderReport(report);
  if (page !== null && path !== null && (await writeOutput(path, page, host))) lines.push(`Report: ${path}`);
  if (json !== undefined && (await writeOutput(json, toJson(numbers), host))) {
    lines.push(`JSON: ${json}`);
  }
  return lines;
}
