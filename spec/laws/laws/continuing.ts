/** One run = a prefix and the rest, cut anywhere, = token by token: whatever the norms, in float32 as in float64. */
import { noGrad } from '../../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../../src/core/errors.ts';
import { concat, slice } from '../../../src/core/ops/index.ts';
import { Random } from '../../../src/core/random.ts';
import { elements, filled, fromArray, type Tensor, zeros } from '../../../src/core/tensor.ts';
import { attend } from '../../../src/variants/attend.ts';
import { attendFrom } from '../../../src/variants/continue.ts';
import { mapTokens } from '../../../src/variants/inputs.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import { type AttentionState, copyState, stateBytes } from '../../../src/variants/state.ts';
import type { Attending, AttentionInputs } from '../../../src/variants/variant.ts';
import { forAllCases, inputsOf } from '../draw.ts';
import { expectClose, type Law, parametersOf, read } from '../evaluate.ts';
import { expectThrows } from './expect-throws.ts';

/**
 * Sums of the same terms, grouped by other tiles: some tens of roundings, of scores that are as large as the norms make
 * them, which an exponential turns into relative differences.
 */
const TOLERANCE = { float32: 2e-3, float64: 1e-9 } as const;

export function continuing(variant: AnyVariant): Law[] {
  if (!variant.supports.incremental) return [];
  const equals = variant.regroups ? equalsTheRunSoFar : equalsOneRun;
  return [
    equals(variant),
    leavesItsStateAlone(variant),
    refusesOthers(variant),
    refusesDamaged(variant),
    masksLate(variant),
  ];
}

const wishes = { causal: true, masked: false, maxLength: 40 } as const;

function equalsOneRun(variant: AnyVariant): Law {
  return {
    name: 'continuing: pieces of any lengths give the rows of one run, in both types, whatever the norms',
    run: () =>
      forAllCases(variant, wishes, 40, (attentionCase) => {
        const { keyLength, dtype } = attentionCase.shape;
        const random = new Random(attentionCase.seed).split('pieces');
        const inputs = loud(inputsOf(attentionCase), random);
        const parameters = parametersOf(variant, attentionCase);
        const whole = noGrad(() => attend(variant, inputs, attentionCase.options, { parameters }));
        const pieces = random.integer(2) ? cutAnywhere(keyLength, random) : Array.from({ length: keyLength }, () => 1);
        let state: AttentionState | null = null;
        let begin = 0;
        const outputs = pieces.map((length) => {
          const piece = part(inputs, begin, begin + length);
          const result: { output: Tensor; state: AttentionState } = noGrad(() =>
            attendFrom(variant, piece, state, attentionCase.options, { parameters, maxLength: keyLength }),
          );
          begin += length;
          // What was written to a file and read back is as good.
          state = random.integer(3) === 0 ? copyState(result.state) : result.state;
          return result.output;
        });
        const tolerance = TOLERANCE[dtype];
        expectClose(read(concat(outputs, 2)), read(whole), tolerance, `pieces of ${pieces}`);
      }),
  };
}

function equalsTheRunSoFar(variant: AnyVariant): Law {
  return {
    name: 'continuing: pieces of any lengths give the last rows of runs over the tokens so far',
    run: () =>
      forAllCases(variant, wishes, 25, (attentionCase) => {
        const { keyLength, dtype } = attentionCase.shape;
        const random = new Random(attentionCase.seed).split('pieces');
        const inputs = inputsOf(attentionCase);
        const parameters = parametersOf(variant, attentionCase);
        let state: AttentionState | null = null;
        let begin = 0;
        for (const length of cutAnywhere(keyLength, random)) {
          const end = begin + length;
          const result: { output: Tensor; state: AttentionState } = noGrad(() =>
            attendFrom(variant, part(inputs, begin, end), state, attentionCase.options, {
              parameters,
              maxLength: keyLength,
            }),
          );
          // Not by way of the door, which would find options of the finished text too large for its beginning.
          const options = { ...attentionCase.options, causal: true };
          const whole = noGrad(() => variant.attend(part(inputs, 0, end), options, parameters)) as Attending;
          const rows = read(slice(whole.output, 2, begin, end));
          expectClose(read(result.output), rows, TOLERANCE[dtype], `tokens ${begin} to ${end}`);
          state = result.state;
          begin = end;
        }
      }),
  };
}

/** Norms of ×1e-3 … ×30 for the whole, and one token that is ten times as loud. */
function loud(inputs: AttentionInputs, random: Random): AttentionInputs {
  const factor = 10 ** (-3 + random.uniform() * 4.5);
  const length = inputs.keys.shape[2];
  const one = random.integer(length);
  const scaled = (tensor: Tensor) => {
    const width = tensor.shape[3];
    const data = elements(tensor).slice();
    for (let at = 0; at < data.length; at++) data[at] *= factor * (Math.floor(at / width) % length === one ? 10 : 1);
    return fromArray(data, tensor.shape, tensor.dtype);
  };
  return { ...inputs, queries: scaled(inputs.queries), keys: scaled(inputs.keys) };
}

function cutAnywhere(length: number, random: Random): number[] {
  const pieces: number[] = [];
  for (let left = length; left > 0; left -= pieces[pieces.length - 1]) pieces.push(1 + random.integer(left));
  return pieces;
}

function part(inputs: AttentionInputs, begin: number, end: number): AttentionInputs {
  return mapTokens(inputs, (rows) => slice(rows, 2, begin, end));
}

function leavesItsStateAlone(variant: AnyVariant): Law {
  return {
    name: 'continuing: a state stays as it is, and two continuations of it do not meet',
    run: () =>
      forAllCases(variant, { ...wishes, minLength: 3 }, 15, (attentionCase) => {
        const { keyLength } = attentionCase.shape;
        const inputs = inputsOf(attentionCase);
        const parameters = parametersOf(variant, attentionCase);
        const go = (state: AttentionState | null, begin: number, end: number) =>
          noGrad(() =>
            attendFrom(variant, part(inputs, begin, end), state, attentionCase.options, {
              parameters,
              maxLength: keyLength,
            }),
          );
        const cut = 1 + (attentionCase.seed % (keyLength - 2));
        const { state } = go(null, 0, cut);
        const bytes = stateBytes(state);
        const kept = copyState(state);
        const first = go(state, cut, keyLength).output;
        // Another text from there on, and then the first one again.
        go(state, 0, keyLength - cut);
        expectClose(read(go(state, cut, keyLength).output), read(first), 0, 'a second time');
        for (const [name, tensor] of Object.entries(state.tensors)) {
          expectClose(read(tensor), read(kept.tensors[name]), 0, name);
        }
        if (stateBytes(state) !== bytes) throw new Error(`a state of ${bytes} bytes has ${stateBytes(state)} now`);
      }),
  };
}

function refusesOthers(variant: AnyVariant): Law {
  return {
    name: 'continuing: a state of another variant, shape, type or of other options is refused by name',
    run: () =>
      forAllCases(variant, { ...wishes, minLength: 2, minHeads: 2 }, 5, (attentionCase) => {
        const inputs = inputsOf(attentionCase);
        const settings = { parameters: parametersOf(variant, attentionCase), maxLength: attentionCase.shape.keyLength };
        const token = part(inputs, 0, 1);
        const { state } = noGrad(() => attendFrom(variant, token, null, attentionCase.options, settings));
        const go = (other: AttentionState) => () =>
          void attendFrom(variant, token, other, attentionCase.options, settings);
        const { sizes } = state;
        expectThrows(ArgumentError, 'state', go({ ...state, variant: 'another' }));
        expectThrows(ArgumentError, 'state.options', go({ ...state, options: { ...state.options, more: 1 } as never }));
        expectThrows(ArgumentError, 'state.sizes.heads', go({ ...state, sizes: { ...sizes, heads: sizes.heads + 1 } }));
        expectThrows(ArgumentError, 'state.sizes.batch', go({ ...state, sizes: { ...sizes, batch: sizes.batch + 1 } }));
        const dtype = sizes.dtype === 'float32' ? 'float64' : 'float32';
        expectThrows(ArgumentError, 'state.sizes.dtype', go({ ...state, sizes: { ...sizes, dtype } }));
        expectThrows(ArgumentError, 'maxLength', go({ ...state, position: settings.maxLength }));
        // A state that lacks a tensor is refused, or gives the same rows: then the tensor only saved time.
        const rows = (from: AttentionState) =>
          noGrad(() => attendFrom(variant, part(inputs, 1, 2), from, attentionCase.options, settings)).output;
        for (const name of Object.keys(state.tensors)) {
          const { [name]: _, ...tensors } = state.tensors;
          let found: Tensor;
          try {
            found = rows({ ...state, tensors });
          } catch (error) {
            if (error instanceof ArgumentError || error instanceof ShapeError) continue;
            throw error;
          }
          expectClose(read(found), read(rows(state)), 0, `without ${name}`);
        }
      }),
  };
}

function refusesDamaged(variant: AnyVariant): Law {
  return {
    name: 'continuing: a state with other rows than it should hold, or with NaN, is refused by name',
    run: () =>
      forAllCases(variant, { ...wishes, minLength: 3 }, 5, (attentionCase) => {
        const inputs = inputsOf(attentionCase);
        const { keyLength } = attentionCase.shape;
        const settings = { parameters: parametersOf(variant, attentionCase), maxLength: keyLength };
        const prefix = part(inputs, 0, keyLength - 1);
        const { state } = noGrad(() => attendFrom(variant, prefix, null, attentionCase.options, settings));
        const tensors = Object.entries(state.tensors);
        const go = (name: string, tensor: Tensor) => () =>
          void attendFrom(
            variant,
            part(inputs, keyLength - 1, keyLength),
            { ...state, tensors: { ...state.tensors, [name]: tensor } },
            attentionCase.options,
            settings,
          );
        for (const [name, tensor] of tensors) {
          for (const axis of tensor.shape.keys()) {
            const more = zeros(tensor.shape.with(axis, tensor.shape[axis] + 1), tensor.dtype);
            let refused = false;
            try {
              go(name, more)();
            } catch (error) {
              if (!(error instanceof ShapeError)) throw error;
              refused = true;
            }
            if (!refused) throw new Error(`state.${name}: expected a ShapeError, nothing was thrown`);
          }
          if (tensor.dtype !== 'float32' && tensor.dtype !== 'float64') continue;
          const numbers = tensor.toArray();
          numbers[numbers.length - 1] = Number.NaN;
          expectThrows(ArgumentError, `state.${name}`, go(name, fromArray(numbers, tensor.shape, tensor.dtype)));
        }
        if (tensors.length === 0) return;
        const early = { ...state, position: 0 };
        const run = () => void attendFrom(variant, prefix, early, attentionCase.options, settings);
        expectThrows(ArgumentError, 'state.tensors', run);
      }),
  };
}

function masksLate(variant: AnyVariant): Law {
  return {
    name: 'continuing: a mask that begins after some calls without one changes nothing where it masks nothing',
    run: () =>
      forAllCases(variant, { ...wishes, minLength: 2 }, 15, (attentionCase) => {
        const inputs = inputsOf(attentionCase);
        const { keyLength, batch } = attentionCase.shape;
        const settings = { parameters: parametersOf(variant, attentionCase), maxLength: keyLength };
        const cut = 1 + (attentionCase.seed % (keyLength - 1));
        const go = (piece: AttentionInputs, state: AttentionState | null) =>
          noGrad(() => attendFrom(variant, piece, state, attentionCase.options, settings));
        const { state } = go(part(inputs, 0, cut), null);
        const rest = part(inputs, cut, keyLength);
        const keyMask = filled([batch, keyLength - cut], 1, 'uint8');
        expectClose(read(go({ ...rest, keyMask }, state).output), read(go(rest, state).output), 0, `cut at ${cut}`);
      }),
  };
}
