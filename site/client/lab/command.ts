/** The command that prints the very numbers of a lab, from the root of the repository. */
import { setText } from '../elements.ts';
import type { LabState } from './state.ts';

/** `options`: those that differ from the defaults, and the budget, as texts. */
export function commandOf(state: LabState, options: Readonly<Record<string, string>>): string {
  const { variant, causal, seed } = state;
  const words = ['npm', 'start', '--', 'compare', ...inputWords(state), '--variant', variant];
  for (const [name, text] of Object.entries(options)) words.push('--option', `${name}=${text}`);
  if (causal && state.input !== 'text') words.push('--causal');
  if (seed !== 0) words.push('--seed', String(seed));
  words.push('--json', 'out.json', '--no-report');
  return words.map(quoted).join(' ');
}

/** What the command line cannot be told in one line; '' if nothing. */
export function commandNote({ input, layer }: LabState, layers: readonly string[]): string {
  const notes = [
    input === 'text' ? 'Save the text as text.txt first, without a line break at its end.' : '',
    input === 'file' ? 'Run it in the folder of the file.' : '',
    // Of a text's layers the command is told which.
    input !== 'text' && layers.length > 1
      ? `It measures every layer; this one is "layer": "${layer || layers[0]}".`
      : '',
  ];
  return notes.filter((note) => note !== '').join(' ');
}

function inputWords({ input, layer, distribution, length, heads, headDim, files }: LabState): string[] {
  if (input === 'minilm') return [];
  if (input === 'file') return ['--qkv', files.join(',')];
  if (input === 'text') {
    const number = (layer || 'layer0').replace('layer', '');
    return ['--checkpoint', 'fixtures/byte-lm.safetensors', '--text', 'text.txt', '--whole-text', '--layer', number];
  }
  const drawn = ['--length', String(length), '--distribution', distribution, '--heads', String(heads)];
  return [...drawn, '--head-dim', String(headDim)];
}

/** As shells take a word; most need nothing. */
function quoted(word: string): string {
  return /^[\w./=,:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Says on the button how it went. */
export async function copyText(from: HTMLElement, button: HTMLButtonElement): Promise<void> {
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
