/** The families, what each changes about full attention, and the variants in each with a picture of what they do. */
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import { notesOf } from '../../papers/index.ts';
import { FAMILIES, type Family, variantsByFamily } from '../families.ts';
import { finder } from '../finder.ts';
import { layerLinks } from './links.ts';
import { wordFor } from './opening.ts';
import { drawThumbnails, type Thumbnails } from './thumbnails.ts';

/** The idea of what is full attention but for its weights. */
const ALL_PAIRS = 'Compare every pair, and change what a weight is.';
const PIXELS = { root: 104, variant: 72 };

export function taxonomy(): Html {
  const thumbnails = drawThumbnails();
  const [{ variants: roots }, ...families] = variantsByFamily();
  const [full, ...changed] = roots;
  // What keeps all pairs, and changes their weights, is a branch like the others.
  const groups = [
    ...(changed.length === 0 ? [] : [{ family: full.family, title: 'All pairs', idea: ALL_PAIRS, variants: changed }]),
    ...families.map((each) => ({ ...each, idea: FAMILIES[each.family as Exclude<Family, 'full'>].idea })),
  ];
  const branches = groups.map(({ family, title, idea, variants }) => {
    const count = variants.length === 1 ? '1 variant' : `${variants.length} variants`;
    return html`<li class="family" data-group><div><h3 id="family-${family}">${title}</h3><p class="gist">${idea}</p><p class="meta">${count}</p></div>
<ul>${variants.map((variant) => entry(variant, thumbnails))}</ul></li>
`;
  });
  const jumps = groups.map(
    ({ family, title, variants }) =>
      html`<li data-jump="family-${family}"><a href="#family-${family}">${title} <span class="count">${variants.length}</span></a></li>`,
  );
  return html`<section aria-labelledby="families">
<h2 id="families">${wordFor(families.length).replace(/^./, (letter) => letter.toUpperCase())} ways to avoid comparing every pair</h2>
<p>Full attention gives each token a mean of the values. A value weighs more if its key matches the query better. The families
differ in what they do about the ${raw('<i>L</i><sup>2</sup>')} weights.</p>
${finder('The pictures and the table below show the variants that fit.')}
<ul class="questions" aria-label="Families">${jumps}</ul>
<div class="tree">
<div class="root" data-variant="${full.name}">${thumbnails.of(full.name, PIXELS.root)}<div><h3><a href="variants/${full.name}.html">${full.name}</a></h3>
<p>${plainIdea(full.name)}</p><p class="meta">${full.paper.authors} ${full.paper.year} · ${full.complexity}</p></div></div>
<ul class="families">
${branches}</ul>
</div>
<p>The other half of a layer is its feed-forward network. Here it may use a part of its parameters for each token:
${layerLinks()}. <a href="survey.html#classes">The survey’s classes</a> have both halves.</p>
<p class="note">Each picture shows a variant’s weights on the same input: ${thumbnails.subject}. A stronger colour is a larger
weight. An empty cell is exactly zero, and orange is below zero. Nothing was trained here: parameters are random. Windows, chunks and
landmarks are small, so that the pictures can show them. <a href="patterns.html">Larger pictures, with your own options</a>.</p>
</section>`;
}

function entry(variant: AnyVariant, thumbnails: Thumbnails): Html {
  const { name, paper, complexity } = variant;
  return html`<li data-variant="${name}">${thumbnails.of(name, PIXELS.variant)}<div><h4><a href="variants/${name}.html">${name}</a></h4>
<p>${plainIdea(name)}</p><p class="meta">${paper.authors} ${paper.year} · ${complexity}</p></div></li>`;
}

/** The notes' sentence, whose TeX is single letters: these become italics. */
export function plainIdea(name: string): Html {
  const parts = notesOf(name).idea.split('$');
  return html`${parts.map((part, index) => (index % 2 === 0 ? part : html`<i>${part}</i>`))}`;
}
