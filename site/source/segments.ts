/**
 * A source file as an annotated page sees it: each run of comments opens a segment, and the code up to the next run
 * belongs to it. Segments are runs of whole lines, so joined they are the file again, byte for byte.
 */
import ts from 'typescript';

/** Lines of a file, counted from 0; `end` is the first that is not among them. */
export interface Lines {
  start: number;
  end: number;
}

export interface Segment {
  /** Of the comment itself, which only the first segment may lack. */
  comment: Lines;
  /** What follows it, with blank lines. */
  code: Lines;
}

export interface SourceFile {
  /** Each with its end of line, if it has one. */
  lines: readonly string[];
  segments: readonly Segment[];
  /** Lines of the import statements at the top. */
  imports: Lines;
  tree: ts.SourceFile;
}

/** Throws nothing: what cannot be parsed is code all the same. */
export function parseSource(text: string): SourceFile {
  const tree = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, true);
  const lines = splitLines(text);
  const starts = lineStarts(lines);
  const lineAt = (position: number) => starts.findLastIndex((start) => start <= position);

  const runs: Lines[] = [];
  for (const { pos, end } of commentsOf(tree)) {
    const comment = { start: lineAt(pos), end: lineAt(end - 1) + 1 };
    const before = text.slice(starts[comment.start], pos);
    const after = text.slice(end, starts[comment.end] ?? text.length);
    // Beside code, on either side, it is a remark on that line and stays there.
    if (before.trim() !== '' || after.trim() !== '') continue;
    const last = runs.at(-1);
    if (last?.end === comment.start) last.end = comment.end;
    else runs.push(comment);
  }
  return { lines, segments: segmentsBetween(runs, lines.length), imports: importLines(tree, lineAt), tree };
}

/** The text of some lines, as it stands in the file. */
export function textOf({ lines }: Pick<SourceFile, 'lines'>, { start, end }: Lines): string {
  return lines.slice(start, end).join('');
}

/** Without blank lines at its ends. */
export function trimmed({ lines }: Pick<SourceFile, 'lines'>, { start, end }: Lines): Lines {
  const isBlank = (line: number) => lines[line].trim() === '';
  let [first, last] = [start, end];
  while (first < last && isBlank(first)) first++;
  while (last > first && isBlank(last - 1)) last--;
  return { start: first, end: last };
}

/**
 * How far a remark reaches: to the first blank line after which the code leaves the place that the remark stands in, or
 * goes on there with another member or declaration. What is left is code that nothing is said about.
 */
export function reachOf(file: SourceFile, { comment, code }: Segment): { explained: Lines; rest: Lines } {
  const { lines, tree } = file;
  const indent = indentOf(lines[comment.start] ?? '');
  // Statements of one body often share a remark; members of an interface or an object do not.
  const most = isAmongStatements(tree, comment) ? indent - 1 : indent;
  for (let line = code.start + 1; line < code.end; line++) {
    if (lines[line - 1].trim() !== '' || lines[line].trim() === '' || indentOf(lines[line]) > most) continue;
    const end = trimmed(file, { start: code.start, end: line }).end;
    if (end > code.start) return { explained: { start: code.start, end }, rest: { start: line, end: code.end } };
  }
  return { explained: code, rest: { start: code.end, end: code.end } };
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

function isAmongStatements(tree: ts.SourceFile, { start }: Lines): boolean {
  const position = tree.getPositionOfLineAndCharacter(start, 0);
  let inside: ts.Node = tree;
  const visit = (node: ts.Node): void => {
    if (node.getStart(tree) >= position || position >= node.end) return;
    inside = node;
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(tree, visit);
  return ts.isBlock(inside);
}

function segmentsBetween(runs: readonly Lines[], lines: number): Segment[] {
  const segments = runs.map((comment, index) => ({
    comment,
    code: { start: comment.end, end: runs[index + 1]?.start ?? lines },
  }));
  const first = runs[0]?.start ?? lines;
  if (first === 0) return segments;
  return [{ comment: { start: 0, end: 0 }, code: { start: 0, end: first } }, ...segments];
}

/** Every comment, in order: they lie between tokens, so that what looks like one inside of a string is none. */
function commentsOf(tree: ts.SourceFile): ts.CommentRange[] {
  const found = new Map<number, ts.CommentRange>();
  const visit = (node: ts.Node): void => {
    if (ts.isToken(node)) {
      for (const at of [node.getFullStart(), node.end]) {
        const leading = at === node.end ? [] : ts.getLeadingCommentRanges(tree.text, at);
        const trailing = node.kind === ts.SyntaxKind.EndOfFileToken ? [] : ts.getTrailingCommentRanges(tree.text, at);
        for (const comment of [...(leading ?? []), ...(trailing ?? [])]) found.set(comment.pos, comment);
      }
      return;
    }
    // Doc comments are children too, but not tokens of the language.
    for (const child of node.getChildren(tree)) if (!ts.isJSDoc(child)) visit(child);
  };
  visit(tree);
  return [...found.values()].sort((a, b) => a.pos - b.pos);
}

function importLines(tree: ts.SourceFile, lineAt: (position: number) => number): Lines {
  const imports = tree.statements.filter(ts.isImportDeclaration);
  if (imports.length === 0) return { start: 0, end: 0 };
  return { start: lineAt(imports[0].getStart(tree)), end: lineAt(imports[imports.length - 1].end - 1) + 1 };
}

function splitLines(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

function lineStarts(lines: readonly string[]): number[] {
  let at = 0;
  return lines.map((line) => {
    const start = at;
    at += line.length;
    return start;
  });
}
