/** What the answers of the guide do not follow from. */
import { needComparison } from '../../../bench/report/results.ts';
import { type Html, html } from '../../../src/compare/report/html.ts';
import { recipes } from '../../../src/training/recipes/registry.ts';
import { tokensOf } from './answers.ts';

export function caveats(): Html {
  const { environment, input } = needComparison();
  const lengths = recipes.map(({ name }) => tokensOf(name));
  const layers = recipes.flatMap(({ settings }) => settings.model.layers ?? []);
  return html`<section class="card caveats" aria-labelledby="caveats">
<h3 id="caveats">What all this does not show</h3>
<ul>
<li>One machine: ${environment.cpu}, ${environment.threads} threads (training: 1 each), WebAssembly, no graphics card. On other
hardware the order of times can be another.</li>
<li>Errors are on ${input.lengths.join(' and ')} tokens of one small encoder (${input.name}). Longer texts, larger models and other languages were
not measured.</li>
<li>Errors are without training. Parameters that a model would learn (kernels of convolutions, projections) are as drawn, so these
variants look worse here than in a model that was trained with them; Reformer is given a model that was not trained to
share queries and keys.</li>
<li>Models trained here have ${span(layers)} layers and see ${span(lengths)} tokens, where windows and chunks leave little out. That a variant
learns there says that its gradients are right, not how far it goes.</li>
<li>Times are of this library. It computes what the papers say; another implementation may be faster in other places.</li>
</ul>
</section>`;
}

/** `64 to 128` */
function span(values: readonly number[]): string {
  return [...new Set([Math.min(...values), Math.max(...values)])].join(' to ');
}
