/** `convert --pretrained`: an encoder of Hugging Face's. */
import { join } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { littleEndianBytes } from '../core/files/numbers.ts';
import { entryAt } from '../core/files/system-error.ts';
import { readTextBeginning } from '../core/files/text.ts';
import type { PretrainedModel } from '../pretrained/architecture.ts';
import { convertPretrained } from '../pretrained/conversion.ts';
import { openPretrained } from '../pretrained/load.ts';
import { type Draw, passagesOf, passagesOfTokens } from '../pretrained/passages.ts';
import { savePretrained } from '../pretrained/save.ts';
import { similarities, spearman } from '../pretrained/similarity.ts';
import type { Drift } from '../pretrained/swap.ts';
import { loadTokenizer, type TextTokenizer } from '../pretrained/tokenizer.ts';
import { formatError, formatPercent } from '../terminal/format.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import type { Running } from './command.ts';
import type { ConvertValues } from './convert.ts';
import { Conversion, endKeeping, keepFor, type Row, unfinishedIn } from './convert-text.ts';
import { checkOutputs, placeOf } from './outputs.ts';
import { tokensOf } from './pretrained-tokens.ts';
import { HeldFolders } from './training-folder.ts';

/** Where a text is not so short, so many tokens are a passage. */
const LENGTH = 128;
/** In characters, of a text, and in numbers of tokens. */
const LARGEST = 2 ** 24;

/** What it gives there is not what was measured. */
const IN_PYTHON =
  'transformers loads it, but attends as the original; compare --pretrained and loadPretrained attend as converted';

/** The exit code. Throws what `convertPretrained` throws. */
export async function convertFolder(
  directory: string,
  attention: AttentionSettings,
  values: ConvertValues,
  host: Running,
): Promise<number> {
  const { out, overwrite, json, steps, rate, seed, train, match, examples, batch } = values;
  const outputs = json === undefined ? [] : [{ flag: '--json', path: json }];
  checkOutputs(outputs, []);
  const expectFree = () => {
    if (out === undefined || overwrite || entryAt(join(out, 'config.json')) === null) return;
    // Stopped early: the model is that of an earlier step.
    if (entryAt(unfinishedIn(out)) !== null) return;
    throw new ArgumentError(`--out: ${out} already has a config.json: choose another folder, or add --overwrite`);
  };
  // `savePretrained` would refuse it when all is done, with --overwrite, too.
  if (out !== undefined && placeOf(out) === placeOf(directory)) {
    throw new ArgumentError(`--out: expected another folder than ${out}, where the model comes from`);
  }
  expectFree();
  const { draw, tokenizer, length, source } = await texts(directory, values);
  const folders = out === undefined ? null : new HeldFolders([out], 'convert', host);
  try {
    expectFree();
    const conversion = new Conversion(values, host);
    const alike = (model: PretrainedModel) => (tokenizer === null ? null : similarities(model, tokenizer));
    const agreement: Record<string, number | null> = {};
    let own: number[] | null = null;
    const agrees = (model: PretrainedModel) => {
      const theirs = alike(model);
      return own === null || theirs === null ? null : spearman(own, theirs);
    };
    const settings = { attention, steps, rate, seed, train, match, heldOut: Math.ceil(examples / batch), draw };
    const kept = keepFor(values, source, `${length} ${batch}`);
    const { model, report, drift } = await convertPretrained(
      directory,
      { ...settings, ...kept },
      {
        ...conversion.observer,
        onSwapped: (original, model) => {
          own = alike(original);
          agreement.swapped = agrees(model);
          conversion.listen();
        },
      },
    );
    conversion.finish();
    agreement.converted = agrees(model);
    const told = conversion.save(() => {
      if (out === undefined) return [];
      savePretrained(model, out);
      return [`Model: ${out}`, IN_PYTHON, ...endKeeping(out, report)];
    });
    const title = `${directory}, ${model.description.modelType} → ${attention.variant}`;
    const all = ['hidden states', 'error', 'cosine', 'worst', 'same arg max', 'sentences'];
    const rows = (['swapped', 'converted'] as const).map((which) => rowOf(which, drift[which], agreement[which]));
    // A model without a head has no arg max, one without a tokenizer reads no sentences.
    const known = (row: Row) => row.filter((_, column) => rows[0][column] !== '');
    return conversion.report(outputs, {
      ...{ title, options: attention.options, report, saved: told },
      ...{ columns: known(all), rows: rows.map(known) },
      models: { drift, sentences: agreement },
    });
  } finally {
    folders?.release();
  }
}

function rowOf(
  which: string,
  { relativeError, meanCosine, worstCosine, logits }: Drift,
  agreement: number | null,
): Row {
  return [
    which,
    formatError(relativeError),
    meanCosine.toFixed(4),
    worstCosine.toFixed(4),
    logits === undefined ? '' : formatPercent(logits.sameArgMax),
    agreement === null ? '' : agreement.toFixed(4),
  ];
}

/** What the model reads; the tokenizer if there is one. Throws ArgumentError for a text that is too short. */
async function texts(
  directory: string,
  values: ConvertValues,
): Promise<{ draw: Draw; tokenizer: TextTokenizer | null; length: number; source: string | Uint8Array }> {
  const { text, ids, batch } = values;
  const { description } = openPretrained(directory).plan;
  const length = values.length ?? Math.min(LENGTH, description.length);
  if (length > description.length) {
    throw new ArgumentError(`--length: expected at most ${description.length}, the model's positions, got ${length}`);
  }
  // Refuses a text and token numbers together, none of both, and a folder without a tokenizer.
  await tokensOf({ pretrained: directory, text, ids }, length, description.vocabulary);
  if (text === undefined) {
    const all = await tokensOf({ pretrained: directory, text, ids }, LARGEST, description.vocabulary);
    const tokens = all.first(LARGEST);
    return {
      draw: passagesOfTokens(tokens, { length, batch }),
      tokenizer: null,
      length,
      source: littleEndianBytes(Int32Array.from(tokens)),
    };
  }
  const tokenizer = await loadTokenizer(directory);
  const { text: read } = readTextBeginning(text, LARGEST);
  return { draw: passagesOf(read, tokenizer, { length, batch }), tokenizer, length, source: read };
}
