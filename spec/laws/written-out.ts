/** What the spec of a variant that is also written out in loops begins with. */

import * as assert from 'uvu/assert';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, inputsOf, type Wishes } from './draw.ts';
import { expectClose, type Law, type Output, outputOf, parametersOf, ROUNDING } from './evaluate.ts';
import { inAllSettings } from './settings.ts';

/** `loops` gives the output of the same options and parameters, by itself. */
type Loops = (inputs: AttentionInputs, options: never, parameters: Parameters) => Output;

/** `runs` drawn cases against plain loops over the equations, in both settings. */
export function equalsLoops(
  variant: AnyVariant,
  wishes: Wishes,
  runs: number,
  loops: Loops,
  parametersFor = (attentionCase: AttentionCase): Parameters => parametersOf(variant, attentionCase),
): Law[] {
  return inAllSettings('equals loops over its definition', ({ draw, tolerance }) => {
    draw(variant, wishes, runs, (attentionCase) => {
      const inputs = inputsOf(attentionCase);
      const parameters = parametersFor(attentionCase);
      const expected = loops(inputs, attentionCase.options as never, parameters);
      expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, tolerance(inputs), 'output');
    });
  });
}

/** Loops over the equations that `definition` leaves open. */
type LoopsOf<Definition> = (
  inputs: AttentionInputs,
  options: never,
  parameters: Parameters,
  definition: Definition,
) => Output;

/** The loops give the output with the paper's definition, and notice one that differs from it. */
export function expectNoticed<Definition extends object>(
  variant: AnyVariant,
  attentionCase: AttentionCase,
  loops: LoopsOf<Definition>,
  paper: Definition,
  change: Partial<Definition>,
  parameters = parametersOf(variant, attentionCase),
): void {
  const inputs = inputsOf(attentionCase);
  const output = outputOf(variant, attentionCase, inputs, parameters);
  const claim = JSON.stringify([attentionCase.options, Object.keys(change)]);
  const by = (definition: Definition) => loops(inputs, attentionCase.options as never, parameters, definition);
  expectClose(output, by(paper), ROUNDING, claim);
  assert.throws(() => expectClose(output, by({ ...paper, ...change }), 1e-4, claim), claim);
}

/** Two entries and two heads, as many queries as keys. */
export const squareShape = (length: number, headDim = 4): AttentionShape => ({
  ...{ batch: 2, heads: 2, queryLength: length, keyLength: length, headDim },
  dtype: 'float64',
});
