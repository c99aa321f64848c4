/** The page of patterns: every variant at one length and one share of full attention's cost. */
import { DECADES, weightShading } from '../../src/compare/patterns/shade.ts';
import { formatError, formatPercent, formatWhole } from '../../src/terminal/format.ts';
import type { Budgeted } from '../engine/protocol.ts';
import { element, setText, throttled } from './elements.ts';
import { Engine } from './engine.ts';
import { hideEmptyGroups, mountFinder } from './finder.ts';
import { modeOfPage } from './lab/pictures.ts';
import { Latest } from './lab/queue.ts';
import { isMarkedWrong, letArrowsStep, readNumber } from './number-field.ts';
import { Card } from './patterns/card.ts';
import { costsTooMuch, leftOutText, shownText } from './patterns/cost.ts';
import { hashOf, inputOf, LENGTHS, type Settings, SHARES, settingsOf, sizeOf } from './patterns/settings.ts';

/** Cells a side: about as many as a picture has dots. */
const CELLS = 128;
const MILLISECONDS_PER_SENTENCE = 1000;

const controls = {
  length: element('length', HTMLInputElement),
  share: element('share', HTMLInputElement),
  causal: element('causal', HTMLInputElement),
  seed: element('seed', HTMLInputElement),
  over: element('over', HTMLInputElement),
};
const all = element('pictures', HTMLElement);
const cards = [...document.querySelectorAll<HTMLElement>('[data-variant]')].map((each) => new Card(each));
const engine = Engine.load();
/** Queries, keys and values of the trained model that weights are drawn of. */
const text = engine.then((ready) => ready.putShipped('minilm-qkv.safetensors'));

/** One scale for all weights, so that they can be compared. */
let largest = 0;
let summary = '';
const speak = throttled(MILLISECONDS_PER_SENTENCE, () => setText(element('spoken', HTMLElement), summary));

const drawing = new Latest<Settings>(async (settings, isOvertaken) => {
  all.setAttribute('aria-busy', 'true');
  try {
    await draw(settings, isOvertaken);
    // A wrong seed, typed meanwhile, keeps its answer.
    if (!isMarkedWrong(controls.seed)) setText(element('problem', HTMLElement), '');
  } catch (error) {
    setText(element('problem', HTMLElement), error instanceof Error ? error.message : String(error));
  }
  if (!isOvertaken()) all.removeAttribute('aria-busy');
});

async function draw(settings: Settings, isOvertaken: () => boolean): Promise<void> {
  const { share, causal, seed } = settings;
  const ready = await engine;
  const [patterns, weights] = await Promise.all(
    [false, true].map(async (isOfWeights) => {
      const budgets = await ready.ask('budgets', { ...sizeOf(settings, isOfWeights), share, causal, seed });
      return new Map(budgets.map((each) => [each.variant, each]));
    }),
  );
  const budgetOf = (card: Card) => (card.drawsWeights ? weights : patterns).get(card.name) as Budgeted;
  for (const card of cards) card.describe(budgetOf(card), settings);
  arrange();
  showCount();
  const over = new Map(cards.flatMap((card) => (card.isLeftOut ? [[card.name, budgetOf(card).share] as const] : [])));
  setText(element('left-out', HTMLElement), leftOutText(over, share));
  // While a slider moves, not all are drawn each time: those that wait longest come first.
  const stale = cards
    .filter((card) => card.isStale)
    .sort((one, other) => (drawnAt.get(one) ?? 0) - (drawnAt.get(other) ?? 0));
  for (const card of stale) {
    if (isOvertaken()) return;
    const { options } = budgetOf(card);
    if (card.drawsWeights) await text;
    card.show(
      await ready.ask('pattern', {
        ...sizeOf(settings, card.drawsWeights),
        variant: card.name,
        weights: card.drawsWeights ? inputOf(settings) : null,
        options,
        causal,
        seed,
        cells: CELLS,
      }),
      settings,
      budgetOf(card),
    );
    drawnAt.set(card, performance.now());
    paint(card);
  }
  summary = summaryOf(settings, cards.map(budgetOf));
  speak();
}

const drawnAt = new Map<Card, number>();

/** A new largest weight changes the shade of all others. */
function paint(...changed: readonly Card[]): void {
  const before = largest;
  largest = Math.max(...cards.map((card) => card.largest));
  const isNewScale = largest !== before;
  const shading = weightShading(largest);
  const mode = modeOfPage();
  for (const card of cards) {
    if (changed.includes(card) || (isNewScale && card.drawsWeights)) card.paint(shading, mode);
  }
  if (!isNewScale) return;
  setText(element('faintest', HTMLElement), `≤ ${formatError(largest / 10 ** DECADES)}`);
  setText(element('strongest', HTMLElement), formatError(largest));
}

/** Families are as wide as what they show, and not there without it. */
function arrange(): void {
  hideEmptyGroups();
  for (const group of document.querySelectorAll<HTMLElement>('.pattern-families [data-group]')) {
    const shown = group.querySelectorAll('[data-variant]:not([hidden], .left-out)').length;
    group.style.setProperty('--cards', String(shown));
  }
}

function summaryOf({ length, share, causal }: Settings, budgets: readonly Budgeted[]): string {
  const cannot = causal ? cards.filter(({ canBeCausal }) => !canBeCausal).length : 0;
  const over = budgets.filter((each) => costsTooMuch(each, share)).length;
  return [
    `${cards.filter((card) => !card.isLeftOut).length - cannot} pictures at ${formatWhole(length)} tokens, ${formatPercent(share)} of full attention’s FLOPs.`,
    ...(over === 0 ? [] : [`${over} cost more even at their smallest budget.`]),
    ...(cannot === 0 ? [] : [`${cannot} cannot be causal.`]),
  ].join(' ');
}

/** Null, and a sentence that says why, where the seed is none. */
function settingsNow(): Settings | null {
  let seed: number;
  try {
    seed = readNumber(controls.seed);
  } catch (error) {
    setText(element('problem', HTMLElement), (error as Error).message);
    return null;
  }
  return {
    length: LENGTHS[Number(controls.length.value)],
    share: SHARES[Number(controls.share.value)],
    causal: controls.causal.checked,
    seed,
    over: controls.over.checked,
  };
}

function changed(): void {
  const settings = settingsNow();
  if (settings === null) return;
  showOutputs(settings);
  history.replaceState(null, '', `#${hashOf(settings)}`);
  drawing.submit(settings);
}

/** Also to whom the slider is read out: the number of a stop says nothing. */
function showOutputs({ length, share }: Settings): void {
  setText(element('length-text', HTMLElement), `${formatWhole(length)} tokens`);
  setText(element('share-text', HTMLElement), formatPercent(share));
  controls.length.setAttribute('aria-valuetext', `${formatWhole(length)} tokens`);
  controls.share.setAttribute('aria-valuetext', `${formatPercent(share)} of full attention’s FLOPs`);
}

function setByAddress(): void {
  const settings = settingsOf(location.hash);
  controls.length.value = String(LENGTHS.indexOf(settings.length));
  controls.share.value = String(SHARES.indexOf(settings.share));
  controls.causal.checked = settings.causal;
  controls.seed.value = String(settings.seed);
  controls.over.checked = settings.over;
  controls.seed.removeAttribute('aria-invalid');
  showOutputs(settings);
  drawing.submit(settings);
}

for (const each of Object.values(controls)) each.addEventListener('input', changed);
element('controls', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
letArrowsStep(element('controls', HTMLFormElement));
document.addEventListener('themechange', () => paint(...cards));
window.addEventListener(
  'resize',
  throttled(200, () => paint(...cards)),
);
window.addEventListener('hashchange', setByAddress);
const showCount = mountFinder(
  () => {
    arrange();
    // What was not seen was not drawn.
    const settings = settingsNow();
    if (settings !== null) drawing.submit(settings);
  },
  (fitting, all) => {
    const leftOut = new Set(cards.filter((card) => card.isLeftOut).map(({ name }) => name));
    return shownText([...fitting].filter((name) => !leftOut.has(name)).length, all);
  },
);
setByAddress();
