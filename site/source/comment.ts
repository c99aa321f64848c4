/** The prose of comments: paragraphs, lists, formulas that stand by themselves, and labels at the right edge. */

export type Block =
  | { kind: 'paragraph'; text: string; label: string | null }
  | { kind: 'list'; items: readonly string[] }
  | { kind: 'formulas'; formulas: readonly Formula[] };

/** A line of its own: `A = softmax(QKᵀ/√d)   (eq. 1)`. */
export interface Formula {
  /** Columns, where it is a line of a table; else one. */
  cells: readonly string[];
  /** What stands in brackets at its end. */
  label: string | null;
}

/** Spaces that a writer puts before a label or between columns; a sentence has fewer. */
const GAP = / {3,}/;
const LABEL_AT_END = /^(.*\S) {3,}\((.*)\)$/;
const FORMULA = /^ {4,}\S/;
const ITEM = /^- /;
const CONTINUED = /^ {2}\S/;

/** The blocks of a run of comments, given as it stands in the file. */
export function blocksOf(comment: string): Block[] {
  const blocks: Block[] = [];
  let open: { kind: Block['kind']; lines: string[] } | null = null;
  const close = () => {
    if (open !== null) blocks.push(blockOf(open.kind, open.lines));
    open = null;
  };
  for (const line of textLines(comment)) {
    if (line.trim() === '') {
      close();
      continue;
    }
    const kind = FORMULA.test(line) ? 'formulas' : ITEM.test(line) ? 'list' : 'paragraph';
    const goesOn: boolean = open !== null && (open.kind === kind || (open.kind === 'list' && CONTINUED.test(line)));
    if (!goesOn) {
      close();
      open = { kind, lines: [] };
    }
    open?.lines.push(line);
    // After a label a new thought begins.
    if (kind === 'paragraph' && LABEL_AT_END.test(line)) close();
  }
  close();
  return blocks;
}

function blockOf(kind: Block['kind'], lines: readonly string[]): Block {
  if (kind === 'formulas') return { kind, formulas: lines.map((line) => formulaOf(line.trim())) };
  if (kind === 'list') {
    const items = lines.join('\n').split(/\n(?=- )/);
    return { kind, items: items.map((item) => joined(item.slice(2).split('\n'))) };
  }
  const labelled = LABEL_AT_END.exec(lines[lines.length - 1]);
  if (labelled === null) return { kind, text: joined(lines), label: null };
  return { kind, text: joined([...lines.slice(0, -1), labelled[1]]), label: labelled[2] };
}

function formulaOf(line: string): Formula {
  const labelled = LABEL_AT_END.exec(line);
  return { cells: (labelled?.[1] ?? line).split(GAP), label: labelled?.[2] ?? null };
}

function joined(lines: readonly string[]): string {
  return lines
    .map((line) => line.trim())
    .join(' ')
    .replaceAll(/\s+/g, ' ');
}

/** What the comments say, line by line, without their marks and their place in the code. */
function textLines(comment: string): string[] {
  const lines: string[] = [];
  let inBlock = false;
  let before: 'line' | 'block' | null = null;
  for (const line of comment.split(/\r?\n/)) {
    let text = line.trimStart();
    const opens = !inBlock && text.startsWith('/*');
    if (opens || (!inBlock && before === 'block')) lines.push('');
    if (opens) {
      inBlock = true;
      text = text.replace(/^\/\*\*? ?/, '');
    } else if (inBlock) {
      text = text.startsWith('*/') ? text : text.replace(/^\* ?/, '');
    } else {
      text = text.replace(/^\/\/ ?/, '');
    }
    before = inBlock ? 'block' : 'line';
    if (inBlock && text.trimEnd().endsWith('*/')) {
      inBlock = false;
      text = text.trimEnd().slice(0, -2);
    }
    lines.push(text.trimEnd());
  }
  return lines;
}
