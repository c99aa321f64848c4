/** The options of a variant as a table: the paper's symbols, what may be set, and what they are if nothing is. */
import { type Html, html } from '../../../src/compare/report/html.ts';
import { formatWhole } from '../../../src/terminal/format.ts';
import { causalOption, type IntegerOption, type OptionSchema } from '../../../src/variants/options.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { PaperNotes } from '../../papers/paper.ts';
import type { Links } from '../../source/typeset.ts';
import { inlined, prose } from '../../source/typeset.ts';

/** Lengths whose defaults are shown: that of the shipped input, and one that the papers speak of. */
const LENGTHS = [512, 4096] as const;

export function optionsSection(variant: AnyVariant, notes: PaperNotes, links: Links): Html {
  const schemas: Record<string, OptionSchema> = {
    ...variant.options,
    ...(variant.supports.causal && { causal: causalOption }),
  };
  const others = notes.symbols.filter(({ option }) => option === null);
  return html`${table(variant, schemas, notes, links)}
<dl class="symbols" aria-label="Other symbols">${others.map(
    ({ tex, means }) =>
      html`<div class="symbol-entry"><dt>${inlined(tex)}</dt><dd>${prose(sentence(means), links)}</dd></div>\n`,
  )}</dl>`;
}

function table(variant: AnyVariant, schemas: Record<string, OptionSchema>, notes: PaperNotes, links: Links): Html {
  const defaults = LENGTHS.map((length) => variant.defaults(length) as unknown as Record<string, unknown>);
  const rows = Object.entries(schemas).map(([name, schema]) => {
    const symbol = notes.symbols.find(({ option }) => option === name);
    const means = sentence(symbol?.means ?? schema.description);
    return html`<tr><th scope="row"><code>${name}</code></th><td class="symbol">${symbol === undefined ? null : inlined(symbol.tex)}</td>
<td class="may">${allowed(schema)}</td>${defaults.map((each) => html`<td>${shown(each[name])}</td>`)}<td class="means">${prose(means, links)}</td></tr>
`;
  });
  if (rows.length === 0) return html`<p>This variant has no options.</p>`;
  const heads = [
    'Option',
    'Paper',
    'May be',
    ...LENGTHS.map((length) => `At ${formatWhole(length)} tokens`),
    'Meaning',
  ];
  return tableOfOptions(heads, rows);
}

export function tableOfOptions(heads: readonly string[], rows: readonly Html[]): Html {
  return html`<div class="scroll options" tabindex="0" role="region" aria-label="Options and their values">
<table>
<thead><tr>${heads.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>
${rows}</tbody>
</table>
</div>`;
}

export function allowed(schema: OptionSchema): Html {
  if (schema.kind === 'boolean') return html`<code>true</code> or <code>false</code>`;
  if (schema.kind === 'number') return html`${schema.minimum} to ${schema.maximum}`;
  if (schema.kind === 'choice') {
    return html`${schema.choices.map((choice, index) => html`${index === 0 ? '' : ', '}<code class="choice">${choice}</code>`)}`;
  }
  if (schema.kind === 'integers') {
    return schema.per === 'position'
      ? html`positions, ${schema.minimum} to ${inlined('L - 1')}`
      : html`integers, one a head, ${range(schema)}`;
  }
  const step = schema.multipleOf ?? 1;
  return html`integer, ${range(schema)}${step === 1 ? '' : `, a multiple of ${step}`}`;
}

type Limits = Pick<IntegerOption, 'minimum' | 'maximum' | 'limit'>;

function range({ minimum, maximum, limit: most }: Limits): Html {
  if (maximum !== undefined) return html`${minimum} to ${limit(maximum)}`;
  return most === undefined ? html`${minimum} or more` : html`${minimum} to ${most}`;
}

/** A limit is a function of the length; those that are linear, which is all of them so far, can be written down. */
function limit(maximum: (sequenceLength: number) => number): Html {
  const [a, b, c] = [1000, 2000, 5000];
  const factor = (maximum(b) - maximum(a)) / (b - a);
  const offset = maximum(a) - factor * a;
  if (maximum(c) !== factor * c + offset) return html`${maximum(LENGTHS[0])} (of ${LENGTHS[0]} tokens)`;
  if (factor === 0) return html`${offset}`;
  const rest = offset === 0 ? '' : offset < 0 ? `- ${-offset}` : `+ ${offset}`;
  return inlined(`${factor === 1 ? '' : factor}L ${rest}`);
}

export function shown(value: unknown): Html {
  if (Array.isArray(value)) return value.length === 0 ? html`none` : html`${value.join(', ')}`;
  return typeof value === 'number' ? html`${value}` : html`<code>${String(value)}</code>`;
}

/** With a capital and a stop: schemas and notes have fragments. */
export function sentence(text: string): string {
  const capital = /^[a-z]/.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
