/** Where the pages of ops are, and which of them a source file calls. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { SourceFile } from './segments.ts';

const folder = fileURLToPath(new URL('../../src/core/ops/', import.meta.url));

export interface OpPlace {
  /** Of src/core/ops, without its ending: the name of its page. */
  file: string;
  name: string;
}

/** Every function that a file of src/core/ops declares and exports. */
export const opPlaces: ReadonlyMap<string, OpPlace> = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && name !== 'index.ts' && !name.startsWith('check'))
    .flatMap((name) => {
      const file = name.slice(0, -'.ts'.length);
      const tree = ts.createSourceFile(name, readFileSync(join(folder, name), 'utf8'), ts.ScriptTarget.Latest, true);
      return declaredIn(tree).map((each): [string, OpPlace] => [each, { file, name: each }]);
    }),
);

function declaredIn(tree: ts.SourceFile): string[] {
  const isExported = ({ modifiers }: { modifiers?: ts.NodeArray<ts.ModifierLike> }) =>
    modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
  return tree.statements.flatMap((statement): string[] => {
    if (ts.isFunctionDeclaration(statement) && isExported(statement)) return [statement.name?.text ?? ''];
    if (!ts.isVariableStatement(statement) || !isExported(statement)) return [];
    // Functions that are made by others are values: `export const exp = unary('exp', …)`.
    const made = statement.declarationList.declarations.filter(({ initializer }) => {
      return initializer !== undefined && (ts.isCallExpression(initializer) || ts.isArrowFunction(initializer));
    });
    return made.map(({ name }) => name.getText(tree));
  });
}

/** The ops that a file imports, by the names that it calls them by. */
export function opsCalledIn({ tree }: Pick<SourceFile, 'tree'>): Map<string, OpPlace> {
  const found = new Map<string, OpPlace>();
  for (const statement of tree.statements) {
    if (!ts.isImportDeclaration(statement) || statement.importClause?.namedBindings === undefined) continue;
    const { text } = statement.moduleSpecifier as ts.StringLiteral;
    const { namedBindings } = statement.importClause;
    if (!text.includes('core/ops/') || !ts.isNamedImports(namedBindings)) continue;
    for (const { isTypeOnly, name, propertyName } of namedBindings.elements) {
      const place = opPlaces.get((propertyName ?? name).text);
      if (!isTypeOnly && place !== undefined) found.set(name.text, place);
    }
  }
  return found;
}

/** From a page of a variant to an op. */
export const addressOfOp = ({ file, name }: OpPlace): string => `../ops/${file}.html#${name}`;
