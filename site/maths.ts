/** KaTeX's style and fonts. Equations are typeset when the site is built; pages need nothing else. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const katex = fileURLToPath(new URL('node_modules/katex/dist/', import.meta.url));

/**
 * Those that formulas of ours use. They are part of the style, so that they are there when text is first laid out around a
 * formula: one that came later would move it, brackets and sums too.
 */
export const AT_ONCE = [
  ...['Main-Regular', 'Main-Bold', 'Main-Italic', 'Math-Italic', 'AMS-Regular', 'Caligraphic-Regular'],
  ...['Size1-Regular', 'Size2-Regular', 'Size3-Regular', 'Size4-Regular'],
].map((name) => `KaTeX_${name}`);

/** Writes `katex.min.css` and `fonts/`, in the one kind of font that every browser reads that runs the library. */
export function writeMaths(folder: string): void {
  mkdirSync(join(folder, 'fonts'), { recursive: true });
  const style = readFileSync(join(katex, 'katex.min.css'), 'utf8')
    .replaceAll(/,url\(fonts\/[\w-]+\.(?:woff|ttf)\) format\("\w+"\)/g, '')
    .replaceAll(/url\(fonts\/([\w-]+)\.woff2\)/g, (address, name) =>
      AT_ONCE.includes(name) ? `url(data:font/woff2;base64,${fontOf(name).toString('base64')})` : address,
    );
  writeFileSync(join(folder, 'katex.min.css'), style);
  for (const name of readdirSync(join(katex, 'fonts'))) {
    const isInStyle = AT_ONCE.some((each) => name.startsWith(`${each}.`));
    if (name.endsWith('.woff2') && !isInStyle) cpSync(join(katex, 'fonts', name), join(folder, 'fonts', name));
  }
}

function fontOf(name: string): Buffer {
  return readFileSync(join(katex, 'fonts', `${name}.woff2`));
}
