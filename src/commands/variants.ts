/** `variants`: lists all variants, or the options of one. */
import { formatGate } from '../compare/gates.ts';
import { chosenVariants } from '../compare/plan.ts';
import { ArgumentError, EfficientTransformersError } from '../core/errors.ts';
import { paint, supportsColour } from '../terminal/colour.ts';
import { counted } from '../terminal/format.ts';
import { formatCommand } from '../terminal/help.ts';
import { flag, integer } from '../terminal/options.ts';
import { formatTable, type TableColumn, type TableOptions } from '../terminal/table.ts';
import { formatPairs, wrapLines } from '../terminal/width.ts';
import { checkOptions } from '../variants/attend.ts';
import { checkOption, largestOf, type OptionSchema } from '../variants/options.ts';
import { type AnyVariant, allVariants } from '../variants/registry.ts';
import type { Exactness } from '../variants/variant.ts';
import { defineCommand, PROGRAM, widthOf } from './command.ts';
import { listSurvey } from './survey-list.ts';

/** What the result of a variant is, next to that of full attention. */
const RESULTS: Readonly<Record<Exactness, string>> = {
  exact: 'full attention itself',
  'exact-on-its-pattern': 'softmax attention over some of the tokens',
  approximate: 'an approximation of full attention',
  own: 'a function of its own, which does not approximate full attention',
};

/** The length of the input that ships with `compare`. */
const SHIPPED_LENGTH = 512;

function describe() {
  return {
    usage: `${PROGRAM} variants`,
    positionals: ['NAME'],
    options: {
      length: integer('N', 'Show ranges and defaults for this length in tokens', {
        minimum: 1,
        default: SHIPPED_LENGTH,
      }),
      survey: flag('List the rows of the survey’s table, stated and measured cost'),
    },
    examples: [
      { command: `${PROGRAM} variants`, explanation: 'List all variants, their papers and what they support' },
      {
        command: `${PROGRAM} variants full`,
        explanation: 'Show the options of one variant: meaning, range and default',
      },
      {
        command: `${PROGRAM} variants --survey`,
        explanation: 'List the models of the survey by Tay et al., and which are here',
      },
    ],
  };
}

export const variantsCommand = defineCommand('variants', describe, async ({ values, positionals }, { stdout }) => {
  const table: TableOptions = { colour: supportsColour(stdout), width: widthOf(stdout) };
  if (values.survey && positionals.length > 0) {
    throw new ArgumentError(`--survey: expected no variant beside it, got ${positionals[0]}`);
  }
  const list = values.survey ? listSurvey : listVariants;
  const text =
    positionals.length === 0 ? list(table) : describeVariant(chosenVariants(positionals)[0], values.length, table);
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
  const words = [
    'L is the length, d the width of a head.',
    ...Object.entries(RESULTS).map(([exactness, meaning]) => `Result ${exactness.replaceAll('-', ' ')}: ${meaning}.`),
  ];
  return [
    formatTable(columns, rows, table),
    wrapLines([...words, `Options of one: ${PROGRAM} variants NAME`].join('\n'), table.width),
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
    ['result', `${exactness.replaceAll('-', ' ')}: ${RESULTS[exactness]}`],
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
    const example = exampleOf(variant, length);
    if (example !== null) parts.push(`Set one with\n${formatCommand(example, width)}`);
  }
  const gates = Object.entries(variant.inputs.gates ?? {});
  if (gates.length > 0) {
    const columns: TableColumn[] = [{ title: 'gate' }, { title: 'symbol' }, { title: 'without it', align: 'left' }];
    const rows = gates.map(([gate, { symbol = '', absent }]) => {
      return [gate, symbol, absent === undefined ? 'an error' : formatGate(absent)];
    });
    const meanings = gates.map(([gate, { description }]) => [gate, description] as const);
    parts.push(
      wrapLines(
        'Gates, which a layer makes of each token. Queries, keys and values in a file come without them:',
        width,
      ),
      formatTable(columns, rows, table),
      formatPairs(meanings, width),
    );
  }
  return parts.join('\n\n');
}

/** A command that sets an option to another value than its default; null if no option has one at this length. */
function exampleOf(variant: AnyVariant, length: number): string | null {
  const { name, budget, supports } = variant;
  const schemas: Readonly<Record<string, OptionSchema>> = variant.options;
  const causal = supports.bidirectional === false;
  // The heads and their width in the shipped input.
  const shape = { batch: 1, heads: 4, queryLength: length, keyLength: length, headDim: 32, dtype: 'float32' as const };
  const defaults = variant.defaults(length) as unknown as Record<string, unknown>;
  const works = (option: string, value: unknown): boolean => {
    try {
      checkOption(option, value, schemas[option], length);
      checkOptions(variant, { causal, [option]: value }, shape);
      return true;
    } catch (error) {
      if (error instanceof EfficientTransformersError) return false;
      throw error;
    }
  };
  const first = budget === null ? [] : [budget.option as string];
  for (const option of new Set([...first, ...Object.keys(schemas)])) {
    const schema = schemas[option];
    const own = option === budget?.option ? [...budget.values(length)] : [];
    const value = [...own, ...othersOf(schema, defaults[option])].find((each) => {
      return plain(each) !== plain(defaults[option]) && works(option, each);
    });
    if (value === undefined) continue;
    const set = `--option ${option}=${plain(value)}`;
    if (schema.layerOnly) return `${PROGRAM} train duplication --attention ${name} ${set}`;
    const at = length === SHIPPED_LENGTH ? '' : ` --length ${length}`;
    return `${PROGRAM} compare --variant ${name}${causal ? ' --causal' : ''}${at} ${set}`;
  }
  return null;
}

/** Other values of an option than its default, the ones to try first. */
function othersOf(schema: OptionSchema, value: unknown): unknown[] {
  if (schema.kind === 'boolean') return [!value];
  if (schema.kind === 'choice') return [...schema.choices];
  if (schema.kind === 'number') return [(schema.minimum + Number(value)) / 2, (schema.maximum + Number(value)) / 2];
  if (schema.kind === 'integers') return schema.per === 'position' ? [[0], [1]] : [];
  const step = schema.multipleOf ?? 1;
  return [Math.floor(Number(value) / 2 / step) * step, Number(value) + step, Number(value) - step];
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
