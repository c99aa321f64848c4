/** Makes a script say which line runs, so that an endless loop can be stopped and named: a call in every loop and function. */
import { parse } from 'acorn';

/** The function that a guarded script calls with the number of a line. */
export const TICK = '__line';

interface Node {
  type: string;
  start: number;
  end: number;
  loc: { start: { line: number } };
  body?: unknown;
}

const LOOPS = /^(For|While|DoWhile|ForIn|ForOf)Statement$/;
const FUNCTIONS = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;

/**
 * JavaScript in, JavaScript out, line by line the same; `refuse` hears of what an exercise cannot have. Throws acorn's
 * SyntaxError, which has `loc`.
 */
export function guarded(
  script: string,
  refuse: (kind: 'import' | 'syntax', what: string, line: number) => void = () => {},
): string {
  const tree = parse(script, {
    ecmaVersion: 2022,
    sourceType: 'script',
    locations: true,
    allowReturnOutsideFunction: true,
  });
  const inserts: [at: number, text: string][] = [];
  visit(tree, (node) => {
    const { line } = node.loc.start;
    if (node.type === 'ImportExpression') {
      refuse('import', 'import() is not for an exercise: import what is given at the top', line);
    }
    if (isHalfExport(node)) refuse('syntax', 'one export for each name: export const a = …; export const b = …', line);
    if (!LOOPS.test(node.type) && !FUNCTIONS.test(node.type)) return;
    const { type, start, end } = node.body as Node;
    const tick = `${TICK}(${node.loc.start.line})`;
    if (type === 'BlockStatement') inserts.push([directivesEnd(node.body as Node), `${tick};`]);
    else if (LOOPS.test(node.type)) inserts.push([start, `{${tick};`], [end, '}']);
    else inserts.push([start, `(${tick}, `], [end, ')']);
  });
  // From the back, so that places stay; at one place, what opens later lies within.
  let text = script;
  const ordered = inserts.map((insert, order) => ({ insert, order }));
  ordered.sort((a, b) => b.insert[0] - a.insert[0] || a.order - b.order);
  for (const { insert } of ordered) text = text.slice(0, insert[0]) + insert[1] + text.slice(insert[0]);
  return text;
}

/** What sucrase makes of `export const a = 1, b = 2`: `exports.a = a, b = 2`, in which nothing declares b. */
function isHalfExport(node: Node): boolean {
  if (node.type !== 'SequenceExpression') return false;
  const [first, ...others] = (node as Node & { expressions: Assignment[] }).expressions;
  return first.left?.object?.name === 'exports' && others.some(({ left }) => left?.type === 'Identifier');
}

interface Assignment {
  left?: { type: string; object?: { name?: string } };
}

/** After the brace, and after 'use strict', which must come first. */
function directivesEnd(block: Node): number {
  const statements = block.body as (Node & { directive?: string })[];
  const directives = statements.filter(({ directive }) => directive !== undefined);
  return directives.at(-1)?.end ?? block.start + 1;
}

function visit(node: unknown, each: (node: Node) => void): void {
  if (Array.isArray(node)) for (const child of node) visit(child, each);
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
  if (typeof (node as Node).type === 'string') each(node as Node);
  for (const child of Object.values(node)) if (typeof child === 'object') visit(child, each);
}
