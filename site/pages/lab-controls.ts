/** The controls of a lab, for every variant at once: what a script needs is there before any script runs. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { DISTRIBUTIONS } from '../../src/compare/synthetic.ts';
import type { OptionSchema } from '../../src/variants/options.ts';
import { type AnyVariant, allVariants, findVariant } from '../../src/variants/registry.ts';
import { type Causality, whyCausalOrNot } from '../client/lab/option-controls.ts';
import { optionFacts } from '../engine/options.ts';
import type { OptionFacts } from '../engine/protocol.ts';
import { variantsByFamily } from './families.ts';
import { numberField } from './number-field.ts';

/** Of the input that labs begin with: the shipped activations. */
export const FIRST_LENGTH = 512;
export const FIRST_LAYERS = ['layer1', 'layer4'];

/** What the model that reads texts begins with. */
export const FIRST_TEXT =
  'A hacker is a person who enjoys learning how programs work and what else they can be made to do. A good hack is a ' +
  'clever answer to a hard problem; a bad hack is a quick answer that somebody else has to live with. The old hands ' +
  'say that the best programs are written twice: once to find out how, and once more to do it well. Nobody ever has ' +
  'the time for the second.';

export const FIRST_VARIANT = 'longformer';

/** As many digits as a link may have. */
const LARGEST_SEED = 999_999_999;
const MOST_HEADS = 12;
/** Of the slider of a number that is not whole. */
const SMALL_STEP = 0.001;

export function controlsOf(fixed: string | undefined): Html {
  const variants = fixed === undefined ? allVariants() : [findVariant(fixed)].filter((each) => each !== undefined);
  const first = findVariant(fixed ?? FIRST_VARIANT) as AnyVariant;
  const why = whyCausalOrNot(first.name, causalityOf(first));
  return html`<form class="lab-controls" aria-label="Settings" data-controls data-fixed="${String(fixed !== undefined)}">
${fixed === undefined ? variantChoice() : html`<input type="hidden" name="variant" value="${fixed}">`}
${variants.map((variant) => optionsOf(variant, fixed === undefined && variant.name !== FIRST_VARIANT))}
<div class="lab-field">
<label class="lab-check"><input type="checkbox" name="causal"${why === '' ? null : html` disabled`}${causalityOf(first) === 'always' ? html` checked` : null}> causal <span class="note">no token sees a later one</span></label>
<p class="note" data-causal-note>${why}</p>
</div>
${inputChoice()}
<div class="lab-pair">
<div class="lab-field"><label for="lab-head">Head shown</label>
<select id="lab-head" name="head"><option value="">mean of 6</option></select></div>
<div class="lab-field"><label for="lab-seed">Seed</label>
${numberField({ id: 'lab-seed', called: 'seed', name: 'seed', kind: 'integer', value: 0, minimum: 0, maximum: LARGEST_SEED })}</div>
</div>
<button type="button" class="action" data-reset>Reset</button>
</form>`;
}

function variantChoice(): Html {
  const option = ({ name }: AnyVariant): Html =>
    html`<option${name === FIRST_VARIANT ? html` selected` : null}>${name}</option>`;
  const groups = variantsByFamily().map(
    ({ title, variants }) => html`<optgroup label="${title}">${variants.map(option)}</optgroup>`,
  );
  return html`<div class="lab-field"><label for="lab-variant">Variant</label>
<select id="lab-variant" name="variant" autocomplete="off">${groups}</select></div>`;
}

/** `data-causal`: when the variant is: where it is asked for (`asked`), `never`, or `always`. */
function optionsOf(variant: AnyVariant, isHidden: boolean): Html {
  const facts = optionFacts(variant, FIRST_LENGTH);
  const schemas = Object.entries<OptionSchema>(variant.options);
  return html`<fieldset class="lab-options" data-options="${variant.name}" data-causal="${causalityOf(variant)}"${isHidden ? html` hidden` : null}>
<legend>Options of ${variant.name}</legend>
${schemas.map(([name, schema]) => optionOf(variant, name, schema, facts))}
${schemas.length === 0 ? html`<p class="note">This variant has no options.</p>` : null}
${ownNote(variant)}
</fieldset>`;
}

function ownNote({ exactness }: AnyVariant): Html | null {
  if (exactness !== 'own') return null;
  return html`<p class="note">This variant does not approximate softmax attention. The error says how different it is, not how wrong.</p>`;
}

function optionOf(variant: AnyVariant, name: string, schema: OptionSchema, facts: OptionFacts): Html {
  const id = `lab-${variant.name}-${name}`;
  const start = facts.start[name];
  const isBudget = variant.budget?.option === name;
  const label = html`${schema.symbol === undefined ? null : html`${symbolOf(schema.symbol)} `}${name}`;
  const about = html`<p class="note" id="${id}-about">${schema.description}</p>`;
  const open = html`<div class="lab-field" data-option="${name}" data-kind="${schema.kind}"${isBudget ? html` data-budget` : null}>`;
  const described = html`aria-describedby="${id}-about"`;
  if (schema.kind === 'boolean') {
    const checked = start === true ? html` checked` : null;
    return html`${open}<label class="lab-check"><input type="checkbox" id="${id}" ${described}${checked}> ${label}</label>${about}</div>`;
  }
  if (schema.kind === 'choice') {
    const choices = schema.choices.map(
      (choice) => html`<option${choice === start ? html` selected` : null}>${choice}</option>`,
    );
    return html`${open}<label for="${id}">${label}</label><select id="${id}" ${described}>${choices}</select>${about}</div>`;
  }
  if (schema.kind === 'integers') {
    const example = schema.per === 'head' ? 'one for each head: 1, 2, …' : 'none; or 0, 100, …';
    return html`${open}<label for="${id}">${label}</label>
<input type="text" id="${id}" ${described} placeholder="${example}" value="${(start as number[]).join(',')}" autocomplete="off">${about}</div>`;
  }
  const isInteger = schema.kind === 'integer';
  const { minimum } = schema;
  const { maximum, slider } = isInteger ? facts.limits[name] : { maximum: schema.maximum, slider: schema.maximum };
  const step = isInteger ? (schema.multipleOf ?? 1) : SMALL_STEP;
  const field = {
    id,
    called: name,
    kind: schema.kind,
    value: start,
    minimum,
    maximum,
    step: isInteger ? step : 10 * step,
  };
  return html`${open}<label for="${id}">${label}</label>
<div class="lab-slider"><input type="range" aria-label="${name}, slider" min="${minimum}" max="${slider}" step="${step}" value="${String(start)}">
${numberField({ ...field, describedBy: `${id}-about` })}</div>${about}</div>`;
}

/** `n_rounds` with its index below. */
function symbolOf(symbol: string): Html {
  const [letter, index] = symbol.split('_');
  return html`<var>${letter}${index === undefined ? null : html`<sub>${index}</sub>`}</var>`;
}

function inputChoice(): Html {
  const kinds = Object.entries(DISTRIBUTIONS);
  return html`<fieldset class="lab-input">
<legend>Input</legend>
<div class="lab-field"><label for="lab-input">Queries, keys and values</label>
<select id="lab-input" name="input" autocomplete="off">
<option value="minilm">MiniLM reading a book</option>
<option value="text">your own text</option>
<option value="drawn">random numbers</option>
<option value="file">your own file</option>
</select></div>
<div data-input="text" hidden>
<div class="lab-field"><label for="lab-text">Your text</label>
<textarea id="lab-text" name="text" rows="6" maxlength="1024" spellcheck="false" data-start="${FIRST_TEXT}">${FIRST_TEXT}</textarea>
<p class="note">A small language model, trained on the Jargon File, reads up to 1,024 bytes. Each byte sees the bytes before it.</p></div>
</div>
<div data-input="drawn" hidden>
<div class="lab-field"><label for="lab-distribution">Distribution</label>
<select id="lab-distribution" name="distribution">${kinds.map(([name]) => html`<option>${name}</option>`)}</select>
${kinds.map(([name, about], n) => html`<p class="note" data-distribution="${name}"${n === 0 ? null : html` hidden`}>${about}</p>`)}</div>
<div class="lab-field"><label for="lab-length"><var>L</var> length</label>
<div class="lab-slider"><input type="range" id="lab-length" name="length" min="0" max="18" step="1" value="7"><output for="lab-length" data-length>512</output></div></div>
<div class="lab-pair">
<div class="lab-field"><label for="lab-heads">Heads</label>${numberField({ id: 'lab-heads', called: 'heads', name: 'heads', kind: 'integer', value: 1, minimum: 1, maximum: MOST_HEADS })}</div>
<div class="lab-field"><label for="lab-width"><var>d</var> head width</label>
<select id="lab-width" name="headDim">${[16, 32, 64, 128].map((d) => html`<option${d === 64 ? html` selected` : null}>${d}</option>`)}</select></div>
</div>
</div>
<div data-input="file" hidden>
<div class="lab-field lab-drop" data-drop><label for="lab-file">One .npz, .safetensors or .npy file, or three .npy files</label>
<input type="file" id="lab-file" multiple accept=".npy,.npz,.safetensors">
<p class="note">You can also drop them here. They stay on your machine. This page sends nothing.</p></div>
</div>
<div class="lab-field" data-layer><label for="lab-layer">Layer</label>
<select id="lab-layer" name="layer">${FIRST_LAYERS.map((layer, n) => html`<option${n === 0 ? html` value=""` : null}>${layer}</option>`)}</select></div>
</fieldset>`;
}

function causalityOf({ supports: { causal, bidirectional } }: AnyVariant): Causality {
  if (!causal) return 'never';
  return bidirectional === false ? 'always' : 'asked';
}
