/** The controls of a lab: from what they hold to a state, and back. */

import { formatWhole } from '../../../src/terminal/format.ts';
import type { InputFacts, OptionFacts } from '../../engine/protocol.ts';
import { place, setText } from '../elements.ts';
import { isMarkedWrong, letArrowsStep, numberOr, readNumber } from '../number-field.ts';
import { OptionControls, whyCausalOrNot } from './option-controls.ts';
import { type Distribution, type InputKind, type LabState, startOf } from './state.ts';

/** Of drawn numbers: every 64 tokens as far as there are pictures, then doubled. */
const LENGTHS = [...Array.from({ length: 16 }, (_, n) => 64 * (n + 1)), 2048, 4096, 8192];

export class Controls {
  readonly #form: HTMLFormElement;
  readonly #options: OptionControls;
  #state: LabState;

  /** `onChange` is called with what was chosen, at every movement of a slider. */
  constructor(lab: HTMLElement, onChange: (state: LabState) => void) {
    this.#form = place(lab, '[data-controls]', HTMLFormElement);
    this.#options = new OptionControls(this.#form);
    this.#state = this.#start();
    this.#form.addEventListener('input', ({ target }) => {
      // Files are not read from the control: see files.ts.
      if (!(target instanceof HTMLElement) || (target instanceof HTMLInputElement && target.type === 'file')) return;
      this.#read(target);
      this.#show();
      onChange(this.#state);
    });
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    letArrowsStep(this.#form);
    place(this.#form, '[data-reset]', HTMLButtonElement).addEventListener('click', () => {
      const { variant, row } = this.#state;
      this.write({ ...this.start, ...(this.isFixed ? {} : { variant }), row });
      onChange(this.#state);
    });
  }

  /** As the build made it, whatever a browser remembers of the page. */
  get start(): LabState {
    return this.#start();
  }

  get state(): LabState {
    return this.#state;
  }

  get isFixed(): boolean {
    return this.#form.dataset.fixed === 'true';
  }

  knows(variant: string): boolean {
    return this.#options.has(variant);
  }

  /** The state as it works out: causal where the input or the variant has to be, and not where the variant cannot be. */
  get settled(): LabState {
    return { ...this.#state, causal: this.#isCausal() };
  }

  /** Puts a state into the controls. */
  write(state: LabState): void {
    this.#state = state;
    for (const field of this.#form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
    this.#show();
  }

  /** The row has a control elsewhere. */
  setRow(row: number): void {
    this.#state = { ...this.#state, row };
  }

  /** What became known of the input: its layers and heads, and what may be out of range for it. */
  showInput({ layers, heads }: InputFacts): void {
    const { layer, head } = this.#state;
    const named = layers.map((name, n): [string, string] => [n === 0 ? '' : name, name]);
    fill(this.#select('layer'), named.length > 0 ? named : [['', 'the only one']]);
    const numbers = Array.from({ length: heads === 1 ? 0 : heads }, (_, n): [string, string] => [
      String(n),
      `head ${n}`,
    ]);
    fill(this.#select('head'), [['', heads === 1 ? 'the only one' : `mean of ${heads}`], ...numbers]);
    this.#state = {
      ...this.#state,
      layer: layers.indexOf(layer) > 0 ? layer : '',
      head: head !== null && head < heads ? head : null,
    };
    this.#show();
  }

  /** What became known of the variant's options at this length. */
  showOptions(facts: OptionFacts): void {
    this.#options.showFacts(this.#state.variant, facts, this.#state.options);
  }

  /** Throws ArgumentError for a number field of the input, or of the parameters, that holds none, or one out of range. */
  checkNumbers(): void {
    readNumber(this.#numberField('seed'));
    if (this.#state.input === 'drawn') readNumber(this.#numberField('heads'));
  }

  /** The same of the variant's options; what is in range follows from the facts that were shown last. */
  checkOptions(): void {
    this.#options.check(this.#state.variant);
  }

  /** Of what was chosen by hand. */
  chosenValues(): Record<string, unknown> {
    const { variant, options } = this.#state;
    return Object.fromEntries(Object.entries(this.#options.values(variant)).filter(([name]) => name in options));
  }

  /** Values for the engine, and those texts that differ from the defaults. */
  optionValues(): Record<string, unknown> {
    return this.#options.values(this.#state.variant);
  }

  optionTexts(facts: OptionFacts): Record<string, string> {
    return this.#options.texts(this.#state.variant, facts);
  }

  #start(): LabState {
    const text = place(this.#form, '[name=text]', HTMLTextAreaElement).dataset.start ?? '';
    const fixed = this.#form.querySelector<HTMLInputElement>('input[name=variant]')?.value;
    const first = this.#form.querySelector<HTMLOptionElement>('[name=variant] [selected]')?.value;
    return startOf(fixed ?? first ?? 'longformer', text);
  }

  #read(changed: HTMLElement): void {
    const before = this.#state;
    const number = (name: string): number => Number(this.#value(name));
    const variant = this.#value('variant');
    const input = this.#value('input') as InputKind;
    const head = this.#value('head');
    this.#state = {
      ...before,
      variant,
      options: variant === before.variant ? this.#options.read(variant, changed, before.options) : {},
      causal: changed === this.#box ? this.#box.checked : before.causal,
      seed: numberOr(this.#numberField('seed'), before.seed),
      input,
      layer: input === before.input ? this.#value('layer') : '',
      distribution: this.#value('distribution') as Distribution,
      length: LENGTHS[number('length')],
      heads: numberOr(this.#numberField('heads'), before.heads),
      headDim: number('headDim'),
      text: this.#value('text'),
      head: head === '' ? null : Number(head),
    };
  }

  #show(): void {
    const { variant, seed, input, layer, distribution, length, heads, headDim, text, head } = this.#state;
    this.#options.show(variant, this.#state.options);
    this.#put('variant', variant);
    this.#put('seed', seed);
    this.#put('input', input);
    this.#put('layer', layer);
    this.#put('distribution', distribution);
    this.#put(
      'length',
      LENGTHS.findIndex((each) => each >= length),
    );
    this.#put('heads', heads);
    this.#put('headDim', headDim);
    this.#put('text', text);
    this.#put('head', head ?? '');
    setText(place(this.#form, '[data-length]', HTMLElement), formatWhole(length));
    this.#field('length').setAttribute('aria-valuetext', `${formatWhole(length)} tokens`);
    for (const part of this.#form.querySelectorAll<HTMLElement>('[data-input]')) {
      part.hidden = part.dataset.input !== input;
    }
    for (const note of this.#form.querySelectorAll<HTMLElement>('[data-distribution]')) {
      note.hidden = note.dataset.distribution !== distribution;
    }
    place(this.#form, '[data-layer]', HTMLElement).hidden = input === 'drawn';
    this.#box.checked = this.#isCausal();
    const reason = this.#whyCausalOrNot();
    this.#box.disabled = reason !== '';
    setText(place(this.#form, '[data-causal-note]', HTMLElement), reason);
  }

  #isCausal(): boolean {
    const { variant, input, causal } = this.#state;
    const causality = this.#options.causality(variant);
    return input === 'text' || causality === 'always' || (causal && causality === 'asked');
  }

  /** Empty where one may choose. */
  #whyCausalOrNot(): string {
    const { variant, input } = this.#state;
    if (input === 'text') return 'The model that reads the text is causal.';
    return whyCausalOrNot(variant, this.#options.causality(variant));
  }

  get #box(): HTMLInputElement {
    return place(this.#form, '[name=causal]', HTMLInputElement);
  }

  #field(name: string): HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
    return this.#form.elements.namedItem(name) as HTMLInputElement;
  }

  #numberField(name: string): HTMLInputElement {
    return this.#field(name) as HTMLInputElement;
  }

  #select(name: string): HTMLSelectElement {
    return this.#field(name) as HTMLSelectElement;
  }

  #value(name: string): string {
    return this.#field(name).value;
  }

  /** Leaves alone what is being written, and what has to be written anew. */
  #put(name: string, value: string | number): void {
    const field = this.#field(name);
    const isNumber = field.dataset.number !== undefined;
    if (isNumber && (document.activeElement === field || isMarkedWrong(field))) return;
    if (field.value !== String(value)) field.value = String(value);
  }
}

/** The choice stays where it still is one. */
function fill(select: HTMLSelectElement, choices: readonly (readonly [value: string, name: string])[]): void {
  const same = choices.every(([value, name], n) => {
    const option = select.options[n];
    return option !== undefined && option.value === value && option.text === name;
  });
  if (same && select.options.length === choices.length) return;
  const { value } = select;
  select.replaceChildren(...choices.map(([own, name]) => new Option(name, own)));
  if (choices.some(([own]) => own === value)) select.value = value;
}
