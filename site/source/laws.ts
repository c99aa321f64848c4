/** The names of tests, as the laws that a feed-forward layer keeps. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const FOLDER = 'spec/training/feed-forward';

/** What holds for every layer. */
const OF_ALL = ['models', 'counts'];

export interface Laws {
  path: string;
  laws: string[];
}

/** Of the specs that are named after these files of a layer, and of those for all layers. */
export function lawsOf(files: readonly string[]): Laws[] {
  return [...files, ...OF_ALL].flatMap((name) => {
    const path = `${FOLDER}/${name}.spec.ts`;
    const url = new URL(`../../${path}`, import.meta.url);
    if (!existsSync(fileURLToPath(url))) return [];
    return [{ path, laws: titlesIn(readFileSync(url, 'utf8')) }];
  });
}

/** Of `test('…')` and of `${name}: …`, where a loop makes one for each layer. */
export function titlesIn(source: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'test') {
      const title = titleOf(node.arguments[0]);
      if (title !== null) titles.push(title);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('spec.ts', source, ts.ScriptTarget.Latest, true));
  return titles;
}

/** Null for what is put together in another way. */
function titleOf(title: ts.Expression | undefined): string | null {
  if (title === undefined) return null;
  if (ts.isStringLiteralLike(title)) return title.text;
  if (!ts.isTemplateExpression(title) || title.head.text !== '' || title.templateSpans.length !== 1) return null;
  const [{ literal }] = title.templateSpans;
  return literal.text.replace(/^:? /, '');
}
