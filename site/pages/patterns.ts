/** Which tokens attend to which in every variant, side by side and live. */
import { hasPattern } from '../../src/compare/patterns/grid.ts';
import { SHADES } from '../../src/compare/patterns/shade.ts';
import { type Html, html } from '../../src/compare/report/html.ts';
import { formatPercent, formatWhole } from '../../src/terminal/format.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { costsTooMuch, leftOutText, shownText } from '../client/patterns/cost.ts';
import { HEAD_DIM, HEADS, LENGTHS, SHARES, START, sizeOf } from '../client/patterns/settings.ts';
import { addressOfLesson, LESSONS } from '../course/index.ts';
import { budgets } from '../engine/patterns.ts';
import { variantsByFamily } from './families.ts';
import { finder } from './finder.ts';
import { numberField } from './number-field.ts';
import type { Page } from './page.ts';

export function patternsPage(): Page {
  return {
    path: 'patterns.html',
    title: 'Patterns',
    description:
      'Which tokens attend to which in each attention variant, side by side at the same cost, at the length that you choose.',
    body: body(allVariants()),
    scripts: ['patterns'],
    wide: true,
  };
}

type Kind = 'pattern' | 'weights';

function body(variants: readonly AnyVariant[]): Html {
  const over = overAtStart(variants);
  return html`<h1>Patterns at equal cost</h1>
<p class="lead">Which tokens attend to which. A row is a query, a column is a key, and the first token is at the top left. Each variant gets the largest budget that costs at most the same share of full attention’s FLOPs.</p>
<noscript><p class="card">This page computes the pictures itself and needs JavaScript. In a terminal, <code>npm start -- patterns --report patterns.html</code> draws them.</p></noscript>
${controls()}
${finder('The pictures below show the variants that fit, as far as their cost allows.', shownText(variants.length - over.size, variants.length))}
<p class="visually-hidden" id="spoken" aria-live="polite"></p>
<p class="note left-out-note" id="left-out">${leftOutText(over, START.share)}</p>
<div id="pictures" aria-busy="true">
<h2>Pairs that a pattern fixes</h2>
<p class="note">These variants allow the same pairs whatever the tokens are. A stronger cell has more allowed pairs, in the mean over ${HEADS} heads.</p>
${families(variants, 'pattern', over)}
<h2>Weights that depend on the tokens</h2>
<p class="note">These variants weigh pairs by queries and keys. Up to 512 tokens these come from MiniLM, a trained encoder, as it reads English (layer 1). For longer sequences they are random numbers, in clusters of similar tokens. Nothing was trained here: parameters are random. Full attention’s weights of the same input come first, for comparison. Orange is below zero.</p>
${families(variants, 'weights', over)}
</div>
<section aria-labelledby="how">
<h2 id="how">How cost is counted</h2>
<p>FLOPs are the floating-point operations of a forward pass with ${HEADS} heads of width ${HEAD_DIM}, by the variant’s own formula. The width is 32 where the trained model’s weights are shown. A causal variant is compared with causal full attention. A variant without a budget has one cost. With few tokens the overhead of some variants is larger than what they save: Reformer also sorts, and Transformer-XL also multiplies with positions. Such a variant costs more than the chosen share even at its smallest budget. The page leaves it out, unless you ask for it; then its share is red.</p>
</section>`;
}

/** Names and shares of what costs more than the share that the page begins with, even at its cheapest. */
function overAtStart(variants: readonly AnyVariant[]): ReadonlyMap<string, number> {
  const ask = { share: START.share, causal: START.causal, seed: START.seed };
  const [patterns, weights] = [false, true].map((isOfWeights) => budgets({ ...sizeOf(START, isOfWeights), ...ask }));
  return new Map(
    variants.flatMap((variant) => {
      const found = (hasPattern(variant) ? patterns : weights).find((each) => each.variant === variant.name);
      const isOver = found !== undefined && costsTooMuch(found, START.share);
      return isOver ? [[variant.name, found.share] as const] : [];
    }),
  );
}

/** Full attention is in both halves: every pair allowed, and the weights that all others approximate or replace. */
function families(variants: readonly AnyVariant[], kind: Kind, over: ReadonlyMap<string, number>): Html {
  const sections = variantsByFamily().map(({ family, title }) => {
    const own = variants.filter((variant) => {
      return variant.family === family && (family === 'full' || hasPattern(variant) === (kind === 'pattern'));
    });
    if (own.length === 0) return null;
    const id = `${kind}-${family}`;
    const shown = own.filter(({ name }) => !over.has(name)).length;
    const explained = LESSONS.filter((lesson) => own.some(({ name }) => lesson.variants.includes(name)));
    const lessons = explained.map((lesson, n) => {
      return html`${n === 0 ? '' : ' · '}<a href="${addressOfLesson(lesson)}">${lesson.title}</a>`;
    });
    return html`<section style="--cards:${shown}" data-group${shown === 0 ? html` hidden` : null} aria-labelledby="${id}">
<h3 id="${id}">${family === 'full' && kind === 'weights' ? `${title}’s weights` : title}</h3>
${lessons.length === 0 ? null : html`<p class="note">In the course: ${lessons}</p>\n`}<div class="cards">${own.map((variant) => card(variant, kind, over.has(variant.name)))}</div>
</section>
`;
  });
  return html`<div class="pattern-families">
${sections}</div>`;
}

function controls(): Html {
  const { length, share, causal, seed, over } = START;
  return html`<form class="card pattern-controls" id="controls" aria-label="Of all pictures">
<div class="slider"><label for="length">Length</label> <output id="length-text" for="length">${formatWhole(length)} tokens</output>
<input type="range" id="length" min="0" max="${LENGTHS.length - 1}" value="${LENGTHS.indexOf(length)}" autocomplete="off"></div>
<div class="slider"><label for="share">Share of full’s FLOPs</label> <output id="share-text" for="share">${formatPercent(share)}</output>
<input type="range" id="share" min="0" max="${SHARES.length - 1}" value="${SHARES.indexOf(share)}" autocomplete="off"></div>
<label class="check"><input type="checkbox" id="causal"${causal ? html` checked` : null} autocomplete="off"> Causal</label>
<label class="check"><input type="checkbox" id="over"${over ? html` checked` : null} autocomplete="off"> Show what costs more</label>
<label class="seed">Seed ${numberField({ id: 'seed', called: 'seed', kind: 'integer', value: seed, minimum: 0 })}</label>
<div class="legend">
<span><span class="lab-none"></span> none</span>
<span><span class="lab-ramp" role="img" aria-label="from faint to strong">${ramp('s')}</span> some to all pairs of a cell</span>
<span>weights, logarithmic: from <b id="faintest">–</b> to <b id="strongest">–</b></span>
<span>below zero <span class="lab-ramp" role="img" aria-label="from faint to strong, below zero">${ramp('n')}</span></span>
</div>
<p class="problem" id="problem" role="alert"></p>
</form>`;
}

function ramp(sign: 's' | 'n'): Html[] {
  return Array.from({ length: SHADES }, (_, n) => html`<i style="background:var(--${sign}${n + 1})"></i>`);
}

function card({ name, supports }: AnyVariant, kind: Kind, isOver: boolean): Html {
  return html`<article class="pattern-card${isOver ? ' over left-out' : ''}" data-variant="${name}" data-kind="${kind}" data-causal="${String(supports.causal)}">
<h4><a href="variants/${name}.html">${name}</a></h4>
<div class="picture"><canvas class="matrix" role="img" aria-label="Picture of ${name}, not drawn yet"></canvas><span class="reason" aria-hidden="true">has no causal form</span></div>
<p class="budget"><span data-budget>–</span><a data-explore href="explorer.html" aria-label="explore ${name}">explore</a></p>
<p data-share>–</p>
<p data-drawn>–</p>
</article>
`;
}
