/** Shows of all variants those that fit: by a word and by choices, which the address of the page keeps. */
import type { Findable } from '../pages/finder.ts';
import { element, setText } from './elements.ts';

/** What is chosen; '' and false for anything. */
export interface Wish {
  find: string;
  family: string;
  result: string;
  cost: string;
  causal: boolean;
  decodes: boolean;
}

/** Every word of a search has to be found. */
export function fits(variant: Findable, wish: Wish): boolean {
  const words = wish.find.toLowerCase().split(/\s+/);
  return (
    words.every((word) => variant.words.includes(word)) &&
    (wish.family === '' || variant.family === wish.family) &&
    (wish.result === '' || variant.result === wish.result) &&
    (wish.cost === '' || variant.cost === wish.cost) &&
    (!wish.causal || variant.causal) &&
    (!wish.decodes || variant.decodes)
  );
}

/** `?family=sparse&causal=on`: as the form itself would send it, without what is not chosen. */
export function queryOf(wish: Wish): string {
  const said = Object.entries(wish).filter(([, value]) => value !== '' && value !== false);
  const query = new URLSearchParams(said.map(([name, value]) => [name, value === true ? 'on' : String(value)]));
  return said.length === 0 ? '' : `?${query}`;
}

export function wishOf(query: string): Wish {
  const said = new URLSearchParams(query);
  const text = (name: string): string => said.get(name) ?? '';
  return {
    find: text('find'),
    family: text('family'),
    result: text('result'),
    cost: text('cost'),
    causal: said.has('causal'),
    decodes: said.has('decodes'),
  };
}

/**
 * Parts of a page that have nothing left to show are hidden too. `arrange` is called after each change. `countOf` writes how
 * many fit, where a page shows fewer of them for reasons of its own; the returned function writes it again.
 */
export function mountFinder(
  arrange: () => void = hideEmptyGroups,
  countOf: (fitting: ReadonlySet<string>, all: number) => string = countText,
): () => void {
  const form = element('finder', HTMLFormElement);
  const all = JSON.parse(element('variants', HTMLScriptElement).textContent ?? '[]') as Findable[];
  const entries = [...document.querySelectorAll<HTMLElement>('[data-variant]')];
  const field = (name: string) => form.elements.namedItem(name) as HTMLInputElement;
  const wishNow = (): Wish => ({
    find: field('find').value.trim(),
    family: field('family').value,
    result: field('result').value,
    cost: field('cost').value,
    causal: field('causal').checked,
    decodes: field('decodes').checked,
  });
  let fitting: ReadonlySet<string> = new Set(all.map(({ name }) => name));
  const showCount = (): void => {
    setText(form.elements.namedItem('count') as HTMLOutputElement, countOf(fitting, all.length));
  };
  const show = (wish: Wish): void => {
    fitting = new Set(all.filter((variant) => fits(variant, wish)).map(({ name }) => name));
    for (const entry of entries) entry.hidden = !fitting.has(entry.dataset.variant ?? '');
    showCount();
    arrange();
  };
  const change = (): void => {
    const wish = wishNow();
    show(wish);
    // A page from a disk may not be allowed to write its address.
    try {
      history.replaceState(null, '', `${location.pathname}${queryOf(wish)}${location.hash}`);
    } catch {}
  };
  form.addEventListener('input', change);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(change));
  const asked = wishOf(location.search);
  for (const name of ['find', 'family', 'result', 'cost'] as const) {
    field(name).value = asked[name];
    // A choice that the page does not have is none.
    if (field(name).value !== asked[name]) field(name).value = '';
  }
  field('causal').checked = asked.causal;
  field('decodes').checked = asked.decodes;
  if (location.search !== '') show(wishNow());
  return showCount;
}

function countText({ size }: ReadonlySet<string>, all: number): string {
  return `${size} of ${all} variants`;
}

/** Nor is there a way to them. */
export function hideEmptyGroups(): void {
  for (const group of document.querySelectorAll<HTMLElement>('[data-group]')) {
    group.hidden = group.querySelector('[data-variant]:not([hidden], .left-out)') === null;
  }
  for (const jump of document.querySelectorAll<HTMLElement>('[data-jump]')) {
    jump.hidden = document.getElementById(jump.dataset.jump ?? '')?.closest('[data-group][hidden]') !== null;
  }
}
