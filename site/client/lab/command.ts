/** The command that prints the very numbers of a lab, from the root of the repository. */
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
export function commandNote({ input, layer, files }: LabState): string {
  if (input === 'minilm') return `It measures both layers; the row with "layer": "${layer || 'layer1'}" is this one.`;
  if (input === 'text') return 'Save the text as text.txt first, without a line break after it.';
  if (input === 'file' && layer !== '') return `It measures every layer; the row with "layer": "${layer}" is this one.`;
  return input === 'file' && files.length > 0 ? 'Run it where the file is.' : '';
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
