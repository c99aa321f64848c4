/**
 * Makes a script say which line runs, so that an endless loop can be stopped and named: a call in every loop and function. And
 * makes it say what it makes of other lists and texts, which can double in each step.
 */
import { parse } from 'acorn';

/** The function that a guarded script calls with the number of a line. */
export const TICK = '__line';

/** The function that is given what an expression made, and returns it. */
export const MADE = '__made';

interface Node {
  type: string;
  start: number;
  end: number;
  loc: { start: { line: number } };
  body?: unknown;
}

const LOOPS = /^(For|While|DoWhile|ForIn|ForOf)Statement$/;
/** Methods that make a list or a text that may be longer than what they are called on. */
const LONGER = /^(concat|flat|flatMap|repeat|padStart|padEnd)$/;
const FUNCTIONS = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;

/**
 * JavaScript in, JavaScript out, line by line the same; `refuse` hears of what an exercise cannot have. Throws acorn's
 * SyntaxError, which has `loc`.
 */
export function guarded(script: string, refuse: Refuse = () => {}): string {
  const tree = parsed(script, refuse);
  const inserts: Insert[] = [];
  const around = (start: number, opens: string, end: number, closes: string) => {
    inserts.push({ at: start, text: opens, closes: false }, { at: end, text: closes, closes: true });
  };
  visit(tree, (node) => {
    const { line } = node.loc.start;
    if (node.type === 'ImportExpression') {
      refuse('import', 'import() is not for an exercise: import what is given at the top', line);
    }
    if (node.type === 'Identifier' && (node as Node & { name?: string }).name === 'await')
      refuse('syntax', AWAIT, line);
    // A space, for what stands before may be `return`.
    if (makesMore(node)) around(node.start, ` ${MADE}(`, node.end, ')');
    if (isHalfExport(node)) refuse('syntax', 'one export for each name: export const a = …; export const b = …', line);
    if (!LOOPS.test(node.type) && !FUNCTIONS.test(node.type)) return;
    const { type, start, end } = node.body as Node;
    const tick = `${TICK}(${node.loc.start.line})`;
    if (type === 'BlockStatement') {
      inserts.push({ at: directivesEnd(node.body as Node), text: `${tick};`, closes: false });
    } else if (LOOPS.test(node.type)) around(start, `{${tick};`, end, '}');
    else around(start, `(${tick}, `, end, ')');
  });
  return inserted(script, inserts);
}

type Refuse = (kind: 'import' | 'syntax', what: string, line: number) => void;

const AWAIT = 'await stands only in an async function, and an exercise returns its result at once: leave await out';

function parsed(script: string, refuse: Refuse): unknown {
  try {
    return parse(script, {
      ecmaVersion: 2022,
      sourceType: 'script',
      locations: true,
      allowReturnOutsideFunction: true,
    });
  } catch (error) {
    // Outside of such functions `await` is a name, so that what follows it is what the parser did not expect.
    const { pos, loc } = error as { pos?: number; loc?: { line: number } };
    if (pos !== undefined && (/\bawait\s+$/.test(script.slice(0, pos)) || /^await\b/.test(script.slice(pos)))) {
      refuse('syntax', AWAIT, loc?.line ?? 1);
    }
    throw error;
  }
}

interface Insert {
  readonly at: number;
  readonly text: string;
  /** Of two things that end at one place, what began later ends first. */
  readonly closes: boolean;
}

/** `inserts` come from outside inwards. */
function inserted(script: string, inserts: readonly Insert[]): string {
  const ordered = inserts.map((insert, order) => ({ ...insert, order }));
  // From the back, so that places stay. At one place each goes before those that went before it.
  ordered.sort(
    (a, b) => b.at - a.at || Number(a.closes) - Number(b.closes) || (a.closes ? a.order - b.order : b.order - a.order),
  );
  return ordered.reduce((text, { at, text: more }) => text.slice(0, at) + more + text.slice(at), script);
}

/** `[...a, ...a]` and `a.concat(a)`. */
function makesMore(node: Node): boolean {
  if (node.type === 'ArrayExpression') {
    return (node as Node & { elements: (Node | null)[] }).elements.some((each) => each?.type === 'SpreadElement');
  }
  if (node.type !== 'CallExpression') return false;
  const { callee } = node as Node & { callee: Node & { property?: { name?: string } } };
  return callee.type === 'MemberExpression' && LONGER.test(callee.property?.name ?? '') && !isOptional(node);
}

/** Of `a?.b.c` no part can be put into a call: where `a` is nothing, all of it is left out. */
function isOptional(node: Node & { optional?: boolean; object?: Node; callee?: Node }): boolean {
  const before = node.object ?? node.callee;
  return node.optional === true || (before !== undefined && isOptional(before));
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
