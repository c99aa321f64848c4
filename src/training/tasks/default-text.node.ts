/** The default text of the language model. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ArgumentError } from '../../core/errors.ts';

const FILE = 'lib/lib.dom.d.ts';

/**
 * The path of a long text that developers with this package have on their disk: TypeScript's declarations of the DOM, about 2
 * MB. Throws ArgumentError if TypeScript is not installed.
 */
export function defaultText(): string {
  try {
    const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
    // From version 7 on the library is next to the compiler, in a package of the platform.
    const platform = `@typescript/typescript-${process.platform}-${process.arch}/package.json`;
    return join(dirname(resolveFrom(typescript, platform) ?? typescript), FILE);
  } catch (error) {
    throw new ArgumentError(
      'text: expected the path of a text, because TypeScript, whose declarations are the default, is not installed',
      {
        cause: error,
      },
    );
  }
}

function resolveFrom(path: string, name: string): string | null {
  try {
    return createRequire(path).resolve(name);
  } catch {
    return null;
  }
}
