/** Text and equations as HTML: TeX by KaTeX when the site is built, code in backquotes, links where a paper is cited. */
import katex from 'katex';
import { type Html, html, raw } from '../../src/compare/report/html.ts';
import { citations } from '../papers/citations.ts';

/** Where on the page things are that texts speak of; null if nowhere. */
export interface Links {
  /** What the paper calls so: `eq. 7` is at `#eq-7`. */
  cited(label: string): string | null;
  /** A file, or what is declared in it. */
  defined(name: string): string | null;
}

const NOWHERE: Links = { cited: () => null, defined: () => null };

/** An equation on lines of its own: as few as there is room for. Throws what KaTeX says is wrong with it. */
export function displayed(tex: string): Html {
  return html`<div class="tex">${partsOf(tex).map((part) => html`<div>${typeset(part, true)}</div>`)}</div>`;
}

export function inlined(tex: string): Html {
  return typeset(tex, false);
}

function typeset(tex: string, displayMode: boolean): Html {
  // MathML is what is read out; the rest is what is seen.
  const options = { displayMode, output: 'htmlAndMathml', throwOnError: true, strict: 'error', trust: false } as const;
  return raw(katex.renderToString(tex, options));
}

/** What a wide space separates, and the lines of an equation that has several: each may begin a line where it is narrow. */
function partsOf(tex: string): string[] {
  const gathered = /^\s*\\begin\{gathered\}([\s\S]*)\\end\{gathered\}\s*$/.exec(tex);
  const lines = gathered === null ? [tex] : splitOutside(gathered[1], '\\\\');
  return lines.flatMap((line) => splitOutside(line, '\\qquad'));
}

/** Splits at a command that is in no group, bracket or environment. */
function splitOutside(tex: string, command: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const [token] of tex.matchAll(/\\(?:[a-zA-Z]+|[\s\S])|[\s\S]/g)) {
    if (token === '{' || token === '\\left' || token === '\\begin') depth++;
    if (token === '}' || token === '\\right' || token === '\\end') depth--;
    if (token === command && depth === 0) parts.push('');
    else parts[parts.length - 1] += token;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Prose of the notes, in which `$…$` is TeX. */
export function prose(text: string, links: Links = NOWHERE): Html {
  return html`${text.split(/(\$[^$]*\$)/).map((part) => {
    const isTex = part.length > 1 && part.startsWith('$') && part.endsWith('$');
    return isTex ? inlined(part.slice(1, -1)) : remark(part, links);
  })}`;
}

/** Text of a comment: code in backquotes, *emphasis*, citations, and indices as `k_j` and `e^−c`. */
export function remark(text: string, links: Links): Html {
  return html`${text.split(/(`[^`]+`)/).map((part) => {
    const isCode = part.length > 1 && part.startsWith('`') && part.endsWith('`');
    if (!isCode) return withFiles(part, links);
    const code = html`<code>${part.slice(1, -1)}</code>`;
    const href = links.defined(part.slice(1, -1));
    return href === null ? code : html`<a class="cite" href="${href}">${code}</a>`;
  })}`;
}

/** `see performer-omega.ts`, without backquotes. */
function withFiles(text: string, links: Links): Html {
  return html`${text.split(/((?<![\w/-])[\w-]+\.ts\b)/).map((part, index) => {
    const href = index % 2 === 1 ? links.defined(part) : null;
    return href === null ? withCitations(part, links) : html`<a class="cite" href="${href}">${part}</a>`;
  })}`;
}

/** A formula of a comment: as its text, with the letters that stand for something in italics. */
export function formula(text: string, links: Links): Html {
  // The fonts of equations have these bars.
  return withCitations(text.replaceAll('‖', '∥'), links, (part) => indexed(part, italic));
}

function withCitations(text: string, links: Links, write = emphasised): Html {
  let at = 0;
  const parts = citations(text).map(({ start, end, labels }) => {
    const before = write(text.slice(at, start));
    at = end;
    return html`${before}${citation(text.slice(start, end), labels, links)}`;
  });
  return html`${parts}${write(text.slice(at))}`;
}

/** `eqs. 10, 11`: each number leads to its own, and the first takes the word before it along. A name is all of its link. */
function citation(text: string, labels: readonly string[], { cited }: Links): Html {
  if (text.startsWith('“')) {
    const href = cited(labels[0]);
    return href === null ? html`${text}` : html`<a class="cite" href="${href}">${text}</a>`;
  }
  const numbers = [...text.matchAll(/(?:\d+|[A-Z]\b)(?:\.\d+)*/g)];
  let at = 0;
  const parts = numbers.map((number, index) => {
    const begin = index === 0 ? 0 : number.index;
    const end = number.index + number[0].length;
    const between = text.slice(at, begin);
    at = end;
    const label = labels.find(
      (each) => each.endsWith(number[0]) && !/[\w.]/.test(each.at(-number[0].length - 1) ?? ''),
    );
    const href = label === undefined ? null : cited(label);
    const words = text.slice(begin, end).replace(' ', '\u00a0');
    return html`${between}${href === null ? words : html`<a class="cite" href="${href}">${words}</a>`}`;
  });
  return html`${parts}${text.slice(at)}`;
}

function emphasised(text: string): Html {
  return html`${text.split(/(?<![\w*])(\*[^\s*](?:[^*]*[^\s*])?\*)(?![\w*])/).map((part, index) => {
    return index % 2 === 1 ? html`<em>${indexed(part.slice(1, -1))}</em>` : indexed(part);
  })}`;
}

/** What may stand in an index: a group in braces or brackets, a fraction, or letters and digits with a sign. */
const INDEX = String.raw`\{[^{}]*\}|\([^()]*\)|[½¼∞]|[−+]?[A-Za-z0-9α-ω]+′?`;
const INDICES = new RegExp(String.raw`(?<=[\p{L}\p{M}\p{N}Σ‖∥′)\]}])([_^])(${INDEX})`, 'gu');

/** Indices below and above the line; `write` writes what is on a line of its own. */
function indexed(text: string, write: (text: string) => Html = (part) => html`${part}`): Html {
  const parts = text.split(INDICES);
  const out: Html[] = [];
  for (let n = 0; n < parts.length; n += 3) {
    out.push(write(parts[n]));
    if (n + 2 >= parts.length) continue;
    // Braces only group; brackets are part of what is written, and no line begins with them.
    const index = indexed(parts[n + 2].replace(/^\{(.*)\}$/, '$1').replace(/^\(/, '\u2060('), write);
    out.push(parts[n + 1] === '_' ? html`<sub>${index}</sub>` : html`<sup>${index}</sup>`);
  }
  return html`${out}`;
}

/** Letters by themselves and the product QK, not the names of functions. */
function italic(text: string): Html {
  return html`${text.split(/((?<!\p{L})(?:QK|[A-Za-zα-ω])(?![A-Za-z]))/u).map((part, index) => (index % 2 === 1 ? html`<i>${part}</i>` : part))}`;
}
