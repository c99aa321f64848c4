/** The section "The paper" of a variant's page: the citation, and each equation that the source cites, typeset. */
import { type Html, html } from '../../src/compare/report/html.ts';
import type { Citation } from '../../src/variants/variant.ts';
import type { Equation, PaperNotes } from '../papers/paper.ts';
import { displayed, type Links, prose } from './typeset.ts';

/** A place in the source that cites a label. */
export interface Place {
  href: string;
  name: string;
}

/** What there is on a page to lead to, and what leads to the paper's section. */
export class PageLinks implements Links {
  readonly #equations: ReadonlyMap<string, Equation>;
  readonly #definitions: ReadonlyMap<string, string>;
  readonly #citedAt = new Map<string, Place[]>();

  constructor({ equations }: Pick<PaperNotes, 'equations'>, definitions: ReadonlyMap<string, string>) {
    this.#equations = new Map(equations.map((equation) => [equation.label, equation]));
    this.#definitions = definitions;
  }

  cited = (label: string): string | null => (this.#equations.has(label) ? `#${anchorOf(label)}` : null);
  defined = (name: string): string | null => this.#definitions.get(name) ?? null;

  find(label: string): Equation | undefined {
    return this.#equations.get(label);
  }

  /** Notes that `place` cites a label, so that the reader finds back. */
  cite(label: string, place: Place): void {
    const places = this.#citedAt.get(label) ?? [];
    if (!places.some(({ href }) => href === place.href)) places.push(place);
    this.#citedAt.set(label, places);
  }

  citedAt(label: string): readonly Place[] {
    return this.#citedAt.get(label) ?? [];
  }
}

/** `eq. 7` → `eq-7`, `§3.1` → `section-3-1`, `Appendix B.3` → `appendix-b-3`, `“SortCut”` → `section-sortcut`. */
export function anchorOf(label: string): string {
  return label
    .replace(/^[§“]/, 'section ')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

/** After the source has been written: only then is it known where each label is cited. */
export function paperSection(paper: Citation, notes: PaperNotes, links: PageLinks): Html {
  return html`<p class="citation">${paper.authors} (${paper.year}). <cite>${paper.title}</cite>.
<a href="https://arxiv.org/abs/${paper.arxiv}">arXiv:${paper.arxiv}</a></p>${
    notes.equations.length === 0
      ? null
      : html`
<ol class="equations">
${notes.equations.map((equation) => equationItem(equation, links))}</ol>`
  }`;
}

function equationItem({ label, tex, says }: Equation, links: PageLinks): Html {
  const places = links.citedAt(label);
  const back = places.map(({ href, name }, index) => html`${index === 0 ? '' : ', '}<a href="${href}">${name}</a>`);
  return html`<li id="${anchorOf(label)}" class="equation-item" tabindex="-1">
<h3>${label}</h3>
${displayed(tex)}
<p>${prose(says, links)}</p>
${places.length === 0 ? null : html`<p class="note">In the source: ${back}</p>\n`}</li>
`;
}
