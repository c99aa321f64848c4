/** The families, what each changes about full attention, and the variants in each with a picture of what they do. */
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import { type AnyVariant, allVariants } from '../../../src/variants/registry.ts';
import { notesOf } from '../../papers/index.ts';
import { drawThumbnails, type Thumbnails } from './thumbnails.ts';

type Family = AnyVariant['family'];

/** The idea in one line, and what it costs the result. In the order in which they leave full attention behind. */
export const FAMILIES: Record<Exclude<Family, 'full'>, { title: string; idea: string }> = {
  sparse: {
    title: 'Sparse',
    idea: 'Compute only the pairs on a pattern that is fixed beforehand; leave out the rest.',
  },
  hashing: { title: 'Hashing', idea: 'Let the tokens choose the pairs: those that hash alike meet.' },
  'low-rank': { title: 'Low rank', idea: 'Let a few mixtures or landmarks stand for all keys.' },
  kernel: {
    title: 'Kernel',
    idea: 'Write a weight as a product of features, so that keys and values are summed up once.',
  },
  recurrence: { title: 'Recurrence', idea: 'Read in segments, and remember the one before.' },
  convolution: { title: 'Convolution', idea: 'Do not compare at all: mix neighbours with weights of their own.' },
};

const PIXELS = { root: 104, variant: 72 };

export function taxonomy(): Html {
  const variants = allVariants();
  const thumbnails = drawThumbnails();
  const full = variants.find(({ family }) => family === 'full') as AnyVariant;
  const branches = Object.entries(FAMILIES).map(([family, { title, idea }]) => {
    const own = variants.filter((variant) => variant.family === family);
    return html`<li class="family"><div><h3>${title}</h3><p class="gist">${idea}</p></div>
<ul>${own.map((variant) => entry(variant, thumbnails))}</ul></li>
`;
  });
  return html`<section aria-labelledby="families">
<h2 id="families">Six ways not to pay for every pair</h2>
<p>All start from full attention, whose output is a mean of the values, weighted by how well a query matches each key. They differ in
what they do about the ${raw('<i>L</i><sup>2</sup>')} weights.</p>
<div class="tree">
<div class="root">${thumbnails.of(full.name, PIXELS.root)}<div><h3><a href="variants/${full.name}.html">${full.name}</a></h3>
<p>${plainIdea(full.name)}</p><p class="meta">${full.paper.authors} ${full.paper.year} · ${full.complexity}</p></div></div>
<ul class="families">
${branches}</ul>
</div>
<p class="note">The pictures show each variant’s weights on the same input, ${thumbnails.subject}: the stronger the colour, the more
weight; nothing is drawn where it is exactly zero, and orange is below zero. Parameters are as drawn, not trained; windows, chunks
and landmarks are small, to fit. <a href="patterns.html">Larger, and with your own options</a>.</p>
</section>`;
}

function entry(variant: AnyVariant, thumbnails: Thumbnails): Html {
  const { name, paper, complexity } = variant;
  return html`<li>${thumbnails.of(name, PIXELS.variant)}<div><h4><a href="variants/${name}.html">${name}</a></h4>
<p>${plainIdea(name)}</p><p class="meta">${paper.authors} ${paper.year} · ${complexity}</p></div></li>`;
}

/** The notes' sentence, whose TeX is single letters: these become italics. */
export function plainIdea(name: string): Html {
  const parts = notesOf(name).idea.split('$');
  return html`${parts.map((part, index) => (index % 2 === 0 ? part : html`<i>${part}</i>`))}`;
}
