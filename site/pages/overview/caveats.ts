/** What the answers of the guide do not follow from. */
import { needComparison } from '../../../bench/report/results.ts';
import { type Html, html } from '../../../src/compare/report/html.ts';
import { formatWhole } from '../../../src/terminal/format.ts';
import { recipes } from '../../../src/training/recipes/registry.ts';
import { tokensOf } from './answers.ts';

export function caveats(): Html {
  const { environment, input } = needComparison();
  const lengths = recipes.map(({ name }) => tokensOf(name));
  const layers = recipes.flatMap(({ settings }) => settings.model.layers ?? []);
  return html`<section class="card caveats" aria-labelledby="caveats">
<h3 id="caveats">What these measurements do not show</h3>
<ul>
<li>They come from one machine: ${environment.cpu}, ${environment.threads} threads (1 in training), WebAssembly, no graphics card. Other hardware can
change the order of the times.</li>
<li>Errors are for ${input.lengths.map(formatWhole).join(' and ')} tokens in one small encoder (${input.name}). Nobody measured longer texts, larger models or
other languages here.</li>
<li>Errors are without training. Parameters that a model would learn, as kernels of convolutions and projections, are random here. So these
variants look worse than in a model that was trained with them. Reformer gets a model that was not trained to share queries and
keys.</li>
<li>The trained models have ${span(layers)} layers and read ${span(lengths)} tokens. At this size windows and chunks leave little out. If a variant
learns there, its gradients are right; how far it goes is another question.</li>
<li>Times are times of this library, which computes what the papers say. Another implementation may be faster.</li>
</ul>
</section>`;
}

/** `64 to 128` */
function span(values: readonly number[]): string {
  return [...new Set([Math.min(...values), Math.max(...values)])].join(' to ');
}
