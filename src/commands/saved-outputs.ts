/** `--save-outputs`: the output of each variant as a named tensor, for use in other programs. */
import type { MeasuredOutput } from '../compare/compare.ts';
import type { ArrayToStore } from '../core/files/numbers.ts';
import { writeSafetensors } from '../core/files/safetensors.ts';

/** What was compared, for the metadata. */
export interface SavedInput {
  input: string;
  seed: number;
  causal: boolean;
}

/** Collects outputs one by one, and writes them together. */
export class SavedOutputs {
  readonly #outputs: MeasuredOutput[] = [];

  add(output: MeasuredOutput): void {
    this.#outputs.push(output);
  }

  /**
   * Writes `[LAYER.]VARIANT.output`, [batch, heads, length, valueDim] each; with the length (`length256.`) where there are
   * several, and the budget (`.w=64`) where a variant has several. The metadata have what was compared, and for each tensor
   * its options as JSON, under its name. Throws FileWriteError if the system refuses.
   */
  write(path: string, { input, seed, causal }: SavedInput): void {
    const tensors = new Map<string, ArrayToStore>();
    const metadata: [string, string][] = [
      ['input', input],
      ['seed', String(seed)],
      ['causal', String(causal)],
    ];
    for (const output of this.#outputs) {
      const { variant, options, budget, layer, length, shape, data } = output;
      const name = this.#nameOf(output, tensors);
      tensors.set(name, { shape, data });
      metadata.push([
        name,
        JSON.stringify({ variant, ...(layer === undefined ? {} : { layer }), length, budget, options }),
      ]);
    }
    writeSafetensors(path, tensors, metadata);
  }

  #nameOf({ variant, budget, layer, length }: MeasuredOutput, taken: ReadonlyMap<string, unknown>): string {
    const all = this.#outputs;
    const lengths = new Set(all.map((each) => each.length));
    const budgets = new Set(all.filter((each) => each.variant === variant).map((each) => each.budget?.value));
    const parts = [
      ...(layer === undefined ? [] : [layer]),
      ...(lengths.size > 1 && layer === undefined ? [`length${length}`] : []),
      variant,
      ...(budgets.size > 1 && budget !== null ? [`${budget.symbol}=${budget.value}`] : []),
      'output',
    ];
    const name = parts.join('.');
    let number = 2;
    let free = name;
    while (taken.has(free)) free = `${name}${number++}`;
    return free;
  }
}
