/** The files that a variant's page shows: its own, the companions that it imports, and the lines of its `attend`. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { allVariants } from '../../src/variants/registry.ts';
import { highlight, type Token } from './highlight.ts';
import { type Lines, parseSource, type SourceFile } from './segments.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const variants = join(root, 'src', 'variants');
const layers = join(root, 'src', 'training', 'feed-forward');

/** The contract that all variants share, which is no variant's own. */
const SHARED = [
  'variant',
  'options',
  'check-options',
  'attend',
  'continue',
  'state',
  'decoding',
  'registry',
  'define',
  'check-variant',
  'all',
  'inputs',
  'parameters',
  'reference',
];

/** What all feed-forward layers share. */
const SHARED_BY_LAYERS = ['kind', 'registry', 'who'];

export interface ShownFile extends SourceFile {
  /** From src/variants or the folder of feed-forward layers, without its ending: `reformer/buckets`. */
  name: string;
  /** From the root of the repository. */
  path: string;
  tokens: readonly (readonly Token[])[];
  /** Whether it is the variant's own; else a companion of it. */
  isMain: boolean;
}

/** Where a line, counted from 0, is on the page: `L12`, or `reformer-buckets-L12` in a companion. */
export function lineAnchor({ name, isMain }: ShownFile, line: number): string {
  return `${isMain ? '' : `${name.replaceAll('/', '-')}-`}L${line + 1}`;
}

export function fileAnchor({ name }: ShownFile): string {
  return `file-${name.replaceAll('/', '-')}`;
}

/** The variant's own file, and then the files that it takes parts of itself from, in the order of its imports. */
export const filesOf = (variant: string): Promise<ShownFile[]> =>
  filesFrom(variants, variant, [...SHARED, ...allVariants().map(({ name }) => name)]);

/** The same of a kind of feed-forward layer. */
export const filesOfLayer = (kind: string): Promise<ShownFile[]> => filesFrom(layers, kind, SHARED_BY_LAYERS);

async function filesFrom(folder: string, name: string, others: readonly string[]): Promise<ShownFile[]> {
  const fileOf = (each: string): string => join(folder, `${each}.ts`);
  const notOwn = new Set(others.map(fileOf));
  const found = [fileOf(name)];
  const shown: ShownFile[] = [];
  // What an imported file imports comes after all that the first one does.
  for (const file of found) {
    const one = { ...(await shownOnce(file, folder)), isMain: file === found[0] };
    shown.push(one);
    for (const imported of importsOf(one.tree, file, folder)) {
      if (!notOwn.has(imported) && !found.includes(imported)) found.push(imported);
    }
  }
  return shown;
}

/** Companions are of several variants. */
const known = new Map<string, ReturnType<typeof readShown>>();

/** A file of the repository, by its path from the root. */
export const readFile = (path: string): Promise<Omit<ShownFile, 'isMain'>> => shownOnce(join(root, path), variants);

/** Read once: names of files are from the folder. */
function shownOnce(file: string, folder: string): ReturnType<typeof readShown> {
  const key = `${folder} ${file}`;
  const found = known.get(key) ?? readShown(file, folder);
  known.set(key, found);
  return found;
}

async function readShown(file: string, folder: string): Promise<Omit<ShownFile, 'isMain'>> {
  const text = readFileSync(file, 'utf8');
  const slashes = (path: string) => path.split(sep).join('/');
  return {
    ...parseSource(text),
    name: slashes(relative(folder, file)).replace(/\.ts$/, ''),
    path: slashes(relative(root, file)),
    tokens: await highlight(text),
  };
}

/** Files of the folder that one imports. */
function importsOf(tree: ts.SourceFile, file: string, folder: string): string[] {
  return tree.statements
    .filter(ts.isImportDeclaration)
    .map(({ moduleSpecifier }) => (moduleSpecifier as ts.StringLiteral).text)
    .filter((path) => path.startsWith('.'))
    .map((path) => join(dirname(file), path))
    .filter((path) => path.startsWith(folder + sep));
}

/**
 * The lines of `attend` in the exported variant; and where it says nothing of its steps, those of the functions of the
 * same file that it hands them to. Throws if there is none: the registry would not have it.
 */
export function attendLines({ tree, path }: ShownFile): Lines[] {
  const member = find(tree, (node): node is AttendMember => {
    const isMember =
      ts.isMethodDeclaration(node) || ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node);
    return isMember && node.name.getText(tree) === 'attend' && isVariant(node.parent, tree);
  });
  const attend = member !== undefined && ts.isShorthandPropertyAssignment(member) ? named('attend', tree) : member;
  if (attend === undefined) throw new Error(`${path}: no variant with an attend`);
  const body = ts.isPropertyAssignment(attend) ? undefined : attend.body;
  return [linesOf(attend, tree), ...(body === undefined ? [] : handedOnTo(body, tree))];
}

type AttendMember = ts.MethodDeclaration | ts.PropertyAssignment | ts.ShorthandPropertyAssignment;

/** The function of the file that has this name. */
function named(name: string, tree: ts.SourceFile): ts.FunctionDeclaration | undefined {
  return tree.statements.filter(ts.isFunctionDeclaration).find((declaration) => declaration.name?.text === name);
}

/** The lines of a function or a constant of a file, with the comments before it. Throws if there is none of that name. */
export function declarationLines({ tree, path }: ShownFile, name: string): Lines {
  const declaration = tree.statements.find((statement) => {
    if (ts.isFunctionDeclaration(statement)) return statement.name?.text === name;
    if (!ts.isVariableStatement(statement)) return false;
    return statement.declarationList.declarations.some((each) => each.name.getText(tree) === name);
  });
  if (declaration === undefined) throw new Error(`${path}: no ${name}`);
  return linesOf(declaration, tree);
}

/** What a comment may speak of, and where it is: files, their declarations, and the variant's own methods. */
export function definitionsIn(files: readonly ShownFile[]): Map<string, string> {
  const found = new Map<string, string>();
  const add = (name: string, anchor: string) => {
    if (!found.has(name)) found.set(name, `#${anchor}`);
  };
  for (const file of files) {
    const { tree } = file;
    const addNamed = (name: ts.Node | undefined) => {
      if (name === undefined || !(ts.isIdentifier(name) || ts.isPropertyName(name))) return;
      add(name.getText(tree), lineAnchor(file, tree.getLineAndCharacterOfPosition(name.getStart(tree)).line));
    };
    for (const statement of tree.statements) {
      if (ts.isVariableStatement(statement))
        for (const { name } of statement.declarationList.declarations) addNamed(name);
      else if (ts.isDeclarationStatement(statement)) addNamed(statement.name);
    }
    const variant = find(tree, (node): node is ts.ObjectLiteralExpression => isVariant(node, tree));
    for (const property of variant?.properties ?? []) if (ts.isMethodDeclaration(property)) addNamed(property.name);
  }
  for (const file of files) add(`${file.name.split('/').at(-1)}.ts`, fileAnchor(file));
  return found;
}

function isVariant(node: ts.Node, tree: ts.SourceFile): boolean {
  if (!ts.isObjectLiteralExpression(node)) return false;
  const names = node.properties.map((property) => property.name?.getText(tree));
  return names.includes('name') && names.includes('paper');
}

/** Of a body without a remark of its own, the functions of this file that it calls: what there is to say stands there. */
function handedOnTo(body: ts.Block, tree: ts.SourceFile): Lines[] {
  if (/\/[/*]/.test(body.getText(tree))) return [];
  const called = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) called.add(node.expression.text);
    ts.forEachChild(node, visit);
  };
  visit(body);
  return tree.statements
    .filter(ts.isFunctionDeclaration)
    .filter(({ name }) => name !== undefined && called.has(name.text))
    .map((declaration) => linesOf(declaration, tree));
}

/** With the comments before it. */
function linesOf(node: ts.Node, tree: ts.SourceFile): Lines {
  const comments = ts.getLeadingCommentRanges(tree.text, node.getFullStart()) ?? [];
  const start = Math.min(node.getStart(tree), ...comments.map(({ pos }) => pos));
  const lineAt = (position: number) => tree.getLineAndCharacterOfPosition(position).line;
  return { start: lineAt(start), end: lineAt(node.end) + 1 };
}

function find<T extends ts.Node>(node: ts.Node, is: (node: ts.Node) => node is T): T | undefined {
  if (is(node)) return node;
  return ts.forEachChild(node, (child) => find(child, is));
}
