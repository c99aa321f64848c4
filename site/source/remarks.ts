/** What a comment says as HTML, with the paper's equations under the words that cite them. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { citations } from '../papers/citations.ts';
import type { Block, Formula } from './comment.ts';
import type { PageLinks, Place } from './paper.ts';
import { displayed, formula, remark } from './typeset.ts';

/** Writes the comments of one file in their order, since an equation that was just shown is not shown again. */
export class Remarks {
  readonly #links: PageLinks;
  #justShown: ReadonlySet<string> = new Set();

  constructor(links: PageLinks) {
    this.#links = links;
  }

  /** `place` is where a reader of the paper's section finds what cites it; null for a copy. */
  write(blocks: readonly Block[], place: Place | null): Html {
    const shown = new Set(blocks.flatMap((block) => this.#replaced(block)));
    const parts = blocks.map((block) => {
      const labels = citations(wordsOf(block)).flatMap((citation) => citation.labels);
      if (place !== null) for (const label of labels) this.#links.cite(label, place);
      const worth = labels.filter((label) => this.#isWorthShowing(label, block));
      const fresh = [...new Set(worth)].filter((label) => !shown.has(label) && !this.#justShown.has(label));
      for (const label of fresh) shown.add(label);
      return html`${this.#block(block)}${fresh.map((label) => this.#equation(label))}`;
    });
    if (shown.size > 0) this.#justShown = shown;
    return html`${parts}`;
  }

  /** A numbered equation, or whatever stands at the right edge as the label of a step. */
  #isWorthShowing(label: string, block: Block): boolean {
    const isStep = block.kind === 'paragraph' && block.label?.includes(label);
    return (label.startsWith('eq.') || isStep === true) && this.#links.find(label) !== undefined;
  }

  #block(block: Block): Html {
    if (block.kind === 'list') return html`<ul>${block.items.map((item) => html`<li>${this.#text(item)}</li>`)}</ul>\n`;
    if (block.kind === 'paragraph') {
      const label = block.label === null ? null : html` <span class="label">(${this.#text(block.label)})</span>`;
      return html`<p>${this.#text(block.text)}${label}</p>\n`;
    }
    const columns = Math.max(...block.formulas.map(({ cells }) => cells.length));
    if (columns > 2) return this.#table(block.formulas);
    return html`${block.formulas.map((each) => {
      const label = this.#standsFor(each);
      return label === null ? this.#formula(each) : this.#equation(label, each.label);
    })}`;
  }

  #formula({ cells, label }: Formula): Html {
    const parts = cells.map((cell) => html`<span>${this.#maths(cell)}</span> `);
    return html`<div class="formula"><div>${parts}</div>${
      label === null ? null : html`<span class="label">(${this.#text(label)})</span>`
    }</div>\n`;
  }

  #table(formulas: readonly Formula[]): Html {
    const columns = Math.max(...formulas.map(({ cells }) => cells.length));
    const labelled = formulas.some(({ label }) => label !== null);
    const rows = formulas.map(({ cells, label }) => {
      // The last cell reaches to the labels.
      const parts = cells.map((cell, at) => {
        const span = at === cells.length - 1 ? columns - at : 1;
        return html`<td colspan="${span}">${this.#maths(cell)}</td>`;
      });
      const last = label === null ? '' : html`<span class="label">(${this.#text(label)})</span>`;
      return html`<tr>${parts}${labelled ? html`<td>${last}</td>` : null}</tr>\n`;
    });
    return html`<div class="formulas" tabindex="0" role="region" aria-label="Formulas"><table><tbody>${rows}</tbody></table></div>\n`;
  }

  /** What the paper's own equations take the place of. */
  #replaced(block: Block): string[] {
    return block.kind === 'formulas' ? block.formulas.flatMap((each) => this.#standsFor(each) ?? []) : [];
  }

  /** The label of the equation that a line is, if it is one of the paper's and nothing else. */
  #standsFor({ label }: Formula): string | null {
    if (label === null) return null;
    const cited = citations(label);
    const labels = cited.flatMap((citation) => citation.labels).filter((each) => each.startsWith('eq.'));
    const rest = cited.reduceRight((text, { start, end }) => text.slice(0, start) + text.slice(end), label);
    if (labels.length !== 1 || /[^\s,]/.test(rest)) return null;
    return this.#links.find(labels[0]) === undefined ? null : labels[0];
  }

  /** `words` are what a comment calls it; else it is called by its label. */
  #equation(label: string, words: string | null = null): Html {
    const equation = this.#links.find(label);
    if (equation === undefined) throw new Error(`${label}: not in the notes`);
    return html`<div class="equation" data-shows="${label}">${displayed(equation.tex)}<span class="label">${this.#text(words ?? label)}</span></div>\n`;
  }

  #maths(source: string): Html {
    return formula(source, this.#links);
  }

  #text(source: string): Html {
    return remark(source, this.#links);
  }
}

function wordsOf(block: Block): string {
  if (block.kind === 'list') return block.items.join('\n');
  if (block.kind === 'paragraph') return `${block.text} (${block.label ?? ''})`;
  return block.formulas.map(({ cells, label }) => [...cells, label ?? ''].join(' ')).join('\n');
}
