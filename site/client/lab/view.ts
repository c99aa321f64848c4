/** All that is seen of two matrices: the pictures, one query's row as a chart and in the text, and one pair in numbers. */
import { formatError, formatWhole } from '../../../src/terminal/format.ts';
import { place, setText } from '../elements.ts';
import type { Matrix } from './matrix.ts';
import { type Pair, Pictures } from './pictures.ts';
import { RowChart } from './row-chart.ts';
import { type LabState, LONGEST_PICTURE } from './state.ts';
import { Texts } from './texts.ts';

interface Seen {
  variant: Matrix;
  full: Matrix;
  /** What was read, if anybody knows. */
  tokens: readonly string[] | null;
}

export interface ViewSettings {
  onRow: (row: number) => void;
  /** Gets the pair in words, when somebody walks to it who may not see it. */
  announce: (said: string) => void;
}

export class View {
  readonly #lab: HTMLElement;
  readonly #settings: ViewSettings;
  readonly #pictures: Pictures;
  readonly #chart: RowChart;
  readonly #texts: Texts;
  readonly #slider: HTMLInputElement;
  #seen: Seen | null = null;
  #pair: Pair = { row: 256, key: 256 };

  constructor(lab: HTMLElement, settings: ViewSettings) {
    this.#lab = lab;
    this.#settings = settings;
    this.#pictures = new Pictures(
      lab,
      () => this.#pair,
      (pair, byKeyboard) => this.#point(pair, byKeyboard),
    );
    this.#chart = new RowChart(place(lab, '[data-chart]', HTMLCanvasElement), (key) =>
      this.#point({ ...this.#pair, key }, false),
    );
    this.#texts = new Texts(lab, (row) => this.#point({ ...this.#pair, row }, false));
    this.#slider = place(lab, '[data-row]', HTMLInputElement);
    this.#slider.addEventListener('input', () => this.#point({ ...this.#pair, row: Number(this.#slider.value) }, true));
    document.addEventListener('themechange', () => {
      this.#pictures.paint();
      this.#chart.paint();
    });
  }

  /** Places that an input needs, or not, are there before anything comes to fill them. */
  prepare({ variant, input, length }: LabState): void {
    if (this.#seen === null) this.#showName(variant);
    place(this.#lab, '[data-row-view]', HTMLElement).hidden = input === 'drawn' && length > LONGEST_PICTURE;
    place(this.#lab, '[data-save-text]', HTMLButtonElement).hidden = input !== 'text';
    this.#texts.setVisible(input === 'minilm' || input === 'text');
  }

  goTo(row: number): void {
    this.#pair = { row, key: row };
    this.#showPair();
  }

  show(name: string, seen: Seen): void {
    if (this.#seen?.variant === seen.variant && this.#seen.full === seen.full) return;
    this.#seen = seen;
    this.#showName(name);
    this.#pictures.show(name, seen.variant, seen.full);
    this.#texts.setTokens(seen.tokens);
    this.#showPair();
  }

  /** Why there is nothing to be seen of so many tokens. */
  showTooLong(name: string, length: number): void {
    this.#seen = null;
    this.#showName(name);
    const number = formatWhole(length);
    this.#pictures.showReason(
      `Pictures go up to ${formatWhole(LONGEST_PICTURE)} tokens. The figures below are for all ${number}.`,
    );
    this.#texts.setTokens(null);
    this.#showPair();
  }

  #showName(name: string): void {
    for (const each of this.#lab.querySelectorAll('[data-name]')) setText(each, name);
    // Only where the variant can be chosen.
    for (const page of this.#lab.querySelectorAll<HTMLAnchorElement>('[data-page]'))
      page.href = `variants/${name}.html`;
    for (const lesson of this.#lab.querySelectorAll<HTMLElement>('[data-explains]')) {
      lesson.hidden = !lesson.dataset.explains?.split(' ').includes(name);
    }
  }

  #point(pair: Pair, mayBeUnseen: boolean): void {
    this.#pair = pair;
    this.#settings.onRow(pair.row);
    const said = this.#showPair();
    if (mayBeUnseen) this.#settings.announce(said);
  }

  /** Returns what it says of the pair. */
  #showPair(): string {
    const readout = place(this.#lab, '[data-readout]', HTMLElement);
    this.#slider.disabled = this.#seen === null;
    if (this.#seen === null) {
      this.#chart.show(null, 'No weights to show');
      setText(readout, '');
      return '';
    }
    const { variant, full, tokens } = this.#seen;
    const { length } = full;
    const within = (position: number): number => Math.min(position, length - 1);
    const [row, key] = [within(this.#pair.row), within(this.#pair.key)];
    const own = variant.weights.subarray(row * length, (row + 1) * length);
    const whole = full.weights.subarray(row * length, (row + 1) * length);
    const query = nameOfToken(tokens, row);
    const weights = `${formatError(own[key])}, full attention ${formatError(whole[key])}`;
    const said = `query ${query} → key ${nameOfToken(tokens, key)}: ${weights}`;

    this.#slider.max = String(length - 1);
    this.#slider.value = String(row);
    setText(place(this.#lab, '[data-row-name]', HTMLElement), query);
    setText(readout, said);
    this.#pictures.mark({ row, key }, length);
    this.#chart.show({ variant: own, full: whole, query: row, key }, `Weights of query ${query}. ${said}`);
    this.#texts.show(row, { variant: own, full: whole });
    return said;
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
