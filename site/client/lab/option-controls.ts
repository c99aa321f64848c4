/** The controls of the variants' options, one set for each variant. */
import type { OptionFacts } from '../../engine/protocol.ts';
import { readNumber, typedNumber } from '../number-field.ts';

type Control = HTMLInputElement | HTMLSelectElement;

/** When a variant is causal. */
export type Causality = 'asked' | 'never' | 'always';

/** Why one cannot choose; empty where one may. */
export function whyCausalOrNot(variant: string, causality: Causality): string {
  if (causality === 'asked') return '';
  return causality === 'always' ? `${variant} reads in one direction only.` : `${variant} cannot be causal.`;
}

export class OptionControls {
  readonly #sets: ReadonlyMap<string, HTMLFieldSetElement>;

  constructor(form: HTMLFormElement) {
    const sets = [...form.querySelectorAll<HTMLFieldSetElement>('[data-options]')];
    this.#sets = new Map(sets.map((set) => [set.dataset.options ?? '', set]));
  }

  has(variant: string): boolean {
    return this.#sets.has(variant);
  }

  causality(variant: string): Causality {
    return (this.#sets.get(variant)?.dataset.causal ?? 'never') as Causality;
  }

  /** Shows the variant's set, with what was chosen by hand in it. */
  show(variant: string, chosen: Readonly<Record<string, string>>): void {
    for (const [name, set] of this.#sets) set.hidden = name !== variant;
    for (const field of this.#fieldsOf(variant)) {
      const text = chosen[nameOf(field)];
      if (text !== undefined) putText(field, text);
    }
  }

  /** What has been chosen by hand, now that this control has changed. */
  read(variant: string, changed: HTMLElement, chosen: Readonly<Record<string, string>>): Record<string, string> {
    const field = changed.closest<HTMLElement>('[data-option]');
    if (field === null || field.closest('[data-options]') !== this.#sets.get(variant)) return { ...chosen };
    return { ...chosen, [nameOf(field)]: textOf(changed as Control) };
  }

  /** Limits and, for what was not chosen by hand, values. What is out of range now comes back into it. */
  showFacts(variant: string, { start, limits }: OptionFacts, chosen: Readonly<Record<string, string>>): void {
    for (const field of this.#fieldsOf(variant)) {
      const name = nameOf(field);
      const limit = limits[name];
      const [control, slider] = controlsOf(field);
      if (limit !== undefined && slider !== undefined) {
        slider.max = String(limit.slider);
        if (limit.maximum !== null) control.dataset.maximum = String(limit.maximum);
      }
      putText(field, chosen[name] ?? writtenAs(start[name]));
    }
  }

  /** Throws ArgumentError for the first of the variant's number fields that holds none, or one out of range. */
  check(variant: string): void {
    for (const field of this.#fieldsOf(variant)) {
      const [control] = controlsOf(field);
      if (control instanceof HTMLInputElement && control.dataset.number !== undefined) readNumber(control);
    }
  }

  /** For the engine. In a list what is no number is sent as it was typed, and refused there with a reason. */
  values(variant: string): Record<string, unknown> {
    return Object.fromEntries(this.#fieldsOf(variant).map((field) => [nameOf(field), parsed(field)]));
  }

  /** As the command line takes them. */
  texts(variant: string, { defaults }: OptionFacts): Record<string, string> {
    const budget = this.#fieldsOf(variant).find((field) => field.dataset.budget !== undefined);
    return tellingTexts(this.values(variant), defaults, budget && nameOf(budget));
  }

  #fieldsOf(variant: string): HTMLElement[] {
    return [...(this.#sets.get(variant)?.querySelectorAll<HTMLElement>('[data-option]') ?? [])];
  }
}

/** Those that differ from the defaults, and the budget, whose default depends on all lengths that a command compares. */
export function tellingTexts(
  values: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
  budget: string | undefined,
): Record<string, string> {
  const written = Object.entries(values).map(([name, value]) => [name, writtenAs(value)] as const);
  return Object.fromEntries(written.filter(([name, text]) => name === budget || text !== writtenAs(defaults[name])));
}

function nameOf(field: HTMLElement): string {
  return field.dataset.option ?? '';
}

/** The one that holds the value, and the slider beside it if there is one. */
function controlsOf(field: HTMLElement): [Control, HTMLInputElement | undefined] {
  const slider = field.querySelector<HTMLInputElement>('[type=range]') ?? undefined;
  return [field.querySelector('input:not([type=range]), select') as Control, slider];
}

function textOf(control: Control): string {
  if (control instanceof HTMLInputElement && control.type === 'checkbox') return String(control.checked);
  return control.value.trim();
}

function putText(field: HTMLElement, text: string): void {
  const [control, slider] = controlsOf(field);
  if (control instanceof HTMLInputElement && control.type === 'checkbox') control.checked = text === 'true';
  // What is being written is left alone.
  else if (document.activeElement !== control && control.value !== text) control.value = text;
  const mayMove = slider !== undefined && document.activeElement !== slider && slider.value !== text;
  if (mayMove && typeof typedNumber(text) === 'number') slider.value = text;
}

function parsed(field: HTMLElement): unknown {
  const text = textOf(controlsOf(field)[0]);
  const { kind } = field.dataset;
  if (kind === 'boolean') return text === 'true';
  if (kind === 'integers')
    return text === ''
      ? []
      : text
          .split(/[\s,]+/)
          .filter(Boolean)
          .map(typedNumber);
  if (kind === 'integer' || kind === 'number') return typedNumber(text);
  return text;
}

function writtenAs(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}
