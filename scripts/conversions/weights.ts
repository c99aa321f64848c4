/** What docs/pretrained.md quotes of single rows of the byte model: what `convert` prints, and what matching weights comes to. */
import { conversionTables } from '../../src/commands/convert-text.ts';
import { formatBytes, formatError, formatPercent, formatWhole } from '../../src/terminal/format.ts';
import { markdown } from '../training-summary.ts';
import { type ConversionRow, type Conversions, commandOf, type ModelConverted, SETS } from './sets.ts';

type Row = ConversionRow<ModelConverted>;
type Options = Readonly<Record<string, string>>;

const EXAMPLE = { to: 'gla' };
const HEDGEHOG = 'featureMap=hedgehog';
/** Each is a row of the set, and so is the same with `match: 'weights'`. */
const MATCHED: readonly { title: string; row: Options & { to: string } }[] = [
  { title: 'Hedgehog', row: { to: 'linear-transformer', option: HEDGEHOG } },
  { title: 'Hedgehog, `--train added`', row: { to: 'linear-transformer', option: HEDGEHOG, train: 'added' } },
  { title: 'fixed, elu + 1', row: { to: 'linear-transformer' } },
];

/** A command and what it prints: that of GLA. */
export function exampleOutput(conversions: Conversions<ModelConverted>): string {
  const row = rowOf(conversions, EXAMPLE);
  const { models, drift, steps, stopped, learned } = row.numbers;
  const examples = SETS.bytes.settings.examples;
  const tables = conversionTables(
    {
      title: 'byte-lm, full → gla',
      report: { drift, steps, stopped, learned },
      columns: [`on ${examples} held-out examples`, 'bits a byte', 'accuracy'],
      rows: models.map(({ model, loss, accuracy }) => [model, formatError(loss), formatPercent(accuracy)]),
    },
    steps,
    { colour: false, width: 100 },
  );
  return `\`\`\`sh\n${row.command}\n\`\`\`\n\n\`\`\`\n${tables}\n\`\`\``;
}

/** For each map of features: by what the attentions give, and by their weights. */
export function weightsTable(conversions: Conversions<ModelConverted>): string {
  const lines = MATCHED.flatMap(({ title, row }) =>
    (['outputs', 'weights'] as const).map((match) => {
      const { numbers, seconds, peakBytes } = rowOf(conversions, match === 'weights' ? weighed(row) : row);
      return [
        title,
        match,
        ...numbers.drift.matched.map(formatError),
        bitsOf(numbers).toFixed(2),
        peakBytes === undefined ? '' : formatBytes(peakBytes),
        formatWhole(Math.round(seconds)),
      ];
    }),
  );
  const layers = rowOf(conversions, EXAMPLE).numbers.drift.matched.map((_, layer) => `distance, layer ${layer}`);
  return markdown(
    ['map of features', '`--match`', ...layers, 'bits a byte', 'tensors at once', 'seconds of the processor'],
    lines,
  );
}

/** By how many bits a byte the weights gain over the outputs, by the title of a map. */
export function gainsByWeights(conversions: Conversions<ModelConverted>): Map<string, number> {
  const bits = (row: Options & { to: string }) => bitsOf(rowOf(conversions, row).numbers);
  return new Map(MATCHED.map(({ title, row }) => [title, bits(row) - bits(weighed(row))]));
}

const weighed = <Each extends Options>(row: Each) => ({ ...row, match: 'weights' });

function bitsOf({ models }: ModelConverted): number {
  return models.find(({ model }) => model === 'converted')?.loss ?? Number.NaN;
}

/** The row of these options, whatever their order. Throws Error if there is none. */
function rowOf({ rows }: Conversions<ModelConverted>, options: Options & { to: string }): Row {
  const key = (each: Options) => JSON.stringify(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
  const own = SETS.bytes.rows.find((each) => key(each) === key(options));
  const row = own && rows.find(({ command }) => command === commandOf(SETS.bytes, own));
  if (row === undefined) throw new Error(`convert-bytes.json: has no row of ${JSON.stringify(options)}`);
  return row;
}
