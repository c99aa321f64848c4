/** From a choice on a page to the input of a comparison. What was last chosen stays at hand: sliders ask for it again. */
import { type ComparisonCase, type ComparisonInput, fileInput } from '../../src/compare/inputs.ts';
import { syntheticInput } from '../../src/compare/synthetic.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { keep } from '../../src/core/scope.ts';
import { loadModel, type TrainedModel } from '../../src/training/checkpoint.ts';
import { placeOf } from '../../src/training/config.ts';
import { textAttention } from '../../src/training/text-attention.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import type { InputChoice, InputFacts, Questions } from './protocol.ts';

/** Where pages put what is shipped: activations, and the model that reads texts. */
export const MINILM = 'minilm-qkv.safetensors';
export const BYTE_MODEL = 'byte-lm.safetensors';

/** One case: one layer, or one length. */
export function inputOf(choice: InputChoice, seed: number): ComparisonInput {
  const input = wholeInput(choice, seed);
  const chosen = caseOf(input, choice.kind === 'drawn' ? undefined : choice.layer);
  return { ...input, cases: [{ ...chosen, load: () => loaded(chosen, choice, seed), recall }] };
}

export function describe({ input: choice }: Questions['describe']['ask']): InputFacts {
  const input = wholeInput(choice, 0);
  const { heads, headDim, cases } = input;
  const { length } = caseOf(input, choice.kind === 'drawn' ? undefined : choice.layer);
  return { layers: cases.flatMap(({ layer }) => layer ?? []), length, heads, headDim, tokens: tokensOf(choice) };
}

/** A file was put where another may have been. */
export function forgetInputs(): void {
  last = null;
  kept.clear();
  model = null;
}

function wholeInput(choice: InputChoice, seed: number): ComparisonInput {
  if (choice.kind === 'drawn') {
    const { distribution, length, heads, headDim } = choice;
    return syntheticInput({ lengths: [length], distribution, heads, headDim, seed });
  }
  if (choice.kind === 'text') return textInput(choice.text);
  return fileInput(choice.kind === 'minilm' ? [MINILM] : choice.names);
}

let model: TrainedModel | null = null;

/** As `compare --checkpoint byte-lm.safetensors --text FILE --whole-text` has it. */
function textInput(text: string): ComparisonInput {
  model ??= loadModel(BYTE_MODEL);
  const trained = model;
  const { config, body } = trained.learner.model;
  const { heads, headDim } = placeOf(config);
  const { length } = new TextEncoder().encode(text);
  if (length === 0 || length > config.length) {
    throw new ArgumentError(`text: expected 1 to ${config.length} bytes for the model to read, got ${length}`);
  }
  const cases = [...body.layers.keys()].map((layer): ComparisonCase => {
    return { layer: `layer${layer}`, length, load: () => textAttention(trained, text, layer) };
  });
  return { name: `${length} bytes of text`, source: 'file', detail: BYTE_MODEL, batch: 1, heads, headDim, cases };
}

function caseOf({ cases }: ComparisonInput, layer: string | undefined): ComparisonCase {
  const chosen = layer === undefined ? cases[0] : cases.find((each) => each.layer === layer);
  if (chosen === undefined) throw new ArgumentError(`layer: there is none named ${layer}`);
  return chosen;
}

let last: { key: string; inputs: AttentionInputs } | null = null;
/** Of these inputs: a slider's pictures and figures are of the same rows, and full attention does not follow it. */
const kept = new Map<string, { key: string; answer: unknown }>();

/** The last answer of a kind on the inputs that were loaded last, if the question was the same. */
export function recall<Answer>(kind: 'oracle' | 'rows', key: string, compute: () => Answer): Answer {
  const known = kept.get(kind);
  if (known?.key === key) return known.answer as Answer;
  kept.delete(kind);
  const answer = compute();
  kept.set(kind, { key, answer });
  return answer;
}

function loaded({ load }: ComparisonCase, choice: InputChoice, seed: number): AttentionInputs {
  const key = keyOf(choice, seed);
  if (last?.key === key) return last.inputs;
  last = null;
  kept.clear();
  const inputs = load();
  for (const tensor of [inputs.queries, inputs.keys, inputs.values]) keep(tensor);
  last = { key, inputs };
  return inputs;
}

/** The same for the same numbers. */
export function keyOf(choice: InputChoice, seed: number): string {
  return JSON.stringify([choice, choice.kind === 'drawn' ? seed : null]);
}

function tokensOf(choice: InputChoice): string[] | null {
  if (choice.kind === 'text') return charactersByByte(choice.text);
  const pieces = choice.kind === 'minilm' ? readSafetensors(MINILM).metadata.get('tokens') : undefined;
  return pieces === undefined ? null : (JSON.parse(pieces) as string[]).map(spaced);
}

/** A word piece as it stands in a text: `##` goes on with the word before, marks follow it, other words begin anew. */
function spaced(piece: string, index: number): string {
  if (piece.startsWith('##')) return piece.slice(2);
  return index === 0 || /^[.,;:!?)\]]$/.test(piece) ? piece : ` ${piece}`;
}

/** A character stands at its first byte. */
export function charactersByByte(text: string): string[] {
  const encoder = new TextEncoder();
  return [...text].flatMap((character) => {
    const { length } = encoder.encode(character);
    return [character, ...Array.from({ length: length - 1 }, () => '')];
  });
}
