/** What was read, twice: each piece of a word, or each character, shaded by the weight that one query gives it. */
import { place } from '../elements.ts';

const NAMES = ['variant', 'full'] as const;

export class Texts {
  readonly #frame: HTMLElement;
  readonly #boxes: Record<'variant' | 'full', HTMLElement>;
  #tokens: readonly string[] | null = null;
  #spans: Record<'variant' | 'full', (HTMLElement | null)[]> = { variant: [], full: [] };

  /** `onPoint` gets the number of a token that was chosen as the query. */
  constructor(lab: HTMLElement, onPoint: (row: number) => void) {
    this.#frame = place(lab, '[data-texts]', HTMLElement);
    const box = (name: string): HTMLElement => place(lab, `[data-text="${name}"]`, HTMLElement);
    this.#boxes = { variant: box('variant'), full: box('full') };
    for (const name of NAMES) {
      this.#boxes[name].addEventListener('click', ({ target }) => {
        const index = target instanceof HTMLElement ? this.#spans[name].indexOf(target) : -1;
        if (index >= 0) onPoint(index);
      });
    }
  }

  /** Keeps the place for an input that is read before the text is there, so that nothing moves when it comes. */
  setVisible(isRead: boolean): void {
    this.#frame.hidden = !isRead;
  }

  /** Null for an input that nobody reads. */
  setTokens(tokens: readonly string[] | null): void {
    if (JSON.stringify(tokens) === JSON.stringify(this.#tokens)) return;
    this.#tokens = tokens;
    for (const name of NAMES) {
      const spans = (tokens ?? []).map(spanOf);
      this.#spans[name] = spans;
      this.#boxes[name].replaceChildren(
        ...spans.flatMap((span, n) => (span === null ? [] : [blankBefore(tokens?.[n]), span])),
      );
    }
  }

  /** Both on one scale: the largest weight of either is the strongest shade. */
  show(query: number, weights: Readonly<Record<'variant' | 'full', Float32Array>>): void {
    if (this.#tokens === null) return;
    const strongest = Math.max(...NAMES.flatMap((name) => [...weights[name].map(Math.abs)]), Number.MIN_VALUE);
    for (const name of NAMES) {
      const summed = perSpan(weights[name], this.#spans[name]);
      this.#spans[name].forEach((span, n) => {
        if (span === null) return;
        // The root lets the many small weights of full attention be seen beside the few large ones.
        span.style.setProperty('--weight', Math.sqrt(Math.min(1, Math.abs(summed[n]) / strongest)).toFixed(3));
        span.classList.toggle('query', n === query);
      });
      this.#bringIntoView(this.#boxes[name], this.#spans[name][query]);
    }
  }

  /** Only within the box, and not while somebody points at what is in it. */
  #bringIntoView(box: HTMLElement, span: HTMLElement | null | undefined): void {
    if (!span || Object.values(this.#boxes).some((each) => each.matches(':hover'))) return;
    const top = span.offsetTop - box.offsetTop;
    if (top >= box.scrollTop && top + span.offsetHeight <= box.scrollTop + box.clientHeight) return;
    box.scrollTop = top - box.clientHeight / 2;
  }
}

/** A character of several bytes has the weights of all of them. */
function perSpan(weights: Float32Array, spans: readonly (HTMLElement | null)[]): number[] {
  const sums = Array.from(weights);
  let at = 0;
  spans.forEach((span, n) => {
    if (span !== null) at = n;
    else sums[at] += weights[n];
  });
  return sums;
}

/** A blank before a word is not shaded: it may be where a line breaks. */
function blankBefore(token = ''): string {
  return isWord(token) ? ' ' : '';
}

const isWord = (token: string): boolean => token.length > 1 && token.startsWith(' ');

function spanOf(token: string): HTMLElement | null {
  if (token === '') return null;
  const span = document.createElement('span');
  span.textContent = isWord(token) ? token.slice(1) : token;
  return span;
}
