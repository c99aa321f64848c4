/** One variant's picture with what is said about it. */
import { largestWeight, type PatternPanel, type Shading, shadingOf } from '../../../src/compare/patterns/shade.ts';
import { formatPercent, formatWhole } from '../../../src/terminal/format.ts';
import type { Budgeted, Grid } from '../../engine/protocol.ts';
import { place, setText } from '../elements.ts';
import { type Mode, paintShades } from '../lab/matrix.ts';
import { costsTooMuch } from './cost.ts';
import { explorerHash, isOfText, type Settings } from './settings.ts';

const patternShading = shadingOf('pattern', []);

export class Card {
  readonly name: string;
  readonly #element: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  #grid: Grid | null = null;
  /** What the picture is of, as text; '' for none. */
  #shown = '';
  #wanted = '';

  constructor(element: HTMLElement) {
    this.#element = element;
    this.name = element.dataset.variant ?? '';
    this.#canvas = place(element, 'canvas', HTMLCanvasElement);
  }

  get canBeCausal(): boolean {
    return this.#element.dataset.causal === 'true';
  }

  get drawsWeights(): boolean {
    return this.#element.dataset.kind === 'weights';
  }

  get isLeftOut(): boolean {
    return this.#element.classList.contains('left-out');
  }

  /** Whether it is seen and what it shows is not what it should. */
  get isStale(): boolean {
    return this.#shown !== this.#wanted && !this.isLeftOut && !this.#element.hidden;
  }

  /** Says what the picture is going to be of. */
  describe(budgeted: Budgeted, settings: Settings): void {
    const { length, share, causal, seed, over } = settings;
    const { budget, options } = budgeted;
    const cannot = causal && !this.canBeCausal;
    // A stated pattern depends on no seed but that among its options.
    this.#wanted = cannot ? '' : JSON.stringify([length, causal, options, this.drawsWeights ? seed : null]);
    this.#element.classList.toggle('cannot', cannot);
    const isOver = !cannot && costsTooMuch(budgeted, share);
    this.#element.classList.toggle('over', isOver);
    this.#element.classList.toggle('left-out', isOver && !over);
    this.#say(
      '[data-budget]',
      cannot ? 'not causal' : budget === null ? 'no budget' : `${budget.symbol} = ${budget.value}`,
    );
    this.#say('[data-share]', cannot ? '–' : shareText(budgeted, share));
    place(this.#element, '[data-explore]', HTMLAnchorElement).hash = explorerHash(
      this.name,
      settings,
      this.drawsWeights,
      options,
    );
    if (!cannot) return;
    this.#shown = '';
    this.#grid = null;
    this.#say('[data-drawn]', '–');
    this.#canvas.getContext('2d')?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#canvas.setAttribute('aria-label', `${this.name} cannot be causal: no picture.`);
  }

  show(grid: Grid, settings: Settings, { budget }: Budgeted): void {
    const { length, causal } = settings;
    this.#grid = grid;
    this.#shown = this.#wanted;
    const drawn =
      grid.kind === 'weights'
        ? `weights on ${isOfText(settings, true) ? 'English' : 'drawn numbers'}`
        : `${formatPercent((grid.pairs ?? 0) / length ** 2)} of all pairs`;
    this.#say('[data-drawn]', drawn);
    const knob = budget === null ? '' : `, ${budget.symbol} = ${budget.value}`;
    const what = grid.kind === 'weights' ? 'Weights' : 'Pattern';
    this.#canvas.setAttribute(
      'aria-label',
      `${what} of ${this.name} at ${formatWhole(length)} tokens${causal ? ', causal' : ''}${knob}: ${drawn}. A row is a query, a column a key.`,
    );
  }

  /** The largest weight of the picture, by its size; 0 for patterns. */
  get largest(): number {
    if (this.#grid === null) return 0;
    return largestWeight([this.#grid as unknown as PatternPanel]);
  }

  paint(weightShading: Shading, mode: Mode): void {
    if (this.#grid === null) return;
    const { kind, size, cells } = this.#grid;
    const matrix = { length: size, weights: Float32Array.from(cells) };
    paintShades(this.#canvas, matrix, kind === 'weights' ? weightShading : patternShading, mode);
  }

  #say(selector: string, text: string): void {
    setText(place(this.#element, selector, HTMLElement), text);
  }
}

/** Where even the cheapest budget costs more than was asked for, that it does. */
function shareText({ budget, share }: Budgeted, asked: number): string {
  const text = `${formatPercent(share)} of full’s FLOPs`;
  return budget === null || share <= asked ? text : `at least ${text}`;
}
