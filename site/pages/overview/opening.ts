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
<p class="lead">Attention compares every token with every other token: ${page.pairs} pairs for ${page.tokens} tokens, and
${book.pairs} for ${book.tokens}. This site has ${wordFor(variants.length - 1)} ways to compute less. Each is written from scratch from
one paper, to be read beside that paper, and measured against full attention.</p>
<p class="ways"><a class="begin" href="course/index.html">Take the course <span>from one token to choosing a variant</span></a>
<a href="exercises.html">Write attention yourself</a>
<a href="variants/longformer.html">Start with Longformer</a>
<a href="#guide">Which one for me?</a></p>
</div>
${pictures()}
</header>
<ul class="readers">
<li class="card"><h2>Read</h2>
<p>Each variant has a page with the paper’s equations on the left and its source on the right, line by line. <a href="#families">Choose
one below</a>.</p></li>
<li class="card"><h2>Verify</h2>
<p>The library runs in your browser. <a href="explorer.html">The explorer</a> shows a variant’s weights beside full attention’s, with
its error and its time. Or see <a href="patterns.html">all patterns side by side</a>.</p></li>
<li class="card"><h2>Train</h2>
<p><a href="playground.html">Train small models in this browser</a>. In code there is <a href="api/index.html">the API</a>, and in a
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
      caption: `${formatWhole(pairs)} pairs, ${formatPercent(share)} of all`,
      described: `The same square, empty but for a band along the diagonal, ${WINDOW + 1} tokens wide, and for the first row and the first column.`,
    },
  ];
  return html`<figure class="pair">
<div>${panels.map(
    (panel, index) =>
      html`<div>${matrix(panel, shading, pixels, drawn[index].described)}<p><strong>${drawn[index].title}</strong><br>${drawn[index].caption}</p></div>`,
  )}</div>
<figcaption>A row is a query, a column is a key. A stronger colour is a larger weight. Input: ${subject}.</figcaption>
</figure>`;
}

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];

/** `seven`; figures from thirteen on. */
export function wordFor(count: number): string {
  return WORDS[count] ?? formatWhole(count);
}
