/** Source as an annotated paper: the comments on the left, typeset, and on the right the code that each explains. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { type Block, blocksOf } from './comment.ts';
import { lineAnchor, type ShownFile } from './files.ts';
import type { Token } from './highlight.ts';
import { addressOfOp, type OpPlace, opsCalledIn } from './ops.ts';
import type { PageLinks, Place } from './paper.ts';
import { Remarks } from './remarks.ts';
import { type Lines, reachOf, type Segment, textOf, trimmed } from './segments.ts';

/** How the lines of a file are shown: in their place, or as a copy of them, without the first spaces of each. */
type View = { kind: 'place' } | { kind: 'copy'; indent: number };
const IN_PLACE: View = { kind: 'place' };
const NOTHING: Lines = { start: 0, end: 0 };

const isEmpty = ({ start, end }: Lines): boolean => start >= end;

/** One file on the page of a variant. Its introduction comes first, then the whole; copies are drawn by another one. */
export class AnnotatedFile {
  readonly #file: ShownFile;
  readonly #links: PageLinks;
  readonly #remarks: Remarks;
  readonly #ops: ReadonlyMap<string, OpPlace>;

  constructor(file: ShownFile, links: PageLinks) {
    this.#file = file;
    this.#links = links;
    this.#remarks = new Remarks(links);
    this.#ops = opsCalledIn(file);
  }

  /** The comment that the file begins with, if it does, for the full width. */
  introduction(): Html {
    const { comment } = this.#file.segments[0];
    if (isEmpty(comment)) return html``;
    const blocks = introductory(blocksOf(textOf(this.#file, comment)));
    return html`<div class="introduction" id="${lineAnchor(this.#file, comment.start)}">
${this.#remarks.write(blocks, this.#placeOf(comment.start))}</div>
`;
  }

  /** All but the introduction. */
  whole(): Html {
    const { segments, imports } = this.#file;
    const [first, ...rest] = segments;
    // The imports are folded; what follows them without a comment is a segment of its own.
    const afterImports = { ...first.code, start: Math.max(first.code.start, imports.end) };
    return html`${isEmpty(imports) ? null : this.#imports(imports)}<div class="annotated">
${[{ comment: NOTHING, code: afterImports }, ...rest].map((segment) => this.#segment(segment, IN_PLACE))}</div>
`;
  }

  /** Some of its lines once more, with what is said about them. */
  excerpt(lines: Lines): Html {
    const clipped = ({ start, end }: Lines): Lines => {
      const part = { start: Math.max(start, lines.start), end: Math.min(end, lines.end) };
      return isEmpty(part) ? NOTHING : part;
    };
    const view: View = { kind: 'copy', indent: this.#indent(lines) };
    const parts = this.#file.segments.map(({ comment, code }) => ({ comment: clipped(comment), code: clipped(code) }));
    return html`<div class="annotated">
${parts.map((segment) => this.#segment(segment, view))}</div>
`;
  }

  #imports(imports: Lines): Html {
    const count = imports.end - imports.start;
    return html`<details class="imports"><summary>${count === 1 ? 'One line of imports' : `${count} lines of imports`}</summary>
${this.#code(imports, IN_PLACE)}</details>
`;
  }

  /** A remark beside what it explains, and under both the code, if any, that has none. */
  #segment(segment: Segment, view: View): Html | null {
    if (isEmpty(segment.comment)) return this.#row(segment, view);
    const { explained, rest } = reachOf(this.#file, segment);
    return html`${this.#row({ comment: segment.comment, code: explained }, view)}${this.#row({ comment: NOTHING, code: rest }, view)}`;
  }

  #row({ comment, code }: Segment, view: View): Html | null {
    const shown = trimmed(this.#file, code);
    if (isEmpty(shown) && isEmpty(comment)) return null;
    const isCopy = view.kind === 'copy';
    // Where there is no code, the remark itself is what a link leads to.
    const id = isEmpty(shown) && !isCopy ? html` id="${lineAnchor(this.#file, comment.start)}"` : null;
    const place = this.#placeOf(isEmpty(shown) ? comment.start : shown.start);
    const blocks = blocksOf(textOf(this.#file, comment));
    return html`<div class="segment${isEmpty(comment) ? ' bare' : ''}"${id}>
<div class="remark"><div class="said">
${this.#remarks.write(blocks, isCopy ? null : place)}</div></div>
${isEmpty(shown) ? html`<div class="code"></div>` : this.#code(shown, view)}</div>
`;
  }

  #code({ start, end }: Lines, view: View): Html {
    const rows = this.#file.tokens.slice(start, end).map((tokens, index) => {
      const line = start + index;
      if (view.kind === 'place') {
        const shown = tokens.map((each, n) => this.#called(each, tokens[n - 1]) ?? token(each));
        return html`<span class="line" id="${lineAnchor(this.#file, line)}" data-line="${line + 1}">${shown}\n</span>`;
      }
      return html`<span class="line" data-line="${line + 1}">${withoutIndent(tokens, view.indent).map(
        (each, n, all) => this.#called(each, all[n - 1]) ?? this.#leading(each, line),
      )}\n</span>`;
    });
    return html`<pre class="code"><code class="listing">${rows}</code></pre>`;
  }

  /** A token that calls an op, which has a page of its own; null for any other. */
  #called(each: Token, before: Token | undefined): Html | null {
    const op = each.kind === 'function' ? this.#ops.get(each.text.trim()) : undefined;
    // `Math.max` is no op.
    if (op === undefined || before?.text.trimEnd().endsWith('.')) return null;
    return html`<a class="call" href="${addressOfOp(op)}">${token(each)}</a>`;
  }

  /** A token of a copy: where it calls a function of these files, it leads to it. */
  #leading(each: Token, line: number): Html {
    const href = each.kind === 'function' ? this.#links.defined(each.text.trim()) : null;
    const isOwn = href === `#${lineAnchor(this.#file, line)}`;
    return href === null || isOwn ? token(each) : html`<a class="call" href="${href}">${token(each)}</a>`;
  }

  #placeOf(line: number): Place {
    const where = this.#file.isMain ? '' : `${this.#file.name.split('/').at(-1)}.ts, `;
    const isIntroduction = line === this.#file.segments[0].comment.start;
    const words = isIntroduction ? 'introduction' : `line ${line + 1}`;
    return { href: `#${lineAnchor(this.#file, line)}`, name: `${where}${words}` };
  }

  /** Spaces that all of these lines begin with. */
  #indent({ start, end }: Lines): number {
    const filled = this.#file.lines.slice(start, end).filter((line) => line.trim() !== '');
    return Math.min(...filled.map((line) => line.length - line.trimStart().length));
  }
}

/** A token in the colour of its kind. */
export function token({ text, kind }: Token): Html {
  return kind === null || text.trim() === '' ? html`${text}` : html`<span class="t-${kind}">${text}</span>`;
}

/** A line without its first `indent` spaces. */
function withoutIndent(tokens: readonly Token[], indent: number): Token[] {
  let left = indent;
  return tokens.map(({ text, kind }) => {
    const cut = Math.min(left, text.length - text.trimStart().length);
    left = text.trim() === '' ? left - cut : 0;
    return { text: text.slice(cut), kind };
  });
}

/** Problem, idea, cost and price each begin a paragraph, and are marked. */
function introductory(blocks: readonly Block[]): Block[] {
  return blocks.flatMap((block): Block[] => {
    if (block.kind !== 'paragraph') return [block];
    const parts = block.text.split(/(?<=[.:)] )(?=(?:Problem|Idea|Cost|It gives up)\b)/);
    return parts.map((text, index) => ({
      kind: 'paragraph',
      text: text.trim().replace(/^(Problem|Idea|Cost|It gives up)\b/, '*$1*'),
      label: index === parts.length - 1 ? block.label : null,
    }));
  });
}
