/** The training playground: recipes of the library, trained by the page's own engine. */
import { needTraining } from '../../bench/report/results.ts';
import type { SummaryRow } from '../../scripts/training-summary.ts';
import { describeGoal, describeRun } from '../../src/commands/training-report.ts';
import { formatOptions } from '../../src/compare/option-text.ts';
import { type Html, html, raw } from '../../src/compare/report/html.ts';
import { formatMilliseconds, formatPercent } from '../../src/terminal/format.ts';
import { type NamedRun, type Recipe, runsOf } from '../../src/training/recipes/recipe.ts';
import { recipes } from '../../src/training/recipes/registry.ts';
import { endRun, startRun } from '../../src/training/run.ts';
import type { Baseline } from '../../src/training/tasks/baseline.ts';
import { type CatalogueRecipe, type CatalogueRun, choiceFrom } from '../client/playground/catalogue.ts';
import { toBeat } from '../client/playground/words.ts';
import { numberField } from './number-field.ts';
import type { Page } from './page.ts';

/** Tasks that read a text from the disk, which a page does not have. */
const WITHOUT = ['byte-lm', 'sentence-mlm'];

/** The shortest run comes first: a newcomer sees a curve to its end within a minute. */
const FIRST = 'listops';

export function playgroundPage(): Page {
  const catalogue = catalogueOf();
  return {
    path: 'playground.html',
    title: 'Training',
    description:
      'Train a small model with any attention variant in this page: loss curves, pause, and a checkpoint to continue from.',
    body: body(catalogue),
    scripts: ['playground'],
  };
}

function catalogueOf(): CatalogueRecipe[] {
  const { rows } = needTraining();
  // A recipe that was added after the figures has none yet.
  const chosen = recipes.filter(
    ({ name, settings }) => !WITHOUT.includes(settings.task.name) && rows.some((row) => row.recipe === name),
  );
  chosen.sort((one, other) => Number(other.name === FIRST) - Number(one.name === FIRST));
  return chosen.map((recipe) => {
    const own = rows.filter((row) => row.recipe === recipe.name);
    const { baseline } = own[0];
    // A variant that was added after them has no figures yet.
    const trained = runsOf(recipe).filter(({ name }) => own.some((row) => row.name === name));
    const runs = trained.map((named) => describe(recipe, named, baseline, own));
    const { name, summary, goal, settings } = recipe;
    return {
      name,
      summary,
      task: runs[0].task,
      steps: settings.steps,
      goal,
      baseline,
      runs: runs.map(({ run }) => run),
    };
  });
}

function describe(
  { goal }: Recipe,
  { name, settings }: NamedRun,
  baseline: Baseline,
  rows: readonly SummaryRow[],
): { task: string; run: CatalogueRun } {
  const run = startRun(settings);
  const [task, model] = describeRun(run, baseline).split('\n');
  endRun(run);
  const { variant, options } = [settings.model.attention ?? []].flat()[0];
  const written = formatOptions(options ?? {});
  const own = rows.filter((row) => row.name === name);
  const time = range(
    own.map(({ seconds }) => seconds),
    (seconds) => formatMilliseconds(1000 * seconds),
  );
  const accuracy = range(
    own.flatMap((row) => row.accuracy ?? []),
    formatPercent,
  );
  const cpus = [...new Set(own.map(({ cpu }) => cpu))].join(', ');
  const seeds = own.map(({ seed }) => seed);
  const reached = own.filter((row) => row.reached === true).length;
  const verdict = own[0].reached === null ? '' : `, goal reached with ${reached} of ${plural(seeds.length, 'seed')}`;
  return {
    task,
    run: {
      name,
      attention: written === '' ? variant : `${variant} with ${written}`,
      model,
      goal: describeGoal(goal, name),
      evidence: `${time} on one thread (${cpus}); accuracy ${accuracy} at the end${verdict}`,
    },
  };
}

function range(values: readonly number[], format: (value: number) => string): string {
  const [low, high] = [format(Math.min(...values)), format(Math.max(...values))];
  return low === high ? low : `${low} to ${high}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function body(catalogue: readonly CatalogueRecipe[]): Html {
  const [recipe] = catalogue;
  const { seed, run: runName } = choiceFrom(catalogue, {});
  const run = recipe.runs.find(({ name }) => name === runName) ?? recipe.runs[0];
  return html`<h1>Training playground</h1>
<p class="lead">Train the library’s recipes in this page. Watch the loss, pause, compare variants, and continue from the checkpoint on the command line.</p>
<noscript><p class="card">Training needs JavaScript. On the command line, run <code>npm start -- train --recipe ${recipe.name}</code>.</p></noscript>

<section class="card" aria-label="What is trained">
<form id="choice">
<fieldset id="choices">
<legend class="visually-hidden">Run</legend>
<label>Recipe <select id="recipe">${catalogue.map(({ name }) => html`<option>${name}</option>`)}</select></label>
<label>Run <select id="run">${recipe.runs.map(({ name }) => html`<option>${name}</option>`)}</select></label>
<label>Seed ${numberField({ id: 'seed', called: 'seed', kind: 'integer', value: seed, minimum: 0 })}</label>
</fieldset>
<div class="buttons">
<button type="submit" class="action primary" id="primary">Start</button>
<button type="button" class="action" id="restart" disabled>Start over</button>
</div>
</form>
<p class="problem" id="choice-problem" role="alert"></p>
<dl class="about">
<div><dt>Task</dt><dd id="about-task">${recipe.task}</dd></div>
<div><dt>Attention</dt><dd id="about-attention">${run.attention}</dd></div>
<div><dt>Model</dt><dd id="about-model">${run.model}; ${recipe.steps} steps</dd></div>
<div><dt>To beat</dt><dd id="about-baseline">${toBeat(recipe.baseline)}</dd></div>
<div><dt>Goal</dt><dd id="about-goal">${run.goal}</dd></div>
<div><dt>Measured</dt><dd id="about-evidence">${run.evidence}</dd></div>
</dl>
</section>

<section class="card" aria-label="Where the run stands" id="state">
<p id="status">Nothing trained yet.</p>
<progress id="progress" value="0" max="${recipe.steps}" aria-label="Steps taken"></progress>
<p class="problem" id="problem" role="alert"></p>
<dl class="figures">
${FIGURES.map(([id, title]) => html`<div><dt>${title}</dt><dd id="${id}">–</dd></div>\n`)}</dl>
<p class="visually-hidden" id="spoken" aria-live="polite"></p>
</section>

<section aria-label="Curves">
<div class="plots">
<figure><div class="plot" id="loss-plot" role="img" aria-label="Loss"></div></figure>
<figure><div class="plot" id="accuracy-plot" role="img" aria-label="Accuracy"></div></figure>
<figure id="own-losses" hidden><div class="plot" id="own-plot" role="img" aria-label="Losses of layers"></div><figcaption>What layers add to the loss of the task, by their weights: how well an indexer chooses, how even a router is, what a compressed memory loses.</figcaption></figure>
</div>
<form class="view" id="view">
<label>Over <select id="over"><option value="step">steps</option><option value="seconds">time</option></select></label>
<label><input type="checkbox" id="logarithmic"> Logarithmic loss</label>
<p class="note">The faint line is the loss of each batch, the strong line is its moving mean, and the markers are held-out examples. Runs of one recipe share the plots.</p>
</form>
</section>

<section aria-labelledby="runs-title">
<h2 id="runs-title">Runs of this visit</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Table of runs"><table>
<thead><tr><th scope="col">run</th><th scope="col" class="number">seed</th><th scope="col" class="number">step</th><th scope="col" class="number">time</th><th scope="col" class="number">training loss</th><th scope="col" class="number">held-out loss</th><th scope="col" class="number">accuracy</th><th scope="col">goal</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
<tbody id="runs"><tr><td colspan="9" class="note"><span class="in-view">None yet. A run stays on the plots when the next one starts. For example, train <em>copy</em> with full attention, then with the linear transformer.</span></td></tr></tbody>
</table></div>
<p class="note">The page holds one run at a time. A new run ends a paused one, and only its curve stays. Leaving the page ends the run. Switching to another tab does not stop it.</p>
</section>

<section aria-labelledby="take-title">
<h2 id="take-title">Continue on the command line</h2>
<p>You can download a paused or finished run as a checkpoint, in the format of the command line: the weights, the state of the optimiser, the step and the random stream. The command continues where the page stopped, with the same batches in the same order.</p>
<p class="buttons"><button type="button" class="action" id="save-checkpoint" disabled>Download checkpoint</button> <button type="button" class="action" id="save-metrics" disabled>Download metrics</button></p>
<p>Put both files into a new folder. The command writes the next checkpoint, <code>metrics.jsonl</code> and the curves into it:</p>
<pre class="card" id="resume-command" tabindex="0" aria-label="Command to go on"><code>npm start -- train --resume FOLDER/CHECKPOINT.safetensors</code></pre>
<p>This command does the same run from the beginning:</p>
<pre class="card" id="command" tabindex="0" aria-label="Command to start"><code>npm start -- train --recipe ${recipe.name} --sweep ${run.name} --seed ${seed}</code></pre>
</section>

<section aria-labelledby="numbers-title">
<h2 id="numbers-title">Are the numbers the same?</h2>
${SAME_NUMBERS}
</section>
<script type="application/json" id="catalogue">${raw(JSON.stringify(catalogue).replaceAll('<', '\\u003c'))}</script>`;
}

const FIGURES = [
  ['figure-step', 'Step'],
  ['figure-loss', 'Training loss'],
  ['figure-held-out', 'Held-out loss'],
  ['figure-accuracy', 'Accuracy'],
  ['figure-norm', 'Gradient norm'],
  ['figure-rate', 'Learning rate'],
  ['figure-tokens', 'Tokens/s'],
  ['figure-time', 'Time'],
  ['figure-left', 'Time left'],
  ['figure-machine', 'Machine'],
] as const;

/** Measured with Chromium 156 and Node 20.20, one thread, seed 1: seven runs of listops, duplication and copy. */
const SAME_NUMBERS = html`<p>Yes. With the same seed, the page and the command line have the same parameters and the same batches. With the same build of the kernels they have the same numbers, to the last bit. We compared losses and gradient norms of the first 17 steps of seven runs (listops with full attention, Performer and Nyströmformer, and both runs of duplication and of copy): all are equal. The site’s tests compare the downloaded checkpoint with the command line’s, byte for byte.</p>
<p>There are two builds of the kernels, though. A browser with relaxed SIMD uses the build with fused multiply-adds, which round once where the other build rounds twice. Node 20 has relaxed SIMD only with <code>--experimental-wasm-relaxed-simd</code>. Between the two builds the losses of these steps differ by at most 10<sup>−7</sup> of their size, the last digit of a float32. Training makes such differences larger, but ends at the same place: listops with full attention reaches 39.6% with both.</p>`;
