/** The frame of every page: head, navigation, the page's own content, foot. */
import { type Html, html, raw } from '../../src/compare/report/html.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { sourceLink } from './project.ts';

export interface Page {
  /** In the site, e.g. `variants/longformer.html`. */
  path: string;
  /** Of the tab, and what links call it. */
  title: string;
  /** A sentence, for search engines and for those to whom the page is read out. */
  description: string;
  body: Html;
  /** Client scripts, by the name of their file under client/; `sorting` is that of tables that sort. */
  scripts?: readonly string[];
  /** Whether it has typeset equations. */
  maths?: boolean;
  /** Wide pages use the whole window: prose and code side by side. */
  wide?: boolean;
}

/** The path of a file of the repository, in a heading: where the line is too short, it goes on after a slash. */
export function pathLabel(path: string): Html {
  const parts = path.split('/').flatMap((part, n) => (n === 0 ? [part] : ['/', raw('<wbr>'), part]));
  return html`<code class="path">${parts}</code>`;
}

/** The pages that the navigation names; the rest is reached from these. */
export const NAVIGATION = [
  { path: 'index.html', title: 'Overview' },
  { path: 'course/index.html', title: 'Course' },
  { path: 'explorer.html', title: 'Explorer' },
  { path: 'patterns.html', title: 'Patterns' },
  { path: 'playground.html', title: 'Training' },
  { path: 'api/index.html', title: 'API' },
];

/** Chosen by hand before; in the head, so that the page is never painted in the other colours first. */
const THEME = `try{const t=localStorage.getItem('theme');if(t)document.documentElement.dataset.theme=t}catch{}`;

/** A page that its address sets up is seen once its scripts have done so, since they make some parts larger or smaller. */
const SET_UP = `if(location.hash.includes('=')||location.search){const c=document.documentElement.classList;c.add('set-up');
addEventListener('DOMContentLoaded',()=>c.remove('set-up'))}`;

/** Has the fonts of formulas ready when text is first laid out around them: by themselves they come after that. */
const FONTS = `for(const font of ['1em KaTeX_Main','bold 1em KaTeX_Main','italic 1em KaTeX_Main','italic 1em KaTeX_Math','1em KaTeX_AMS',
'1em KaTeX_Caligraphic','1em KaTeX_Size1','1em KaTeX_Size2','1em KaTeX_Size3','1em KaTeX_Size4'])document.fonts.load(font)`;

/** The whole document. Links are relative, so that it works in any folder and from a disk. */
export function documentOf(page: Page): string {
  const { path, title, description, body, scripts = [], maths = false, wide = false } = page;
  const root = rootFrom(path);
  const above = /^(variants|layers|ops)\//.test(path)
    ? 'index.html'
    : path.startsWith('course/')
      ? 'course/index.html'
      : '';
  const links = NAVIGATION.map((each) => {
    const current = each.path === path || each.path === above;
    const how = each.path === path ? 'page' : current ? 'true' : null;
    return html`<li><a href="${root}${each.path}"${how === null ? null : html` aria-current="${how}"`}>${each.title}</a></li>`;
  });
  return html`<!doctype html>
<html lang="en" data-root="${root}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${path === 'index.html' ? 'efficient-transformers' : `${title} · efficient-transformers`}</title>
<meta name="description" content="${description}">
<link rel="icon" href="${root}icon.svg">
${maths ? html`<link rel="stylesheet" href="${root}maths/katex.min.css">\n` : null}<link rel="stylesheet" href="${root}style.css">
<script>${raw(THEME)}</script>
${
  scripts.length > 0
    ? html`<script>${raw(SET_UP)}</script>
`
    : null
}${
  maths
    ? html`<script>${raw(FONTS)}</script>
`
    : null
}${['frame', ...scripts].map((name) => html`<script defer src="${root}scripts/${name}.js"></script>\n`)}</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="site">
<nav aria-label="Site">
<a class="brand" href="${root}index.html">efficient-transformers</a>
<ul>${links}</ul>
${findBox(root)}
<button type="button" id="theme" aria-label="Change between light and dark">◐</button>
</nav>
</header>
<main id="main" tabindex="-1"${wide ? html` class="wide"` : null}>
${body}
</main>
<footer class="site">
<p><a href="${root}cite.html">How to cite</a> · ${sourceLink(root)} · MIT licence · built by <code>npm run site</code></p>
</footer>
</body>
</html>
`.source;
}

/** A search on every page; without a script the overview answers it. On a phone it is a link to that of the overview. */
function findBox(root: string): Html {
  return html`<form class="find" role="search" action="${root}index.html"><input type="search" name="find" list="variant-names" aria-label="Find a variant" placeholder="Find a variant" autocomplete="off" spellcheck="false">
<datalist id="variant-names">${allVariants().map(({ name }) => html`<option value="${name}">`)}</datalist></form>
<a class="find-link" href="${root}index.html#finder" aria-label="Find a variant">⌕</a>`;
}

/** From a page to the root of the site: `./` or `../`. */
export function rootFrom(path: string): string {
  const depth = path.split('/').length - 1;
  return depth === 0 ? './' : '../'.repeat(depth);
}
