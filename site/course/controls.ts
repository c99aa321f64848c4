/** Controls that several lessons share; the first choice is what a page opens with. */
import type { Control } from './lesson.ts';
import { LAYERS } from './pictures/tools.ts';

const INPUTS = {
  words: 'words of MiniLM',
  clustered: 'drawn: clustered',
  peaked: 'drawn: peaked',
  gaussian: 'drawn: even',
} as const;

/** What a picture reads. */
export const inputChoice = (...names: (keyof typeof INPUTS)[]): Control => ({
  kind: 'choice',
  name: 'input',
  label: 'Input',
  options: names.map((name) => [name, INPUTS[name]] as const),
});

/** Of the shipped activations. */
export const layerChoice = (first: 'layer1' | 'layer4' = 'layer1'): Control => ({
  kind: 'choice',
  name: 'layer',
  label: 'Layer of MiniLM',
  options: first === 'layer1' ? LAYERS : [...LAYERS].reverse(),
});

/** Of the shipped activations, which have six. */
export const HEAD: Control = { kind: 'slider', name: 'head', label: 'Head', stops: [1, 2, 3, 4, 5, 6], start: 4 };
