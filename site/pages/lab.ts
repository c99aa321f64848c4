/** The lab: a variant's attention beside full attention's, on real or drawn numbers, while its options change. */

import { DECADES, SHADES } from '../../src/compare/patterns/shade.ts';
import { type Html, html } from '../../src/compare/report/html.ts';
import { formatWhole } from '../../src/terminal/format.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { commandNote, commandOf } from '../client/lab/command.ts';
import { tellingTexts } from '../client/lab/option-controls.ts';
import { startOf } from '../client/lab/state.ts';
import { addressOfLesson, LESSONS } from '../course/index.ts';
import { optionFacts } from '../engine/options.ts';
import { controlsOf, FIRST_LAYERS, FIRST_LENGTH, FIRST_TEXT, FIRST_VARIANT } from './lab-controls.ts';

export interface LabSettings {
  /** Fixed on a variant's own page; a choice without. */
  variant?: string;
}

/**
 * Everything has its place and its size from the start, and stands in the order in which a phone shows it: nothing moves
 * when something comes late. `mountLab` of client/lab brings it to life.
 */
export function labOf({ variant }: LabSettings): Html {
  const first = variant ?? FIRST_VARIANT;
  return html`<section class="lab lab-without-pictures" data-lab aria-label="Try it">
<div class="lab-frame">
<div class="lab-top">
<p class="lab-status" role="status" data-status>This panel needs JavaScript.</p>
<div class="lab-pictures">
${picture('variant', nameOf(first), 'weights of the variant')}
${picture('full', 'full attention', 'weights of full attention')}
${picture('difference', 'difference', 'weights of the variant minus weights of full attention')}
</div>
<p class="lab-readout" data-readout>Point at a picture, or focus one and use the arrow keys.</p>
</div>
${controlsOf(variant)}
<div class="lab-rest">
${legend()}
${rowView(first)}
${figuresTable(first)}
${command(first)}
${variant === undefined ? readOn(first) : null}<p class="visually-hidden" aria-live="polite" data-announce></p>
</div>
</div>
</section>`;
}

/** Of the variant that is shown. */
function nameOf(variant: string): Html {
  return html`<span data-name>${variant}</span>`;
}

function picture(name: string, title: Html | string, about: string): Html {
  return html`<figure class="lab-picture" data-picture="${name}">
<figcaption><b>${title}</b></figcaption>
<div class="lab-canvas"><canvas class="matrix" role="img" tabindex="0" aria-label="${about}"></canvas><i class="lab-row"></i><i class="lab-key"></i>
<p class="lab-too-long" hidden></p></div>
<p class="lab-axis" aria-hidden="true"><span>↓ queries</span><span>keys →</span></p>
</figure>`;
}

function legend(): Html {
  const swatches = (sign: string): Html[] =>
    Array.from({ length: SHADES }, (_, n) => html`<i style="background:var(--${sign}${n + 1})"></i>`);
  return html`<div class="lab-legend">
<span><i class="lab-none"></i> exactly 0</span>
<span><b data-faintest>–</b><span class="lab-ramp" role="img" aria-label="from faint to strong">${swatches('s')}</span><b data-strongest>–</b></span>
<span>below 0, or less than full: <span class="lab-ramp" role="img" aria-label="from faint to strong, below zero">${swatches('n')}</span></span>
<span class="note">All three pictures share one logarithmic scale, ${formatWhole(10 ** DECADES)} : 1.</span>
</div>`;
}

function rowView(name: string): Html {
  return html`<div class="lab-row-view" data-row-view>
<div class="lab-field"><label for="lab-row">Weights of query <output data-row-name for="lab-row">256</output></label>
<input type="range" id="lab-row" min="0" max="511" step="1" value="256" data-row></div>
<canvas class="lab-chart" role="img" aria-label="Weights of one query" data-chart></canvas>
<p class="lab-chart-key"><span><i class="lab-swatch-variant"></i> ${nameOf(name)}</span><span><i class="lab-swatch-full"></i> full attention</span></p>
<div class="lab-texts" data-texts>
<div><h3>${nameOf(name)}</h3><div class="lab-text" data-text="variant" tabindex="0" role="group" aria-label="The text, shaded by the weights of the variant"></div></div>
<div><h3>full attention</h3><div class="lab-text" data-text="full" tabindex="0" role="group" aria-label="The text, shaded by the weights of full attention"></div></div>
</div>
</div>`;
}

/**
 * Its roles are said, since style lays its rows out as grids on a phone. Which figure a cell has is its
 * `data-figure`, mostly as `compare --json` names it; the exact value, its `data-value`.
 */
function figuresTable(name: string): Html {
  const cell = (figure: string | null): Html =>
    figure === null ? html`<td role="cell"></td>` : html`<td role="cell" class="number" data-figure="${figure}">–</td>`;
  const row = (title: Html | string, own: string, full: string | null, share: string | null): Html =>
    html`<tr role="row"><th role="rowheader" scope="row">${title}</th>${cell(own)}${cell(full)}${cell(share)}</tr>`;
  const head = (title: Html | string): Html => html`<th role="columnheader" scope="col" class="number">${title}</th>`;
  return html`<div class="scroll lab-figures" tabindex="0" role="region" aria-label="Figures"><table role="table">
<caption class="visually-hidden">Figures of this variant on this input, all heads</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">All heads</th>${[nameOf(name), 'full attention', 'of full'].map(head)}</tr></thead>
<tbody role="rowgroup">
${row('Output error ‖out − full‖ / ‖full‖', 'relativeError', null, null)}
${row('Error of the mean of the values, a baseline (zeros: 1)', 'meanError', null, null)}
${row('Total-variation distance of the weights', 'totalVariation', null, null)}
${row('Share of the 16 largest weights found', 'topKRecall', null, null)}
${row('Time of a forward pass, and speed-up', 'milliseconds', 'fullMilliseconds', 'speedUp')}
${row('FLOPs', 'flops', 'fullFlops', 'flopShare')}
${row('Peak memory', 'peakBytes', 'fullPeakBytes', 'byteShare')}
${row('Allowed pairs per head, counted', 'pairs', 'allPairs', 'pairShare')}
${row(html`Allowed pairs per head, by the formula <span class="lab-formula" data-formula></span>`, 'formulaPairs', null, 'formulaShare')}
</tbody></table></div>
<p class="note">The formula can give more pairs than are counted: it counts windows in full at the ends, and twice a pair that two rules allow.</p>
<p class="note lab-machine" data-machine>Times are medians, measured in this page. The variant and full attention take turns.</p>`;
}

/** Where a variant that is chosen here is explained: its page, and the lessons of the course that it belongs to. */
function readOn(first: string): Html {
  const lessons = LESSONS.map((lesson, n) => {
    const { variants, title } = lesson;
    const text = html`, <a href="${addressOfLesson(lesson)}">lesson ${n + 1}, ${title}</a>`;
    return html`<span data-explains="${variants.join(' ')}"${variants.includes(first) ? '' : html` hidden`}>${text}</span>`;
  });
  return html`<p class="note">Explained in: <a href="variants/${first}.html" data-page>the page of ${nameOf(first)}</a>${lessons}</p>
`;
}

/** Of what the lab begins with. */
function command(name: string): Html {
  const variant = findVariant(name) as AnyVariant;
  const { start, defaults } = optionFacts(variant, FIRST_LENGTH);
  const state = { ...startOf(name, FIRST_TEXT), causal: variant.supports.bidirectional === false };
  const own = Object.fromEntries(Object.keys(variant.options).map((option) => [option, start[option]]));
  const text = commandOf(state, tellingTexts(own, defaults, variant.budget?.option));
  return html`<div class="lab-command">
<p class="note">This command prints the same numbers. <span data-command-note>${commandNote(state, FIRST_LAYERS)}</span></p>
<div class="lab-command-line"><pre tabindex="0" role="group" aria-label="Command"><code data-command>${text}</code></pre>
<button type="button" class="action" data-copy>Copy</button>
<button type="button" class="action" data-save-text hidden>Save the text</button></div>
</div>`;
}
