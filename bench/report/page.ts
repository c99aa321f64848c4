/** `npm run bench -- --report FILE`: everything under bench/results/ as one self-contained page. */
import { type Chart, type Drawing, drawChart, isCrowded, loadDrawing } from '../../src/compare/report/chart.ts';
import { type Html, html, raw } from '../../src/compare/report/html.ts';
import { pageOf } from '../../src/compare/report/page.ts';
import { REFERENCE_VARIANT } from '../../src/compare/series.ts';
import { formatMilliseconds, formatRatio } from '../../src/terminal/format.ts';
import { memoryCharts, PASSES, speedUpCharts, timeCharts } from './growth-figures.ts';
import { drawPairs, moduleCharts, PAIR_LEGEND } from './pairs.ts';
import { attentionCharts, attentionRateCharts, productCharts } from './peer-figures.ts';
import { type CrossoverRow, type PeerRow, type Raw, readSteps, readSuite, type ScalingRow } from './results.ts';
import { barsOf, drawBars } from './step-figures.ts';

/** Where a library has attention of the same name, and every variant is measured. */
const MODULE_LENGTH = 4096;

/** The HTML document, from whichever suites have run. */
export async function renderBenchReport(): Promise<string> {
  const drawing = await loadDrawing();
  const [peers, scaling, crossover] = [readSuite('peers'), readSuite('scaling'), readSuite('crossover')];
  const steps = readSteps();
  const sections = [
    peers && renderPeers(drawing, peers),
    peers && renderModules(drawing, peers),
    peers && renderRates(drawing, peers),
    scaling && renderGrowth(drawing, scaling),
    crossover && renderCrossover(drawing, crossover),
    steps && renderSteps(drawing, steps),
  ];
  return pageOf(
    'Speed and memory of efficient-transformers',
    html`<header>
<h1>Speed and memory</h1>
<p class="lead">efficient-transformers compared with other libraries, and its variants compared with its own full attention</p>
</header>
${sections.every((section) => section === null) ? html`<p>Nothing was measured: npm run bench</p>` : sections}
<footer>Rest on a point for its figures. The raw numbers are in bench/results/.</footer>`,
  );
}

function renderPeers(drawing: Drawing, { environment, rows }: Raw<PeerRow>): Html {
  return html`<section>
<h2>Full attention compared with other libraries</h2>
<p class="note">Each library runs in its own process, in turns, after it has reproduced our numbers. Both axes are logarithmic; lower is
faster. Where a line ends early, a run would have passed the time limit or the memory. PyTorch and onnxruntime are native
code with the processor’s widest vectors. ${machine(environment)}</p>
${renderCharts(drawing, attentionCharts(rows))}
</section>`;
}

function renderModules(drawing: Drawing, { rows }: Raw<PeerRow>): Html | null {
  const charts = moduleCharts(rows, MODULE_LENGTH).filter(({ pairs }) => pairs.length > 0);
  if (charts.length === 0) return null;
  const legend = PAIR_LEGEND.map(
    ({ name, colour, ink }) =>
      html`<span class="swatch" style="background:${colour}"></span><strong style="color:${ink}">${name}</strong> `,
  );
  const figures = charts.map(
    (chart) => html`<figure><figcaption><h3>${chart.title}</h3></figcaption>${raw(drawPairs(drawing, chart))}</figure>`,
  );
  return html`<section>
<h2>Variants compared with Hugging Face’s modules</h2>
<p class="note">${MODULE_LENGTH} tokens, attention alone, the same window, blocks, chunks and landmarks; on the right their
time over ours: above 1× this library is faster.</p>
<p>${legend}</p>
<div class="grid">${figures}</div>
</section>`;
}

function renderRates(drawing: Drawing, { rows }: Raw<PeerRow>): Html {
  return html`<section>
<h2>How near to the processor’s peak</h2>
<p class="note">The dashed roofs are what multiply-adds alone give, measured with the same instructions on as many threads.
Native code has wider vectors and fused multiply-adds, and so a higher roof that is not drawn.</p>
${renderCharts(drawing, [...productCharts(rows), ...attentionRateCharts(rows)])}
</section>`;
}

function renderGrowth(drawing: Drawing, { environment, rows }: Raw<ScalingRow>): Html {
  const slopes = rows.filter(({ length }) => length === undefined);
  const cell = (variant: string, training: boolean, of: 'timeSlope' | 'memorySlope') =>
    slopes.find((row) => row.variant === variant && row.training === training)?.[of]?.toFixed(2) ?? '';
  const lines = [...new Set(slopes.map(({ variant }) => variant))].map((variant) => [
    variant,
    ...[false, true].flatMap((training) => [
      cell(variant, training, 'timeSlope'),
      cell(variant, training, 'memorySlope'),
    ]),
  ]);
  const titles = ['variant', 'time, forward', 'memory, forward', 'time, both passes', 'memory, both passes'];
  return html`<section>
<h2>Growth with length</h2>
<p class="note">One fixed budget a variant; the stride of sparse-transformer grows with √L, as in its paper. The number next to
a name is the slope fitted over all its lengths: 1 grows in proportion, 2 with the square. ${machine(environment)}</p>
${renderCharts(drawing, [...timeCharts(rows), ...memoryCharts(rows)])}
${renderTable('Slopes', titles, lines)}
</section>`;
}

function renderCrossover(drawing: Drawing, { environment, rows }: Raw<CrossoverRow>): Html {
  const lengths = [...new Set(rows.map(({ length }) => length))];
  const variants = [...new Set(rows.map(({ variant }) => variant))].filter((name) => name !== REFERENCE_VARIANT);
  const lines = variants.flatMap((variant) =>
    [false, true].map((training) => [
      `${variant}, ${PASSES[training ? 1 : 0].toLowerCase()}`,
      ...lengths.map((length) => {
        const row = rows.find(
          (each) => each.variant === variant && each.length === length && each.training === training,
        );
        return row === undefined ? '' : formatRatio(row.speedUp);
      }),
    ]),
  );
  return html`<section>
<h2>When a variant pays</h2>
<p class="note">Full attention’s time over each variant’s at its default options, on the same kernels; of what is causal, causal full attention’s. ${machine(environment)}</p>
${renderCharts(drawing, speedUpCharts(rows))}
${renderTable('Speed-ups', ['variant', ...lengths.map(String)], lines)}
</section>`;
}

/** Exported for its spec, because the numbers of a quiet machine may not be there. */
export function renderSteps(
  drawing: Drawing,
  { environment, rows, profile }: NonNullable<ReturnType<typeof readSteps>>,
): Html {
  const lines = rows.map(({ size, threads, contestant, milliseconds, ratio }) => [
    `${size}, ${threads === 1 ? 'one thread' : `${threads} threads`}, ${contestant}`,
    formatMilliseconds(milliseconds),
    formatRatio(ratio),
  ]);
  const bars = drawBars(drawing, 'Where the time of a training step goes, by op', barsOf(profile.ops, profile.steps));
  return html`<section>
<h2>A step of training</h2>
<p class="note">A language model of bytes with AdamW and clipping, its losses compared with PyTorch’s before anything is timed. ${machine(environment)}</p>
${renderTable('Training steps', ['model', 'a step', 'its time / ours'], lines)}
<figure><figcaption><h3>Where a step’s time goes: kernels dark, JavaScript around them light</h3></figcaption>${raw(bars)}</figure>
</section>`;
}

function renderCharts(drawing: Drawing, charts: readonly Chart[]): Html {
  const figures = charts.map((chart) => {
    const crowded = isCrowded(chart) ? raw(' class="crowded"') : null;
    return html`<figure${crowded}><figcaption><h3>${chart.title}</h3></figcaption>${raw(drawChart(drawing, chart))}</figure>`;
  });
  // Dense: a narrow plot moves up next to another one instead of leaving a gap before a wide one.
  return html`<div class="grid" style="grid-auto-flow:dense">${figures}</div>`;
}

function renderTable(name: string, titles: readonly string[], lines: readonly (readonly string[])[]): Html {
  const head = titles.map(
    (title, index) => html`<th scope="col"${index === 0 ? null : raw(' class="number"')}>${title}</th>`,
  );
  const body = lines.map(
    ([first, ...rest]) =>
      html`<tr><th scope="row">${first}</th>${rest.map((text) => html`<td class="number">${text}</td>`)}</tr>`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${name}">
<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function machine({ cpu, node, date, kernels }: Raw<unknown>['environment']): string {
  return `Measured on ${date.slice(0, 10)} on ${cpu}, Node ${node}, ${kernels} kernels.`;
}
