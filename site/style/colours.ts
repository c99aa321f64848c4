/** The site's colours: those of the report, and some more, for both modes and for a reader's own choice. */
import { shadeColours } from '../../src/compare/patterns/svg.ts';
import { coloursOf, edgeShading } from '../../src/compare/report/style.ts';

const MORE = {
  light: '--accent:#005c90;--shown:#0072b2;--on-accent:#ffffff;--code-bg:#eeeeea;',
  dark: '--accent:#6bb8ec;--shown:#3d9fe0;--on-accent:#06131d;--code-bg:#22252b;',
};

/** Of code, by the class of a token (source/highlight.ts), and of what is under it. */
const CODE = {
  light:
    '--t-comment:#5c6068;--t-keyword:#8a2f6b;--t-operator:#565b64;--t-string:#276749;--t-number:#9a4a00;' +
    '--t-type:#1c6184;--t-function:#4b45a8;--t-property:#2b2e34;--code-surface:#fbfbf9;--mark:#fff1c9;--shade:rgb(0 0 0 / 14%);',
  dark:
    '--t-comment:#9aa0a8;--t-keyword:#e39ac6;--t-operator:#a3a9b2;--t-string:#8fcfa8;--t-number:#f0b072;' +
    '--t-type:#84c5e8;--t-function:#b9b1f2;--t-property:#dfe2e6;--code-surface:#14161a;--mark:#37301a;--shade:rgb(0 0 0 / 60%);',
};

/** `color-scheme` also decides what scroll bars, sliders and select boxes look like. */
export function colourRules(): string {
  const rule = (mode: 'light' | 'dark') =>
    `{color-scheme:${mode};${coloursOf(mode)}${MORE[mode]}${CODE[mode]}${shadesOf(mode)}}`;
  return (
    `:root{--edges:${edgeShading};}\n:root${rule('light')}\n` +
    `@media (prefers-color-scheme:dark){:root:not([data-theme="light"])${rule('dark')}}\n` +
    `:root[data-theme="dark"]${rule('dark')}\n` +
    shadeColours('light')
      .map(([name]) => `.shades .${name}{fill:var(--${name})}`)
      .join('')
  );
}

/** Of the cells of a drawn matrix, `--s1` to `--s16`, and of weights below zero `--n1` to `--n16`. */
function shadesOf(mode: 'light' | 'dark'): string {
  return shadeColours(mode)
    .map(([name, colour]) => `--${name}:${colour};`)
    .join('');
}
