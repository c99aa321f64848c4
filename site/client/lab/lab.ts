/** Brings a lab to life: every change of a control is a wish, and the newest wish is shown. */
import { ArgumentError } from '../../../src/core/errors.ts';
import type { InputFacts, Measurement, OptionFacts } from '../../engine/protocol.ts';
import { download, place, setText, throttled } from '../elements.ts';
import { EngineError } from '../engine.ts';
import { commandNote, commandOf, copyText } from './command.ts';
import { Controls } from './controls.ts';
import { showFigures, showMachine, summaryOf } from './figures.ts';
import { listenForFiles, type OwnFile } from './files.ts';
import { Latest } from './queue.ts';
import { Session } from './session.ts';
import { inputChoice, LONGEST_PICTURE, subjectOf } from './state.ts';
import { hashOf, stateOfHash } from './url.ts';
import { View } from './view.ts';

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
  readonly #view: View;
  readonly #queue = new Latest<number>((turns, isOvertaken) => this.#work(turns, isOvertaken));
  readonly #link = throttled(500, () => this.#writeHash());
  readonly #announceSoon = throttled(1000, () => {
    setText(place(this.#lab, '[data-announce]', HTMLElement), this.#announcement);
  });
  #session: Promise<Session> | null = null;
  /** Whether anything has been shown. */
  #isStarted = false;
  #idle: number | undefined;
  #announcement = '';

  constructor(lab: HTMLElement) {
    this.#lab = lab;
    this.#controls = new Controls(lab, () => this.#changed());
    this.#view = new View(lab, {
      onRow: (row) => {
        this.#controls.setRow(row);
        this.#link();
      },
      announce: (said) => this.#announce(said),
    });
    this.#listen();
    this.#readHash();
    this.#status('Starts when it comes into view.');
    this.#startWhenNear();
  }

  #listen(): void {
    listenForFiles(this.#lab, (files) => void this.#take(files));
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
    this.#link();
    this.#submit();
  }

  #submit(): void {
    this.#view.prepare(this.#controls.state);
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
    } catch (error) {
      this.#showError(error);
    } finally {
      clearTimeout(slow);
      if (!isOvertaken()) this.#lab.removeAttribute('aria-busy');
    }
  }

  async #showNewest(turns: number, isOvertaken: () => boolean): Promise<void> {
    if (this.#session === null) this.#status('Starting the library…');
    const session = await this.#started();
    this.#controls.checkNumbers();
    const { input: kind, files } = this.#controls.state;
    if (kind === 'file' && files.length === 0) {
      this.#status('Choose a file. Until then the pictures show the input before.');
      return;
    }
    const input = await session.describe(inputChoice(this.#controls.state));
    if (isOvertaken()) return;
    this.#controls.showInput(input);
    const options = await session.options(this.#controls.state.variant, input.length, this.#controls.chosenValues());
    if (isOvertaken()) return;
    this.#controls.showOptions(options);
    this.#controls.checkOptions();
    const subject = subjectOf(this.#controls.settled, this.#controls.optionValues());
    const { variant } = subject;
    const { head } = this.#controls.state;
    if (input.length <= LONGEST_PICTURE) {
      const own = await session.weights(subject, head);
      const full = await session.fullWeights(subject, head);
      this.#view.show(variant, { variant: own, full, tokens: input.tokens });
    } else {
      this.#view.showTooLong(variant, input.length);
    }
    if (isOvertaken()) return;
    const measurement = await session.measure(subject, turns);
    this.#showCommand(options, input);
    showFigures(this.#lab, measurement);
    showMachine(this.#lab, session.machine, turns);
    this.#status('');
    if (isOvertaken()) return;
    if (turns === 1) this.#refineLater(measurement);
    else this.#announce(summaryOf(measurement, variant));
  }

  /** More turns, which make the medians steadier and nothing else. */
  #refineLater({ milliseconds, fullMilliseconds }: Measurement): void {
    const affordable = Math.floor(REFINING_MILLISECONDS / (milliseconds + fullMilliseconds));
    const turns = Math.min(MOST_TURNS, Math.max(FEWEST_TURNS, affordable));
    clearTimeout(this.#idle);
    this.#idle = window.setTimeout(() => this.#queue.submit(turns), IDLE_MILLISECONDS);
  }

  #showCommand(options: OptionFacts, { layers }: InputFacts): void {
    const state = this.#controls.settled;
    setText(place(this.#lab, '[data-command]', HTMLElement), commandOf(state, this.#controls.optionTexts(options)));
    setText(place(this.#lab, '[data-command-note]', HTMLElement), commandNote(state, layers));
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

  /** Whether the address said something. */
  #readHash(): boolean {
    const { start, isFixed, state } = this.#controls;
    if (!location.hash.includes('=')) return false;
    const read = stateOfHash(location.hash, start, isFixed);
    const variant = this.#controls.knows(read.variant) ? read.variant : state.variant;
    this.#controls.write({ ...read, variant });
    this.#view.goTo(read.row);
    this.#view.prepare(read);
    // That of the page as it was built, until the library says what this one is.
    if (!this.#isStarted) {
      for (const part of ['[data-command]', '[data-command-note]']) setText(place(this.#lab, part, HTMLElement), '');
    }
    return true;
  }

  #writeHash(): void {
    const hash = hashOf(this.#controls.state, this.#controls.start);
    if (hash === location.hash.replace(/^#/, '')) return;
    history.replaceState(null, '', hash === '' ? location.pathname + location.search : `#${hash}`);
  }

  #showError(error: unknown): void {
    const isExpected = error instanceof EngineError ? error.expected : error instanceof ArgumentError;
    if (!(error instanceof EngineError) && !isExpected) console.error(error);
    const message = error instanceof Error ? error.message : String(error);
    this.#status(isExpected ? message : `An error occurred: ${message}`, true);
  }

  #status(text: string, isError = false): void {
    const line = place(this.#lab, '[data-status]', HTMLElement);
    line.classList.toggle('error', isError);
    setText(line, text);
  }

  #announce(said: string): void {
    this.#announcement = said;
    this.#announceSoon();
  }
}
