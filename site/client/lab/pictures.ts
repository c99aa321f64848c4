/** Three matrices of one size and one scale: the variant's, full attention's, and how they differ. */
import { DECADES } from '../../../src/compare/patterns/shade.ts';
import { formatError } from '../../../src/terminal/format.ts';
import { place, setText } from '../elements.ts';
import { difference, largestOf, type Matrix, type Mode, paintMatrix } from './matrix.ts';

/** A pair that is pointed at. */
export interface Pair {
  row: number;
  key: number;
}

type Name = 'variant' | 'full' | 'difference';
const NAMES: readonly Name[] = ['variant', 'full', 'difference'];

export class Pictures {
  readonly #lab: HTMLElement;
  readonly #figures: Record<Name, HTMLElement>;
  #matrices: Record<Name, Matrix> | null = null;
  #largest = 0;

  /** `onPoint` gets every pair that is pointed at or walked to. */
  constructor(lab: HTMLElement, current: () => Pair, onPoint: (pair: Pair, byKeyboard: boolean) => void) {
    this.#lab = lab;
    const figure = (name: Name): HTMLElement => place(lab, `[data-picture="${name}"]`, HTMLElement);
    this.#figures = { variant: figure('variant'), full: figure('full'), difference: figure('difference') };
    for (const name of NAMES) {
      const canvas = this.#canvas(name);
      const point = (event: PointerEvent): void => {
        const length = this.#matrices?.variant.length;
        if (length === undefined) return;
        const at = (along: number): number => Math.min(length - 1, Math.max(0, Math.floor(along * length)));
        const { left, top, width, height } = canvas.getBoundingClientRect();
        onPoint({ row: at((event.clientY - top) / height), key: at((event.clientX - left) / width) }, false);
      };
      canvas.addEventListener('pointermove', point);
      canvas.addEventListener('pointerdown', point);
      canvas.addEventListener('keydown', (event) => {
        const length = this.#matrices?.variant.length;
        const pair = length === undefined ? null : walked(event, current(), length);
        if (pair === null) return;
        event.preventDefault();
        onPoint(pair, true);
      });
    }
    new ResizeObserver(() => this.paint()).observe(this.#canvas('variant'));
  }

  show(variantName: string, variant: Matrix, full: Matrix): void {
    this.#matrices = { variant, full, difference: difference(variant, full) };
    this.#largest = largestOf(variant, full);
    this.#lab.classList.remove('lab-without-pictures');
    for (const name of NAMES) {
      place(this.#figures[name], '.lab-too-long', HTMLElement).hidden = true;
      const what =
        name === 'difference'
          ? `${variantName} minus full attention`
          : name === 'full'
            ? 'full attention'
            : variantName;
      const { length } = variant;
      this.#canvas(name).setAttribute(
        'aria-label',
        `Weights of ${what}: ${length} queries down, ${length} keys across. Arrow keys move from pair to pair.`,
      );
    }
    setText(place(this.#lab, '[data-faintest]', HTMLElement), `≤ ${formatError(this.#largest / 10 ** DECADES)}`);
    setText(place(this.#lab, '[data-strongest]', HTMLElement), formatError(this.#largest));
    this.paint();
  }

  /** In place of pictures. */
  showReason(reason: string): void {
    this.#matrices = null;
    for (const name of NAMES) {
      const canvas = this.#canvas(name);
      canvas.getContext('2d')?.clearRect(0, 0, canvas.width, canvas.height);
      canvas.setAttribute('aria-label', reason);
      const note = place(this.#figures[name], '.lab-too-long', HTMLElement);
      note.hidden = name !== 'variant';
      setText(note, reason);
    }
    this.#lab.classList.add('lab-without-pictures');
  }

  paint(): void {
    if (this.#matrices === null) return;
    const mode = modeOfPage();
    for (const name of NAMES) paintMatrix(this.#canvas(name), this.#matrices[name], this.#largest, mode);
  }

  /** Marks a query and a key in all three. */
  mark({ row, key }: Pair, length: number): void {
    for (const name of NAMES) {
      const { style } = place(this.#figures[name], '.lab-canvas', HTMLElement);
      style.setProperty('--row', String((row + 0.5) / length));
      style.setProperty('--key', String((key + 0.5) / length));
    }
  }

  #canvas(name: Name): HTMLCanvasElement {
    return place(this.#figures[name], 'canvas', HTMLCanvasElement);
  }
}

/** Light or dark, as the page is now. */
export function modeOfPage(): Mode {
  return getComputedStyle(document.documentElement).colorScheme === 'dark' ? 'dark' : 'light';
}

/** With Shift, sixteen at a time; Home and End go along the row. Null for other keys. */
function walked({ key, shiftKey }: KeyboardEvent, { row, key: at }: Pair, length: number): Pair | null {
  const step = shiftKey ? 16 : 1;
  const within = (position: number): number => Math.min(length - 1, Math.max(0, position));
  if (key === 'ArrowUp') return { row: within(row - step), key: at };
  if (key === 'ArrowDown') return { row: within(row + step), key: at };
  if (key === 'ArrowLeft') return { row, key: within(at - step) };
  if (key === 'ArrowRight') return { row, key: within(at + step) };
  if (key === 'Home') return { row, key: 0 };
  if (key === 'End') return { row, key: length - 1 };
  return null;
}
