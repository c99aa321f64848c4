/** HTML from template strings. Every inserted value is escaped unless it is HTML already. */

import { visible } from '../../core/visible.ts';

/** Text that is known to be HTML: made by `html` or `raw`. */
export class Html {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

type Value = string | number | Html | null | readonly Value[];

/** `html\`<p>${text}</p>\``: strings and numbers are escaped, lists joined, null left out. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(strings.reduce((sofar, part, index) => sofar + render(values[index - 1]) + part));
}

/** Trusts `source` to be HTML. */
export function raw(source: string): Html {
  return new Html(source);
}

/** For text and for attributes in quotes. Control characters, which a document must not hold, are shown as escapes. */
export function escapeHtml(text: string): string {
  return visible(text, '\n\t').replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function render(value: Value): string {
  if (value === null) return '';
  if (value instanceof Html) return value.source;
  if (Array.isArray(value)) return value.map(render).join('');
  return escapeHtml(String(value));
}
