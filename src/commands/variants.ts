/** `variants`: lists all variants, or the options of one. */

import { chosenVariants } from '../compare/plan.ts';
import { paint, supportsColour } from '../terminal/colour.ts';
import { counted } from '../terminal/format.ts';
import { formatCommand } from '../terminal/help.ts';
import { integer } from '../terminal/options.ts';
import { formatTable, type TableColumn, type TableOptions } from '../terminal/table.ts';
import { formatPairs, wrapLines } from '../terminal/width.ts';
import { largestOf, type OptionSchema } from '../variants/options.ts';
import { type AnyVariant, allVariants } from '../variants/registry.ts';
import { defineCommand, PROGRAM, widthOf } from './command.ts';

function describe() {
  return {
    usage: `${PROGRAM} variants`,
    positionals: ['NAME'],
    options: {
      length: integer('N', 'Show ranges and defaults for this length in tokens', { minimum: 1, default: 512 }),
    },
    examples: [
      { command: `${PROGRAM} variants`, explanation: 'List all variants, their papers and what they support' },
      {
        command: `${PROGRAM} variants full`,
        explanation: 'Show the options of one variant: meaning, range and default',
      },
    ],
  };
}

export const variantsCommand = defineCommand('variants', describe, async ({ values, positionals }, { stdout }) => {
  const table: TableOptions = { colour: supportsColour(stdout), width: widthOf(stdout) };
  const text =
    positionals.length === 0
      ? listVariants(table)
      : describeVariant(chosenVariants(positionals)[0], values.length, table);
  stdout.write(`${text}\n`);
  return 0;
});

function listVariants(table: TableOptions): string {
  const columns: TableColumn[] = [
    { title: 'variant' },
    { title: 'cost', align: 'left' },
    { title: 'budget' },
    { title: 'result' },
    { title: 'causal' },
    { title: 'padding', droppable: true },
    { title: 'cross', droppable: true },
    { title: 'decode', droppable: true },
    { title: 'family', droppable: true },
    { title: 'paper', droppable: true },
  ];
  const rows = allVariants().map(({ name, complexity, budget, exactness, supports, family, paper }) => [
    name,
    complexity,
    budget?.symbol ?? '',
    exactness.replaceAll('-', ' '),
    yesOrNo(supports.causal),
    yesOrNo(supports.padding),
    yesOrNo(supports.crossAttention),
    yesOrNo(supports.incremental),
    family,
    `${paper.authors} ${paper.year}`,
  ]);
  return [
    formatTable(columns, rows, table),
    wrapLines(`L is the length, d the width of a head.\nOptions of one: ${PROGRAM} variants NAME`, table.width),
  ].join('\n\n');
}

function describeVariant(variant: AnyVariant, length: number, table: TableOptions): string {
  const { name, paper, family, exactness, complexity, supports, budget } = variant;
  const can = [
    ['causal', supports.causal],
    ['padding', supports.padding],
    ['cross-attention', supports.crossAttention],
    ['incremental decoding', supports.incremental],
  ].map(([what, does]) => `${what} ${yesOrNo(does === true)}`);
  const facts = [
    ['paper', `${paper.authors} ${paper.year}, ${paper.title}, arXiv:${paper.arxiv}`],
    ['family', family],
    ['result', exactness.replaceAll('-', ' ')],
    ['cost', complexity],
    ['can do', can.join(', ')],
    ['budget', budget === null ? 'none' : `${budget.symbol}, the option ${budget.option}`],
  ] as const;

  const defaults = variant.defaults(length) as unknown as Record<string, unknown>;
  const options = Object.entries(variant.options as Record<string, OptionSchema>);
  const heading = table.colour ? paint('bold', name) : name;
  const { width } = table;
  const parts = [`${heading}\n${formatPairs(facts, width)}`];
  if (options.length === 0) parts.push('It has no options.');
  else {
    const columns: TableColumn[] = [
      { title: 'option' },
      { title: 'symbol' },
      { title: 'range', align: 'left' },
      { title: 'default', align: 'left' },
    ];
    const rows = options.map(([option, schema]) => [
      option,
      schema.symbol ?? '',
      rangeOf(schema, length),
      plain(defaults[option]),
    ]);
    const meanings = options.map(([option, { description }]) => [option, description] as const);
    parts.push(`At ${counted(length, 'token')}:`, formatTable(columns, rows, table), formatPairs(meanings, width));
    const [option] = budget === null ? options[0] : [budget.option as string];
    const causal = supports.bidirectional === false ? ' --causal' : '';
    const example = `${PROGRAM} compare --variant ${name}${causal} --option ${option}=${plain(defaults[option])}`;
    parts.push(`Set one with\n${formatCommand(example, width)}`);
  }
  return parts.join('\n\n');
}

/** What an option may be at this length: `2 to 512, even steps of 2`. */
export function rangeOf(schema: OptionSchema, length: number): string {
  if (schema.kind === 'boolean') return 'true, false';
  if (schema.kind === 'choice') return schema.choices.join(', ');
  if (schema.kind === 'number') return `${schema.minimum} to ${schema.maximum}`;
  if (schema.kind === 'integers' && schema.per === 'position') return `positions, ${schema.minimum} to ${length - 1}`;
  const maximum = schema.kind === 'integer' ? largestOf(schema, length) : schema.maximum?.(length);
  const span = maximum === undefined ? `${schema.minimum} or more` : `${schema.minimum} to ${maximum}`;
  if (schema.kind === 'integers') return `one a head, ${span}`;
  const step = schema.multipleOf ?? 1;
  return step === 1 ? span : `${span}, multiples of ${step}`;
}

function plain(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}

function yesOrNo(does: boolean): string {
  return does ? 'yes' : 'no';
}
