/** The page that trains: its form, its figures, its plots. */
import { formatCount, formatError, formatPercent } from '../../src/terminal/format.ts';
import { download, element, throttled } from './elements.ts';
import { letArrowsStep, readNumber } from './number-field.ts';
import { type CatalogueRecipe, type Choice, choiceFrom, isSame } from './playground/catalogue.ts';
import { drawAccuracy, drawLoss, drawOwnLosses } from './playground/chart.ts';
import { goalLine } from './playground/curve.ts';
import { RunsTable } from './playground/runs-table.ts';
import { primaryOf, Session } from './playground/session.ts';
import {
  checkpointName,
  goalText,
  machineText,
  nameOf,
  resumeCommand,
  spoken,
  startCommand,
  timeLeft,
  timeText,
  toBeat,
} from './playground/words.ts';

const MILLISECONDS_PER_DRAWING = 200;
const MILLISECONDS_PER_SENTENCE = 3000;

const catalogue: readonly CatalogueRecipe[] = JSON.parse(element('catalogue', HTMLScriptElement).textContent ?? '');
const selects = { recipe: element('recipe', HTMLSelectElement), run: element('run', HTMLSelectElement) };
const seed = element('seed', HTMLInputElement);
const choices = element('choices', HTMLFieldSetElement);
const primary = element('primary', HTMLButtonElement);
const restart = element('restart', HTMLButtonElement);
const saveCheckpoint = element('save-checkpoint', HTMLButtonElement);
const saveMetrics = element('save-metrics', HTMLButtonElement);
const over = element('over', HTMLSelectElement);
const logarithmic = element('logarithmic', HTMLInputElement);
const plots = {
  loss: element('loss-plot', HTMLElement),
  accuracy: element('accuracy-plot', HTMLElement),
  own: element('own-plot', HTMLElement),
};

function show(): void {
  showButtons();
  showFigures();
  showPlots();
  table.show(session.curves, session.isBusy ? session.current : null);
}
/** For what changes with every step. Whatever a reader did is shown at once: a button never says what it no longer does. */
const showSoon = throttled(MILLISECONDS_PER_DRAWING, show);
const speak = throttled(MILLISECONDS_PER_SENTENCE, () => {
  const { current } = session;
  write('spoken', current === null || current.step === 0 ? '' : spoken(current));
});
const session = new Session({
  onTurn: () => {
    show();
    speak();
  },
  onProgress: () => {
    showSoon();
    speak();
  },
});
const table = new RunsTable(element('runs', HTMLElement), {
  metrics: (curve) => saveLines(curve.metrics),
  remove: (curve) => session.remove(curve),
});

/** Of the field, when it last held one. */
let lastSeed = choiceFrom(catalogue, {}).seed;

function chosen(): Choice {
  return choiceFrom(catalogue, { recipe: selects.recipe.value, run: selects.run.value, seed: lastSeed });
}

/** Whether the field holds a seed; says what is wrong if it does not. */
function readSeed(): boolean {
  try {
    lastSeed = readNumber(seed);
    write('choice-problem', '');
    return true;
  } catch (error) {
    write('choice-problem', (error as Error).message);
    return false;
  }
}

/** No run starts with another seed than the one in the field. */
function start(): void {
  if (readSeed()) void session.start(chosen());
  else seed.focus();
}

function isCurrent(): boolean {
  return session.current !== null && isSame(session.current.choice, chosen());
}

/** Of what is chosen. */
function found() {
  const choice = chosen();
  const recipe = catalogue.find(({ name }) => name === choice.recipe) ?? catalogue[0];
  return { choice, recipe, run: recipe.runs.find(({ name }) => name === choice.run) ?? recipe.runs[0] };
}

function choose(choice: Choice): void {
  const recipe = catalogue.find(({ name }) => name === choice.recipe) ?? catalogue[0];
  selects.recipe.value = recipe.name;
  selects.run.replaceChildren(...recipe.runs.map(({ name }) => new Option(name, name)));
  selects.run.value = choice.run;
  seed.value = String(choice.seed);
  readSeed();
  showChoice();
}

function showChoice(): void {
  const { choice, recipe, run } = found();
  write('about-task', recipe.task);
  write('about-attention', run.attention);
  write('about-model', `${run.model}; ${recipe.steps} steps`);
  write('about-baseline', toBeat(baselineOfChoice()));
  write('about-goal', run.goal);
  write('about-evidence', run.evidence);
  write('command', startCommand(choice));
  show();
}

/** Each seed draws its own examples: that of the run itself, if there is one. */
function baselineOfChoice() {
  const { choice, recipe } = found();
  return session.curves.find((curve) => isSame(curve.choice, choice))?.baseline ?? recipe.baseline;
}

function showButtons(): void {
  const { phase, isBusy } = session;
  const { label, does } = primaryOf(phase, isCurrent());
  if (primary.textContent !== label) primary.textContent = label;
  primary.setAttribute('aria-disabled', String(does === null));
  choices.disabled = isBusy;
  restart.disabled = !isCurrent() || phase === 'starting';
  const standsStill = phase === 'paused' || phase === 'finished';
  saveCheckpoint.disabled = !standsStill;
  saveMetrics.disabled = !standsStill;
}

function showFigures(): void {
  const { current, figures, machine, phase, problem } = session;
  write('problem', problem);
  write('status', statusText());
  if (machine !== null) write('figure-machine', machineText(machine));
  if (current === null) return;
  const { steps, step, points, evaluations } = current;
  const progress = element('progress', HTMLProgressElement);
  progress.max = steps;
  progress.value = step;
  const last = evaluations.at(-1);
  write('figure-step', `${step} of ${steps}`);
  write('figure-loss', formatError(points.at(-1)?.smoothed ?? Number.NaN));
  write('figure-held-out', formatError(last?.loss ?? Number.NaN));
  write('figure-accuracy', formatPercent(last?.accuracy ?? Number.NaN));
  write('figure-norm', formatError(figures?.gradientNorm ?? Number.NaN));
  write('figure-rate', formatError(figures?.learningRate ?? Number.NaN));
  write('figure-tokens', formatCount(figures?.tokensPerSecond ?? Number.NaN));
  write('figure-time', timeText(current));
  write('figure-left', timeLeft(current, phase === 'running'));
  write('resume-command', resumeCommand(checkpointName(current.choice, step)));
}

function statusText(): string {
  const { current, phase } = session;
  if (phase === 'starting') return 'Loading the library and drawing the parameters…';
  if (current === null) return 'Nothing trained yet.';
  const name = nameOf(current.choice);
  if (phase === 'finished') {
    return current.reached === null ? `${name}: finished.` : `${name}: finished, goal ${goalText(current.reached)}.`;
  }
  return `${name}: ${phase === 'pausing' ? 'evaluating before the pause' : phase}.`;
}

function showPlots(): void {
  const { choice, recipe } = found();
  const baseline = baselineOfChoice();
  const goal = goalLine(recipe.goal, choice.run, baseline);
  const view = {
    curves: session.curves.filter((curve) => curve.choice.recipe === choice.recipe),
    over: over.value === 'seconds' ? ('seconds' as const) : ('step' as const),
    logarithmic: logarithmic.checked,
    steps: recipe.steps,
    nameOf: ({ choice: { run, seed } }: { choice: Choice }) => `${run}, seed ${seed}`,
  };
  const at = (measure: 'loss' | 'accuracy') => (goal?.measure === measure ? goal.at : null);
  drawLoss(plots.loss, { ...view, baseline: baseline.loss, goal: at('loss') });
  drawAccuracy(plots.accuracy, { ...view, baseline: baseline.accuracy, goal: at('accuracy') });
  const ownLosses = element('own-losses', HTMLElement);
  ownLosses.hidden = view.curves.every((curve) => curve.own.length === 0);
  if (!ownLosses.hidden) drawOwnLosses(plots.own, view);
}

/** Only what changed: a browser need not lay out the rest anew. */
function write(id: string, text: string): void {
  const place = element(id, HTMLElement);
  const inner = place.querySelector('code') ?? place;
  if (inner.textContent !== text) inner.textContent = text;
}

function saveLines(lines: string | null): void {
  if (lines !== null) download('metrics.jsonl', 'application/jsonl', lines);
}

element('choice', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const { does } = primaryOf(session.phase, isCurrent());
  // The fields are switched off while it trains: the focus goes where it is of use.
  primary.focus();
  if (does === 'start') start();
  else if (does === 'pause') void session.pause();
  else if (does === 'continue') session.goOn();
});
restart.addEventListener('click', start);
selects.recipe.addEventListener('change', () => {
  choose(chosen());
});
selects.run.addEventListener('change', showChoice);
seed.addEventListener('input', () => readSeed() && showChoice());
letArrowsStep(element('choice', HTMLFormElement));
for (const each of [over, logarithmic]) each.addEventListener('change', show);
saveCheckpoint.addEventListener('click', async () => {
  const { current } = session;
  if (current === null) return;
  const bytes = await session.checkpoint();
  download(checkpointName(current.choice, current.step), 'application/octet-stream', bytes);
});
saveMetrics.addEventListener('click', () => saveLines(session.current?.metrics ?? null));
new ResizeObserver(showSoon).observe(plots.loss);

/** Other pages link to a run: `playground.html#recipe=listops&run=longformer`. */
function chooseByAddress(): void {
  choose(choiceFrom(catalogue, Object.fromEntries(new URLSearchParams(location.hash.slice(1)))));
}
window.addEventListener('hashchange', () => {
  if (!session.isBusy) chooseByAddress();
});
chooseByAddress();
