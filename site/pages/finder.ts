/** Finds variants among many: by a word, and by what they are. Works on all elements with `data-variant` of a page. */
import { type Html, html, raw } from '../../src/compare/report/html.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { notesOf } from '../papers/index.ts';
import { familyTitle, variantsByFamily } from './families.ts';

/** What the script knows of a variant. */
export interface Findable {
  name: string;
  /** In small letters: what a search looks in. */
  words: string;
  family: string;
  result: string;
  cost: string;
  causal: boolean;
  decodes: boolean;
}

/** What the output is, in the words of every page. */
export const RESULTS: Record<AnyVariant['exactness'], string> = {
  exact: 'exact',
  'exact-on-its-pattern': 'exact on its pattern',
  approximate: 'approximate',
  own: 'another function',
};

const COSTS = {
  linear: 'linear in the length',
  between: 'between linear and quadratic',
  quadratic: 'quadratic in the length',
};

/** How the stated cost grows with the length L. */
export function costClass(complexity: string): keyof typeof COSTS {
  if (/L²|L\^2/.test(complexity)) return 'quadratic';
  return /√L|log L|L\^/.test(complexity) ? 'between' : 'linear';
}

/** Rank of the stated cost by how it grows with the length L: linear, L·log L, L·√L and other powers below 2, L². */
export function growthRank(complexity: string): number {
  const grows = costClass(complexity);
  if (grows !== 'between') return grows === 'linear' ? 0 : 3;
  return complexity.includes('log') ? 1 : 2;
}

function findable(variant: AnyVariant): Findable {
  const { name, family, exactness, complexity, supports, paper } = variant;
  const { title, idea } = notesOf(name);
  const words = [name, title, familyTitle(family), paper.title, paper.authors, paper.year, idea.replaceAll('$', '')];
  return {
    name,
    words: words.join(' ').toLowerCase(),
    family,
    result: exactness,
    cost: costClass(complexity),
    causal: supports.causal,
    decodes: supports.incremental,
  };
}

/** `about` says what the choice has an effect on; `count`, how many are shown, where a page does not begin with all. */
export function finder(about: string, count?: string): Html {
  const all = allVariants().map(findable);
  const families = variantsByFamily().map(
    ({ family, title, variants }) => html`<option value="${family}">${title} (${variants.length})</option>`,
  );
  const data = JSON.stringify(all).replaceAll('<', '\\u003c');
  return html`<form class="card finder" id="finder" aria-label="Filter variants" aria-describedby="finder-about">
<label class="finder-word">Find <input type="search" name="find" placeholder="a name, an author, a word" autocomplete="off" spellcheck="false"></label>
<label>Family <select name="family" autocomplete="off"><option value="">all</option>${families}</select></label>
<label>Result <select name="result" autocomplete="off"><option value="">any</option>${optionsOf(RESULTS)}</select></label>
<label>Cost <select name="cost" autocomplete="off"><option value="">any</option>${optionsOf(COSTS)}</select></label>
<label class="check"><input type="checkbox" name="causal" autocomplete="off"> can be causal</label>
<label class="check"><input type="checkbox" name="decodes" autocomplete="off"> decodes token by token</label>
<p class="finder-count"><output name="count" role="status">${count ?? `${all.length} of ${all.length} variants`}</output> <button type="reset" class="action">Reset</button></p>
<p class="note" id="finder-about">${about}</p>
<script type="application/json" id="variants">${raw(data)}</script>
</form>`;
}

function optionsOf(titles: Readonly<Record<string, string>>): Html[] {
  return Object.entries(titles).map(([value, title]) => html`<option value="${value}">${title}</option>`);
}
