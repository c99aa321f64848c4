/** Sentences of docs/pretrained.md with numbers of conversions in them. */
import { meanOf } from '../../src/compare/metrics.ts';
import { formatError, formatWhole } from '../../src/terminal/format.ts';
import type { ConvertedInPython } from '../converted-in-python.ts';
import { type Conversions, commandOf, type EncoderConverted, SETS } from './sets.ts';

const WINDOW = { to: 'longformer', option: 'attentionWindow=16' };
const MANY = '240';
const { rate: SLOW, steps: FEW } = SETS.minilm.settings;
const FAST = '1e-3';

/** What the rates and the number of steps do, counted over the rows. */
export function encoderSentences({ rows }: Conversions<EncoderConverted>): string {
  const pairs = rows.flatMap((fast) => {
    const other = rows.find(({ command }) => command === fast.command.replace(`--rate ${FAST}`, `--rate ${SLOW}`));
    return fast.command.includes(`--rate ${FAST}`) && other !== undefined ? [{ fast, slow: other }] : [];
  });
  const count = (better: (fast: EncoderConverted['models'], slow: EncoderConverted['models']) => boolean) =>
    formatWhole(pairs.filter((pair) => better(pair.fast.numbers.models, pair.slow.numbers.models)).length);
  const nearer = count((fast, own) => own.drift.converted.relativeError < fast.drift.converted.relativeError);
  const alike = count((fast, own) => own.sentences.converted > fast.sentences.converted);
  const matched = formatWhole(
    pairs.filter(({ fast, slow: own }) => meanOf(fast.numbers.drift.matched) < meanOf(own.numbers.drift.matched))
      .length,
  );
  const [few, many] = [WINDOW, { ...WINDOW, steps: MANY }].map((row) => {
    const command = commandOf(SETS.minilm, row);
    const found = rows.find((each) => each.command === command);
    if (found === undefined) throw new Error(`convert-minilm.json: has no row of ${command}`);
    return found.numbers.models;
  });
  const states = [few, many].map(({ drift }) => formatError(drift.converted.relativeError));
  const ranks = [few.sentences.swapped, few.sentences.converted, many.sentences.converted].map((each) =>
    each.toFixed(3),
  );
  return `Of ${formatWhole(pairs.length)} pairs of rows that differ in the rate alone, ${SLOW} brings the hidden states nearer than ${FAST} in
${nearer}, and the similarities in ${alike}; ${FAST} matches the attentions better in ${matched}, after the first half.
Four times as many steps bring the hidden states of the window from ${states.join(' to ')}.
Spearman's correlation of the window is ${ranks[0]} as swapped, ${ranks[1]} after ${FEW} steps and ${ranks[2]} after ${MANY}.`;
}

/** How a converted folder is loaded in Python, and how near its embeddings are to ours there. */
export function pythonSection(
  { converted, own, versions, sentences, command, environment }: ConvertedInPython,
  script: string,
): string {
  const code = /what follows\.\n(.*)# As far as here\./s.exec(script)?.[1].trim();
  if (code === undefined) throw new Error('fixtures/scripts/embed_converted.py: has no lines for docs/pretrained.md');
  const [ours, theirs] = [converted.ours, converted.theirs].map((each) => each.toFixed(4));
  return `\`\`\`python
import json, torch
from safetensors.torch import load_file
from transformers import LongformerConfig, LongformerModel

${code}
\`\`\`

On MiniLM with windows of 8 tokens, the embeddings of the ${sentences} sentences are ours within ${formatError(converted.largest)}, and Spearman's
correlation with the original is ${ours} by ours and ${theirs} by theirs. \`AutoModel.from_pretrained(folder)\`, which attends as the
original did, gives what \`{ attention: [null] }\` gives here, within ${formatError(own.largest)}. Measured on ${environment.date.slice(0, 10)} by
\`npm run converted-in-python\` with torch ${versions.torch} and transformers ${versions.transformers}, on the folder of this command:

\`\`\`sh
${command}
\`\`\``;
}
