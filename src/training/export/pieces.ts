/**
 * The code of the PyTorch loader, put together for one model from the pieces in python/: model.py, which every model needs,
 * one file in variants/ for each variant, named after it, and what these import from other pieces. The pieces import each
 * other as modules of a package do. In the one file that is made of them those imports are gone, and what a piece needs
 * stands above it.
 */
import { readdirSync } from '#platform/fs';
import { ownBytes, ownPath } from '#platform/own-files';

const FOLDER = 'training/export/python';

/** The variants that the loader has a piece for. Throws UnsupportedError in a page, where there are no pieces. */
export function loaderVariants(): string[] {
  ownBytes(`${FOLDER}/model.py`);
  const pieces = readdirSync(ownPath(`${FOLDER}/variants`)).filter((name) => name.endsWith('.py'));
  return pieces.map((name) => name.slice(0, -'.py'.length).replaceAll('_', '-')).sort();
}

/** A loader for models of these variants, Python as text. Throws what `ownBytes` throws. */
export function loaderCode(variants: readonly string[]): string {
  const names = [...new Set(variants)].map((variant) => ({ variant, callable: variant.replaceAll('-', '_') }));
  const bodies = new Map<string, string>();
  const add = (path: string) => {
    if (bodies.has(path)) return;
    const { imported, body } = pieceAt(path);
    imported.forEach(add);
    bodies.set(path, body);
  };
  // Its imports are those of the whole file.
  bodies.set('model', textOf('model').trim());
  for (const { callable } of names) add(`variants/${callable}`);
  const table = names.map(({ variant, callable }) => `    "${variant}": ${callable},\n`).join('');
  return [...bodies.values(), `VARIANTS = {\n${table}}\n`].join('\n\n\n');
}

/** The pieces that a piece imports, as paths from the folder, and its text after its imports. */
function pieceAt(path: string): { imported: string[]; body: string } {
  const lines = textOf(path).split('\n');
  const isImport = (line: string) => /^(import|from) /.test(line);
  const imported = lines.flatMap((line) => {
    const [, dots, name] = /^from (\.+)(\w+) import /.exec(line) ?? [];
    return dots === undefined ? [] : [...path.split('/').slice(0, -dots.length), name].join('/');
  });
  return {
    imported,
    body: lines
      .filter((line) => !isImport(line))
      .join('\n')
      .trim(),
  };
}

const textOf = (path: string): string => new TextDecoder().decode(ownBytes(`${FOLDER}/${path}.py`));
