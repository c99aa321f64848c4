/** Who attends to whom in every variant, side by side and live. */
import { hasPattern } from '../../src/compare/patterns/grid.ts';
import { SHADES } from '../../src/compare/patterns/shade.ts';
import { type Html, html } from '../../src/compare/report/html.ts';
import { formatPercent, formatWhole } from '../../src/terminal/format.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { HEAD_DIM, HEADS, LENGTHS, SHARES, START } from '../client/patterns/settings.ts';
import { FAMILIES } from './overview/taxonomy.ts';
import type { Page } from './page.ts';

export function patternsPage(): Page {
  return {
    path: 'patterns.html',
    title: 'Patterns',
    description:
      'Who attends to whom in each attention variant, side by side at the same cost, at the length that you choose.',
    body: body(allVariants()),
    scripts: ['patterns'],
    wide: true,
  };
}

type Kind = 'pattern' | 'weights';

function body(variants: readonly AnyVariant[]): Html {
  return html`<h1>Patterns at equal cost</h1>
<p class="lead">Who attends to whom: a row is a query, a column is a key, the first token is at the top left. Every variant gets the largest budget that stays within the same share of full attention’s floating point operations.</p>
<noscript><p class="card">The pictures are computed in this page, which needs JavaScript. At the command line, <code>npm start -- patterns --report patterns.html</code> draws them.</p></noscript>
${controls()}
<p class="problem" id="problem" role="alert"></p>
<p class="visually-hidden" id="spoken" aria-live="polite"></p>
<div id="pictures" aria-busy="true">
<h2>Pairs that are chosen beforehand</h2>
<p class="note">These restrict pairs regardless of what the tokens hold: the stronger a cell, the more of its pairs are allowed, in the mean over ${HEADS} heads.</p>
${families(variants, 'pattern')}
<h2>Weights that depend on the tokens</h2>
<p class="note">These weigh pairs by queries and keys: here, up to 512 tokens, those of MiniLM, a trained encoder, as it reads English (layer 1), and of longer sequences drawn ones, in clusters of tokens that are alike. Parameters are as drawn, not trained. Full attention’s weights of the same numbers come first, to compare with. Orange is below zero.</p>
${families(variants, 'weights')}
</div>
<section aria-labelledby="how">
<h2 id="how">What is counted</h2>
<p>FLOPs are those of a forward pass with ${HEADS} heads of width ${HEAD_DIM}, by the variant’s own formula (of width 32 where the trained model’s are shown), causal ones beside causal full attention. A variant without a budget costs what it costs. Of few tokens the overhead of some is larger than what they save: Reformer also sorts, and Transformer-XL also multiplies with positions. The share then says <em>at least</em>, and the picture is of the cheapest budget.</p>
</section>`;
}

/** Full attention is in both halves: every pair allowed, and the weights that all others approximate or replace. */
function families(variants: readonly AnyVariant[], kind: Kind): Html {
  const sections = Object.entries({ full: { title: 'Full attention' }, ...FAMILIES }).map(([family, { title }]) => {
    const own = variants.filter((variant) => {
      return variant.family === family && (family === 'full' || hasPattern(variant) === (kind === 'pattern'));
    });
    if (own.length === 0) return null;
    const id = `${kind}-${family}`;
    return html`<section style="--cards:${own.length}"${own.length > 3 ? html` class="many"` : null} aria-labelledby="${id}">
<h3 id="${id}">${family === 'full' && kind === 'weights' ? `${title}’s weights` : title}</h3>
<div class="cards">${own.map((variant) => card(variant, kind))}</div>
</section>
`;
  });
  return html`<div class="pattern-families">
${sections}</div>`;
}

function controls(): Html {
  const { length, share, causal, seed } = START;
  return html`<form class="card pattern-controls" id="controls" aria-label="Of all pictures">
<div class="slider"><label for="length">Length</label> <output id="length-text" for="length">${formatWhole(length)} tokens</output>
<input type="range" id="length" min="0" max="${LENGTHS.length - 1}" value="${LENGTHS.indexOf(length)}" autocomplete="off"></div>
<div class="slider"><label for="share">Share of full attention’s FLOPs</label> <output id="share-text" for="share">${formatPercent(share)}</output>
<input type="range" id="share" min="0" max="${SHARES.length - 1}" value="${SHARES.indexOf(share)}" autocomplete="off"></div>
<label class="check"><input type="checkbox" id="causal"${causal ? html` checked` : null} autocomplete="off"> Causal</label>
<label class="seed">Seed <input type="number" id="seed" min="0" step="1" value="${seed}" autocomplete="off"></label>
<div class="legend">
<span><span class="lab-none"></span> none</span>
<span><span class="lab-ramp" role="img" aria-label="from faint to strong">${ramp('s')}</span> some to all pairs of a cell</span>
<span>weights, logarithmic: from <b id="faintest">–</b> to <b id="strongest">–</b></span>
<span>below zero <span class="lab-ramp" role="img" aria-label="from faint to strong, below zero">${ramp('n')}</span></span>
</div>
</form>`;
}

function ramp(sign: 's' | 'n'): Html[] {
  return Array.from({ length: SHADES }, (_, n) => html`<i style="background:var(--${sign}${n + 1})"></i>`);
}

function card({ name, supports }: AnyVariant, kind: Kind): Html {
  return html`<article class="pattern-card" data-variant="${name}" data-kind="${kind}" data-causal="${String(supports.causal)}">
<h4><a href="variants/${name}.html">${name}</a></h4>
<div class="picture"><canvas class="matrix" role="img" aria-label="Picture of ${name}, not drawn yet"></canvas><span class="reason" aria-hidden="true">has no causal form</span></div>
<p class="budget"><span data-budget>–</span><a data-explore href="explorer.html" aria-label="explore ${name}">explore</a></p>
<p data-share>–</p>
<p data-drawn>–</p>
</article>
`;
}
