/** What the problem is, in numbers and in a picture, and what is here for whom. */
import { patternGrid, shareOfPairs } from '../../../src/compare/patterns/grid.ts';
import { shadingOf } from '../../../src/compare/patterns/shade.ts';
import { type Html, html } from '../../../src/compare/report/html.ts';
import { formatPercent, formatWhole } from '../../../src/terminal/format.ts';
import { type AnyVariant, allVariants, findVariant } from '../../../src/variants/registry.ts';
import { firstTokens, matrix, panelOf } from './thumbnails.ts';

const PICTURE = { length: 128, cells: 64, pixels: 320 };
const WINDOW = 16;
const SPARSE = {
  name: 'longformer',
  options: { attentionWindow: WINDOW, globalPositions: [0] } as Record<string, unknown>,
};
/** Lengths whose pairs are counted out: a page, and a book. */
const COUNTED = [512, 65536];

export function opening(): Html {
  const variants = allVariants();
  const [page, book] = COUNTED.map((length) => ({ tokens: formatWhole(length), pairs: formatWhole(length ** 2) }));
  return html`<header class="opening">
<div>
<h1>Efficient attention, one paper at a time</h1>
<p class="lead">Attention compares every token with every other. For ${page.tokens} tokens these are ${page.pairs} pairs; for
${book.tokens}, ${book.pairs}. ${wordFor(variants.length - 1)} ways around that are here, each
written from scratch, in code to be read beside its paper, and measured against the attention that it replaces.</p>
<p class="ways"><a class="begin" href="variants/longformer.html">Start with Longformer <span>a band and a few global tokens</span></a>
<a href="#guide">Which one for me?</a></p>
</div>
${pictures()}
</header>
<ul class="readers">
<li class="card"><h2>To read</h2>
<p>Every variant has a page: its source on the right, the paper’s equations on the left, line by line. <a href="#families">Choose one below</a>.</p></li>
<li class="card"><h2>To check</h2>
<p>The library runs in your browser: <a href="explorer.html">the explorer</a> draws a variant’s matrix beside full attention’s, with
its error and time. Or see <a href="patterns.html">all patterns side by side</a>.</p></li>
<li class="card"><h2>To train</h2>
<p>Small models <a href="playground.html">learn while you watch</a>. From code there is <a href="api/index.html">the API</a>, and from a
terminal <code>npm run train</code>.</p></li>
</ul>`;
}

/** Full attention's weights beside a window's, on the same tokens and in the same shades. */
function pictures(): Html {
  const { length, cells, pixels } = PICTURE;
  const [full, sparse] = ['full', SPARSE.name].map((name) => findVariant(name) as AnyVariant);
  const { inputs, subject } = firstTokens(length);
  const panels = [panelOf(full, inputs, {}, cells), panelOf(sparse, inputs, SPARSE.options, cells)];
  const shading = shadingOf('weights', panels);
  const share = shareOfPairs(patternGrid(sparse, length, SPARSE.options, length), length);
  const pairs = Math.round(share * length ** 2);
  const drawn = [
    {
      title: 'Full attention',
      caption: `all ${formatWhole(length ** 2)} pairs`,
      described: `A square of ${length} by ${length} weights, all of it filled: strong in the first column and along the diagonal, fainter elsewhere.`,
    },
    {
      title: 'Longformer',
      caption: `${formatWhole(pairs)} pairs, ${formatPercent(share)} of them`,
      described: `The same square, empty but for a band along the diagonal, ${WINDOW + 1} tokens wide, and for the first row and the first column.`,
    },
  ];
  return html`<figure class="pair">
<div>${panels.map(
    (panel, index) =>
      html`<div>${matrix(panel, shading, pixels, drawn[index].described)}<p><strong>${drawn[index].title}</strong><br>${drawn[index].caption}</p></div>`,
  )}</div>
<figcaption>A row is a token that looks, a column one that is looked at; the stronger the colour, the more weight. ${capitalised(subject)}.</figcaption>
</figure>`;
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];

function wordFor(count: number): string {
  return capitalised(WORDS[count] ?? String(count));
}
