/**
 * The code of the PyTorch loader, put together for one model from the pieces in python/: model.py, which every model needs,
 * one file in variants/ for each variant and one in feed_forward/ for each kind of feed-forward layer, named after it, and what
 * these import from other pieces. The pieces import each
 * other as modules of a package do. In the one file that is made of them those imports are gone, and what a piece needs
 * stands above it.
 */
import { readdirSync } from '#platform/fs';
import { ownBytes, ownPath } from '#platform/own-files';

const FOLDER = 'training/export/python';

/** The variants that the loader has a piece for. Throws UnsupportedError in a page, where there are no pieces. */
export const loaderVariants = (): string[] => piecesIn('variants');

/** The kinds of feed-forward layers that it has a piece for. Throws as `loaderVariants` does. */
export const loaderFeedForwards = (): string[] => piecesIn('feed_forward').filter((name) => name !== SHARED);

/** What several kinds of feed-forward layers import. */
const SHARED = 'mixture';

function piecesIn(folder: string): string[] {
  ownBytes(`${FOLDER}/model.py`);
  const pieces = readdirSync(ownPath(`${FOLDER}/${folder}`)).filter((name) => name.endsWith('.py'));
  return pieces.map((name) => name.slice(0, -'.py'.length).replaceAll('_', '-')).sort();
}

/** A loader for models of these variants and feed-forward layers, Python as text. Throws what `ownBytes` throws. */
export function loaderCode(variants: readonly string[], feedForwards: readonly string[] = ['dense']): string {
  const bodies = new Map<string, string>();
  const add = (path: string) => {
    if (bodies.has(path)) return;
    const { imported, body } = pieceAt(path);
    imported.forEach(add);
    bodies.set(path, body);
  };
  // Its imports are those of the whole file.
  bodies.set('model', textOf('model').trim());
  const tableOf = (name: string, folder: string, keys: readonly string[]) => {
    const entries = [...new Set(keys)].map((key) => {
      const callable = key.replaceAll('-', '_');
      add(`${folder}/${callable}`);
      return `    "${key}": ${callable},\n`;
    });
    return `${name} = {\n${entries.join('')}}\n`;
  };
  const tables = [tableOf('FEED_FORWARDS', 'feed_forward', feedForwards), tableOf('VARIANTS', 'variants', variants)];
  return [...bodies.values(), tables.join('\n')].join('\n\n\n');
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
