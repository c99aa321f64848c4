/** The fields of pages/number-field.ts: what they hold as a number, or why it is none. */
import { expectInteger, wrongKind } from '../../src/core/errors.ts';

/** Shorter than the digits that sums of decimal steps leave behind. */
const DECIMALS = 6;

/** What was typed: a number; the text itself where it is none; undefined for an empty field. */
export function typedNumber(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const number = Number(trimmed);
  return Number.isNaN(number) ? trimmed : number;
}

/**
 * The number in the field, which is marked while it holds none that is right. Throws ArgumentError, which names the field, what
 * was typed and what would be right.
 */
export function readNumber(field: HTMLInputElement): number {
  const { number: kind, called = '' } = field.dataset;
  const value = typedNumber(field.value);
  const { minimum, maximum } = limitsOf(field);
  try {
    if (kind === 'integer') expectInteger(called, value, minimum, maximum);
    else if (typeof value !== 'number' || !(value >= minimum && value <= maximum)) {
      throw wrongKind(called, `a number from ${minimum} to ${maximum}`, value);
    }
  } catch (error) {
    field.setAttribute('aria-invalid', 'true');
    throw error;
  }
  field.removeAttribute('aria-invalid');
  return value as number;
}

/** Where a field holds none, what it held before: `readNumber` says elsewhere what is wrong. */
export function numberOr(field: HTMLInputElement, before: number): number {
  try {
    return readNumber(field);
  } catch {
    return before;
  }
}

export function isMarkedWrong(field: Element): boolean {
  return field.getAttribute('aria-invalid') === 'true';
}

/** Up and down in the form's number fields go a step, as they do where a browser knows that a field is of a number. */
export function letArrowsStep(form: HTMLFormElement): void {
  form.addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (!(target instanceof HTMLInputElement) || target.dataset.number === undefined) return;
    const direction = { ArrowUp: 1, ArrowDown: -1 }[key];
    const now = typedNumber(target.value);
    if (direction === undefined || typeof now !== 'number' || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { minimum, maximum } = limitsOf(target);
    const next = Math.min(maximum, Math.max(minimum, now + direction * Number(target.dataset.step)));
    target.value = String(Number(next.toFixed(DECIMALS)));
    for (const type of ['input', 'change']) target.dispatchEvent(new Event(type, { bubbles: true }));
  });
}

function limitsOf({ dataset }: HTMLInputElement): { minimum: number; maximum: number } {
  return { minimum: Number(dataset.minimum), maximum: Number(dataset.maximum ?? Number.MAX_SAFE_INTEGER) };
}
