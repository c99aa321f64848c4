/** Brings a lab to life: every change of a control is a wish, and the newest wish is shown. */
import { formatError } from '../../../src/terminal/format.ts';
import type { InputFacts, Measurement, OptionFacts } from '../../engine/protocol.ts';
import { download, throttled } from '../elements.ts';
import { EngineError } from '../engine.ts';
import { commandNote, commandOf } from './command.ts';
import { Controls } from './controls.ts';
import { showFigures, showMachine, summaryOf } from './figures.ts';
import { listenForFiles, type OwnFile } from './files.ts';
import type { Matrix } from './matrix.ts';
import { type Pair, Pictures } from './pictures.ts';
import { place, setText } from './places.ts';
import { Latest } from './queue.ts';
import { RowChart } from './row-chart.ts';
import { Session } from './session.ts';
import { inputChoice, LONGEST_PICTURE, subjectOf } from './state.ts';
import { Texts } from './texts.ts';
import { hashOf, stateOfHash } from './url.ts';

/** What takes longer than this is announced. */
const SLOW_MILLISECONDS = 600;
/** Once nothing has changed for so long, times are taken more often… */
const IDLE_MILLISECONDS = 1000;
/** …for about so long, since whoever moves a slider then has to wait for it. */
const REFINING_MILLISECONDS = 200;
const [FEWEST_TURNS, MOST_TURNS] = [3, 15];

/** A `[data-lab]` that `labOf` made. Its engine starts when it comes near to being seen, or is touched. */
export function mountLab(element: HTMLElement): void {
  new Lab(element);
}

class Lab {
  readonly #lab: HTMLElement;
  readonly #controls: Controls;
  readonly #pictures: Pictures;
  readonly #chart: RowChart;
  readonly #texts: Texts;
  readonly #queue = new Latest<number>((turns, isOvertaken) => this.#work(turns, isOvertaken));
  readonly #writeHash = throttled(500, () => this.#link());
  readonly #announceSoon = throttled(1000, () => this.#announce());
  #session: Promise<Session> | null = null;
  /** Whether anything has been shown. */
  #isStarted = false;
  #idle: number | undefined;
  #facts: InputFacts | null = null;
  #matrices: { variant: Matrix; full: Matrix } | null = null;
  #pair: Pair = { row: 256, key: 256 };
  #announcement = '';

  constructor(lab: HTMLElement) {
    this.#lab = lab;
    this.#controls = new Controls(lab, () => this.#changed());
    this.#pictures = new Pictures(
      lab,
      () => this.#pair,
      (pair, byKeyboard) => this.#point(pair, byKeyboard),
    );
    this.#chart = new RowChart(place(lab, '[data-chart]', HTMLCanvasElement), (key) =>
      this.#point({ ...this.#pair, key }, false),
    );
    this.#texts = new Texts(lab, (row) => this.#point({ ...this.#pair, row }, false));
    this.#listen();
    this.#readHash();
    this.#status('The library starts when this comes into view.');
    this.#startWhenNear();
  }

  #listen(): void {
    const slider = place(this.#lab, '[data-row]', HTMLInputElement);
    slider.addEventListener('input', () => this.#point({ ...this.#pair, row: Number(slider.value) }, true));
    listenForFiles(this.#lab, (files) => void this.#take(files));
    document.addEventListener('themechange', () => {
      this.#pictures.paint();
      this.#chart.paint();
    });
    addEventListener('hashchange', () => {
      if (this.#readHash()) this.#submit();
    });
    const copy = place(this.#lab, '[data-copy]', HTMLButtonElement);
    copy.addEventListener('click', () => void copyText(place(this.#lab, '[data-command]', HTMLElement), copy));
    place(this.#lab, '[data-save-text]', HTMLButtonElement).addEventListener('click', () => {
      download('text.txt', 'text/plain', this.#controls.state.text);
    });
  }

  #startWhenNear(): void {
    const start = (): void => {
      near.disconnect();
      for (const kind of ['pointerdown', 'focusin'] as const) this.#lab.removeEventListener(kind, start);
      if (this.#session === null) this.#submit();
    };
    const near = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && start(), {
      rootMargin: '300px',
    });
    near.observe(this.#lab);
    for (const kind of ['pointerdown', 'focusin'] as const) this.#lab.addEventListener(kind, start);
  }

  #changed(): void {
    this.#writeHash();
    this.#submit();
  }

  #submit(): void {
    this.#showPlaces();
    clearTimeout(this.#idle);
    this.#queue.submit(1);
  }

  /** Never rejects: what goes wrong is said, and what was seen last stays. */
  async #work(turns: number, isOvertaken: () => boolean): Promise<void> {
    this.#lab.setAttribute('aria-busy', 'true');
    const slow = this.#isStarted ? setTimeout(() => this.#status('Computing…'), SLOW_MILLISECONDS) : undefined;
    try {
      await this.#showNewest(turns, isOvertaken);
      this.#isStarted = true;
      clearTimeout(slow);
    } catch (error) {
      clearTimeout(slow);
      this.#showError(error);
    } finally {
      if (!isOvertaken()) this.#lab.removeAttribute('aria-busy');
    }
  }

  async #showNewest(turns: number, isOvertaken: () => boolean): Promise<void> {
    if (this.#session === null) this.#status('Starting the library…');
    const session = await this.#started();
    const state = this.#controls.settled;
    if (state.input === 'file' && state.files.length === 0) {
      this.#status('Choose a file first; until then the pictures are of what was there before.');
      return;
    }
    const input = await session.describe(inputChoice(state));
    if (isOvertaken()) return;
    this.#controls.showInput(input);
    const options = await session.options(state.variant, input.length);
    if (isOvertaken()) return;
    this.#controls.showOptions(options);
    this.#showCommand(options, input);
    const subject = subjectOf(this.#controls.settled, this.#controls.optionValues());
    const { head } = this.#controls.state;
    if (input.length <= LONGEST_PICTURE) {
      const variant = await session.weights(subject, head);
      const full = await session.fullWeights(subject, head);
      this.#showMatrices(input, { variant, full });
    } else {
      this.#showTooLong(input);
    }
    if (isOvertaken()) return;
    const measurement = await session.measure(subject, turns);
    showFigures(this.#lab, measurement);
    showMachine(this.#lab, session.machine, turns);
    this.#status('');
    if (isOvertaken()) return;
    if (turns === 1) this.#refineLater(measurement);
    else {
      this.#announcement = summaryOf(measurement, state.variant);
      this.#announceSoon();
    }
  }

  /** More turns, which make the medians steadier and nothing else. */
  #refineLater({ milliseconds, fullMilliseconds }: Measurement): void {
    const affordable = Math.floor(REFINING_MILLISECONDS / (milliseconds + fullMilliseconds));
    const turns = Math.min(MOST_TURNS, Math.max(FEWEST_TURNS, affordable));
    clearTimeout(this.#idle);
    this.#idle = window.setTimeout(() => this.#queue.submit(turns), IDLE_MILLISECONDS);
  }

  #showMatrices(input: InputFacts, matrices: { variant: Matrix; full: Matrix }): void {
    const { variant } = this.#controls.state;
    if (this.#matrices?.variant === matrices.variant && this.#matrices.full === matrices.full) return;
    this.#facts = input;
    this.#matrices = matrices;
    for (const each of this.#lab.querySelectorAll('[data-name]')) setText(each, variant);
    this.#pictures.show(variant, matrices.variant, matrices.full);
    this.#texts.setTokens(input.tokens);
    this.#showPair();
  }

  #showTooLong(input: InputFacts): void {
    this.#facts = input;
    this.#matrices = null;
    for (const each of this.#lab.querySelectorAll('[data-name]')) setText(each, this.#controls.state.variant);
    const { length } = input;
    const numbers = length.toLocaleString('en');
    this.#pictures.showReason(
      `A matrix of ${numbers} × ${numbers} weights is too large for a page: pictures go up to ${LONGEST_PICTURE} tokens. The figures below are of all ${numbers}.`,
    );
    this.#texts.setTokens(null);
    this.#showPair();
  }

  #point(pair: Pair, byUser: boolean): void {
    this.#pair = pair;
    this.#controls.setRow(pair.row);
    this.#writeHash();
    this.#showPair();
    if (byUser) this.#announceSoon();
  }

  /** One query: its row in the chart and in the text, and the one pair that is pointed at. */
  #showPair(): void {
    const slider = place(this.#lab, '[data-row]', HTMLInputElement);
    const readout = place(this.#lab, '[data-readout]', HTMLElement);
    slider.disabled = this.#matrices === null;
    if (this.#matrices === null || this.#facts === null) {
      this.#chart.show(null, 'No weights to show');
      setText(readout, '\u00a0');
      return;
    }
    const { variant, full } = this.#matrices;
    const { length } = full;
    const within = (position: number): number => Math.min(position, length - 1);
    const [row, key] = [within(this.#pair.row), within(this.#pair.key)];
    slider.max = String(length - 1);
    slider.value = String(row);
    const own = variant.weights.subarray(row * length, (row + 1) * length);
    const whole = full.weights.subarray(row * length, (row + 1) * length);
    const name = (position: number): string => nameOfToken(this.#facts?.tokens ?? null, position);
    setText(place(this.#lab, '[data-row-name]', HTMLElement), name(row));
    this.#pictures.mark({ row, key }, length);
    const weights = `${formatError(own[key])}, full attention ${formatError(whole[key])}`;
    const said = `query ${name(row)} → key ${name(key)}: ${weights}`;
    setText(readout, said);
    this.#announcement = said;
    this.#chart.show({ variant: own, full: whole, query: row, key }, `Weights of query ${name(row)}. ${said}`);
    this.#texts.show(row, { variant: own, full: whole });
  }

  /** Places that an input needs, or not, are there before anything comes to fill them. */
  #showPlaces(): void {
    const { input, length } = this.#controls.state;
    place(this.#lab, '[data-row-view]', HTMLElement).hidden = input === 'drawn' && length > LONGEST_PICTURE;
    this.#texts.setVisible(input === 'minilm' || input === 'text');
  }

  #showCommand(options: OptionFacts, { layers }: InputFacts): void {
    const state = this.#controls.settled;
    setText(place(this.#lab, '[data-command]', HTMLElement), commandOf(state, this.#controls.optionTexts(options)));
    setText(place(this.#lab, '[data-command-note]', HTMLElement), commandNote(state, layers));
    place(this.#lab, '[data-save-text]', HTMLButtonElement).hidden = state.input !== 'text';
  }

  async #take(files: OwnFile[]): Promise<void> {
    try {
      const session = await this.#started();
      await session.putFiles(files);
    } catch (error) {
      this.#showError(error);
      return;
    }
    this.#controls.write({ ...this.#controls.state, input: 'file', layer: '', files: files.map(({ name }) => name) });
    this.#changed();
  }

  /** The engine, which is asked for again where it could not be loaded. */
  #started(): Promise<Session> {
    const starting = this.#session ?? Session.start();
    this.#session = starting;
    starting.catch(() => {
      if (this.#session === starting) this.#session = null;
    });
    return starting;
  }

  #showError(error: unknown): void {
    if (!(error instanceof EngineError)) console.error(error);
    const message = error instanceof Error ? error.message : String(error);
    this.#status(error instanceof EngineError && error.expected ? message : `This went wrong: ${message}`, true);
  }

  /** Whether the address said something. */
  #readHash(): boolean {
    const { start, isFixed, state } = this.#controls;
    if (!location.hash.includes('=')) return false;
    const read = stateOfHash(location.hash, start, isFixed);
    const variant = this.#controls.knows(read.variant) ? read.variant : state.variant;
    this.#controls.write({ ...read, variant });
    this.#pair = { row: read.row, key: read.row };
    this.#showPlaces();
    return true;
  }

  #link(): void {
    const hash = hashOf(this.#controls.state, this.#controls.start);
    if (hash === location.hash.replace(/^#/, '')) return;
    history.replaceState(null, '', hash === '' ? location.pathname + location.search : `#${hash}`);
  }

  #status(text: string, isError = false): void {
    const line = place(this.#lab, '[data-status]', HTMLElement);
    line.classList.toggle('error', isError);
    setText(line, text);
  }

  #announce(): void {
    setText(place(this.#lab, '[data-announce]', HTMLElement), this.#announcement);
  }
}

/** `100 “rabbit”` */
function nameOfToken(tokens: readonly string[] | null, position: number): string {
  if (tokens === null) return String(position);
  let at = position;
  while (at > 0 && tokens[at] === '') at--;
  const text = tokens[at].trim();
  return `${position} “${text === '' ? '␣' : text}”`;
}

async function copyText(from: HTMLElement, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(from.textContent ?? '');
    setText(button, 'Copied');
  } catch {
    // Then it is selected, for the reader's own copying.
    getSelection()?.selectAllChildren(from);
    setText(button, 'Selected');
  }
  setTimeout(() => setText(button, 'Copy'), 1500);
}
