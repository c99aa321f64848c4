/** The site's colours: those of the report, and some more, for both modes and for a reader's own choice. */
import { shadeColours } from '../../src/compare/patterns/svg.ts';
import { coloursOf } from '../../src/compare/report/style.ts';

const MORE = {
  light: '--accent:#005c90;--on-accent:#ffffff;--code-bg:#eeeeea;',
  dark: '--accent:#6bb8ec;--on-accent:#06131d;--code-bg:#22252b;',
};

/** `color-scheme` also decides what scroll bars, sliders and select boxes look like. */
export function colourRules(): string {
  const rule = (mode: 'light' | 'dark') => `{color-scheme:${mode};${coloursOf(mode)}${MORE[mode]}${shadesOf(mode)}}`;
  return (
    `:root${rule('light')}\n` +
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
