/** A lab's settings as the part of an address after `#`: a link to what is seen, which also works from a disk. */
import type { Distribution, InputKind, LabState } from './state.ts';

/** Settings that every input has, and those that only one has. */
const COMMON = ['variant', 'input', 'layer', 'causal', 'seed', 'row'] as const;
const OF_INPUT = {
  minilm: [],
  drawn: ['distribution', 'length', 'heads', 'headDim'],
  text: ['text'],
  file: [],
} as const satisfies Record<InputKind, readonly (keyof LabState)[]>;
const NUMBERS = ['length', 'heads', 'headDim', 'seed', 'row'] as const;
const NAMES: readonly string[] = [...COMMON, ...Object.values(OF_INPUT).flat(), 'head'];
/** An option of a variant that is named as one of the settings is written with this before it. */
const PREFIX = 'option.';

/** What differs from `start`. Files of the reader's own cannot be linked to. */
export function hashOf(state: LabState, start: LabState): string {
  const settings = new URLSearchParams();
  for (const name of [...COMMON, ...OF_INPUT[state.input]]) {
    if (state[name] !== start[name]) settings.set(name, String(state[name]));
  }
  if (state.input === 'file') for (const name of ['input', 'layer']) settings.delete(name);
  if (state.head !== start.head) settings.set('head', state.head === null ? 'mean' : String(state.head));
  for (const [name, text] of Object.entries(state.options)) {
    settings.set(NAMES.includes(name) ? PREFIX + name : name, text);
  }
  return settings.toString();
}

/**
 * `start`, changed by what the hash says; an anchor within the page says nothing. Options are taken as written: what
 * the variant has of them, and whether their values are right, is found later. A fixed variant stays.
 */
export function stateOfHash(hash: string, start: LabState, isFixed: boolean): LabState {
  if (!hash.includes('=')) return start;
  const settings = new URLSearchParams(hash.replace(/^#/, ''));
  const state = { ...start, options: {} as Record<string, string> };
  for (const [name, text] of settings) {
    if (name === 'variant') {
      if (!isFixed) state.variant = text;
    } else if (name === 'input') {
      if (['minilm', 'drawn', 'text'].includes(text)) state.input = text as InputKind;
    } else if (name === 'distribution') {
      if (['gaussian', 'clustered', 'peaked'].includes(text)) state.distribution = text as Distribution;
    } else if (name === 'layer' || name === 'text') state[name] = text;
    else if (name === 'causal') state.causal = text === 'true';
    else if (name === 'head') state.head = naturalOf(text);
    else if ((NUMBERS as readonly string[]).includes(name)) {
      const key = name as (typeof NUMBERS)[number];
      state[key] = naturalOf(text) ?? start[key];
    } else state.options[name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name] = text;
  }
  return state;
}

function naturalOf(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}
