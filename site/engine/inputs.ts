/** From a choice on a page to the input of a comparison. */
import { type ComparisonInput, fileInput } from '../../src/compare/inputs.ts';
import { syntheticInput } from '../../src/compare/synthetic.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import type { InputChoice } from './protocol.ts';

/** Where pages put the shipped activations. */
export const MINILM = 'minilm-qkv.safetensors';

/** One case: one layer, or one length. */
export function inputOf(choice: InputChoice, seed: number): ComparisonInput {
  if (choice.kind === 'drawn') {
    const { distribution, length, heads, headDim } = choice;
    return syntheticInput({ lengths: [length], distribution, heads, headDim, seed });
  }
  if (choice.kind === 'minilm') return oneLayer(fileInput([MINILM]), choice.layer);
  if (choice.kind === 'file') return oneLayer(fileInput(choice.names), choice.layer);
  throw new ArgumentError('input: reading a text is not built in yet');
}

/** Names of the layers; empty for an input without. */
export function layersOf(choice: InputChoice): string[] {
  if (choice.kind === 'drawn' || choice.kind === 'text') return [];
  const { cases } = fileInput(choice.kind === 'minilm' ? [MINILM] : choice.names);
  return cases.flatMap(({ layer }) => layer ?? []);
}

function oneLayer(input: ComparisonInput, layer: string | undefined): ComparisonInput {
  const chosen = layer === undefined ? input.cases[0] : input.cases.find((each) => each.layer === layer);
  if (chosen === undefined) throw new ArgumentError(`layer: there is none named ${layer}`);
  return { ...input, cases: [chosen] };
}
