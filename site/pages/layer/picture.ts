/** Who is routed where: the picture as it begins, and its sliders. */
import { type Html, html } from '../../../src/compare/report/html.ts';
import { completeFeedForward } from '../../../src/training/feed-forward/registry.ts';
import { routedPicture, routedText, TEXT, wordsOf } from '../../client/layer/routed.ts';
import { LAYER_HIDDEN, LAYER_WIDTH, route } from '../../engine/routing.ts';
import type { LayerNotes, LayerSlider } from '../../papers/layers.ts';
import { numberField } from '../number-field.ts';

const SEED = 1;

export function pictureSection(kind: string, { what, start, sliders }: NonNullable<LayerNotes['picture']>): Html {
  const options = { ...completeFeedForward({ kind, ...start }) };
  const words = wordsOf(TEXT);
  const ask = { kind, options: start, words, seed: SEED };
  const [routed, inEvaluation] = [true, false].map((training) => route({ ...ask, training }));
  // Of a layer that does the same in both there is nothing to choose.
  const differs = JSON.stringify(routed) !== JSON.stringify(inEvaluation);
  const canBeFull = routed.refused.length > 0;
  return html`<p>Each word is a token, and each column one of the ${what[1]}. A filled cell is a first choice, a lighter one a further choice${
    canBeFull ? `; a hollow cell is a choice that met a full ${what[0]} and is dropped` : ''
  }. The last row is how much each of them has${canBeFull ? ', under the line of its room' : ''}.</p>
<div class="routing" data-routing="${kind}" data-called="${what.join(',')}" data-options="${JSON.stringify(start)}">
<form class="card routing-controls" aria-label="Of the picture">
<label class="text">Words <input type="text" name="text" value="${TEXT}" autocomplete="off" spellcheck="false"></label>
${sliders.map((slider) => sliderField(slider, Number(options[slider.option])))}
${differs ? html`<label class="check"><input type="checkbox" name="training" checked autocomplete="off"> While training</label>\n` : null}<label class="seed">Seed ${numberField({ id: 'seed', called: 'seed', kind: 'integer', value: SEED, minimum: 0, name: 'seed' })}</label>
<p class="problem" data-part="problem" role="alert"></p>
</form>
<div data-part="picture">
${routedPicture(words, routed, what)}</div>
<p class="said" data-part="said" aria-live="polite">${routedText(words, routed, what)}</p>
<noscript><p class="note">Without JavaScript the picture stays as it is.</p></noscript>
</div>
<p class="note">The library computes this in the page, with a layer of width ${LAYER_WIDTH} and ${LAYER_HIDDEN} hidden units as it starts: nothing was
trained. A word has a random vector, and each place adds a part of its own. Of a trained model,
<code>npm start -- eval --routing</code> shows which tokens go where.</p>`;
}

/** The stop that is nearest to where the picture begins. */
function sliderField({ option, stops }: LayerSlider, value: number): Html {
  const at = stops.reduce((best, stop, n) => (Math.abs(stop - value) < Math.abs(stops[best] - value) ? n : best), 0);
  const id = `option-${option}`;
  return html`<div class="slider"><label for="${id}"><code>${option}</code></label> <output id="${id}-text" for="${id}">${stops[at]}</output>
<input type="range" id="${id}" data-option="${option}" data-stops="${JSON.stringify(stops)}" min="0" max="${stops.length - 1}" value="${at}" aria-valuetext="${stops[at]}" autocomplete="off"></div>
`;
}
