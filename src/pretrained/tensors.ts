/** Maps the tensors of a checkpoint to those of a model, and copies their numbers. */
import { firstUnfit } from '../core/dtype.ts';
import { FileFormatError, formatShape } from '../core/errors.ts';
import type { Weight, Weights } from '../core/files/weights.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { Destination, Plan } from './architecture.ts';

/** The most problems of each kind that a message lists. */
const LISTED = 20;

/** The source of one of the model's tensors: a tensor of the file. */
export interface Match {
  source: Weight;
  destination: Destination;
}

/**
 * For each of the model's tensors, by our names, the checkpoint's tensor. Throws a FileFormatError that lists every mismatch,
 * with the names of the file. Reads only shapes, even of the model.
 */
export function matchTensors(
  targets: ReadonlyMap<string, Tensor>,
  weights: Weights,
  plan: Plan,
): ReadonlyMap<string, Match> {
  const matches = new Map<string, Match>();
  const [missing, unknown, twice, unfit]: string[][] = [[], [], [], []];
  for (const [name, source] of weights.tensors) {
    const destination = plan.destination(name);
    if (destination === 'unused') continue;
    if (destination === undefined || !targets.has(destination.name)) {
      unknown.push(source.storedName);
      continue;
    }
    const other = matches.get(destination.name);
    if (other !== undefined && !other.destination.alias && !destination.alias) {
      twice.push(`${other.source.storedName} and ${source.storedName}`);
    }
    if (other === undefined || !destination.alias) matches.set(destination.name, { source, destination });
  }
  for (const [name, source] of weights.ties) {
    const destination = plan.destination(name);
    if (destination === 'unused' || destination === undefined || matches.has(destination.name)) continue;
    if (targets.has(destination.name)) matches.set(destination.name, { source, destination });
  }
  const names = new Set(weights.tensors.keys());
  for (const [name, target] of targets) {
    const match = matches.get(name);
    if (match === undefined) missing.push(plan.nameOf(name, names));
    else unfit.push(...misfitsOf(target, match));
  }
  expectNone(weights.path, { missing, unknown, twice, 'of another shape or type': unfit });
  return matches;
}

function misfitsOf(target: Tensor, { source, destination }: Match): string[] {
  const { storedName, shape, dtype, storedAs } = source;
  const expected = shapeInFile(target, source, destination);
  const problems: string[] = [];
  if (expected !== null) problems.push(`${storedName}: expected ${formatShape(expected)}, got ${formatShape(shape)}`);
  if (!dtype.startsWith('float')) problems.push(`${storedName}: expected F16, BF16, F32 or F64, got ${storedAs}`);
  return problems;
}

/** The shape that the file should have; null if it has it. */
function shapeInFile({ shape }: Tensor, source: Weight, destination: Destination): readonly number[] | null {
  const { layout, repeated } = destination;
  const long = (extents: readonly number[]) => extents.filter((extent) => extent !== 1);
  let expected = layout === 'transposed' ? [...shape].reverse() : shape;
  if (repeated !== undefined) expected = [repeated.rows, ...shape.slice(1)];
  const [given, wanted] = layout === 'squeezed' ? [long(source.shape), long(shape)] : [source.shape, expected];
  return formatShape(given) === formatShape(wanted) ? null : expected;
}

function expectNone(path: string, problems: Record<string, readonly string[]>): void {
  const parts = Object.entries(problems).flatMap(([kind, names]) => {
    if (names.length === 0) return [];
    const more = names.length > LISTED ? `; and ${names.length - LISTED} more` : '';
    return [`${names.length} ${kind} (${names.slice(0, LISTED).join('; ')}${more})`];
  });
  if (parts.length === 0) return;
  throw new FileFormatError(`${path}: expected the tensors that config.json describes, got ${parts.join(', ')}`);
}

/** Overwrites the model's tensors. Throws FileFormatError for a number that is not finite, in the file or in the model's type. */
export function fillTensors(
  targets: ReadonlyMap<string, Tensor>,
  matches: ReadonlyMap<string, Match>,
  path: string,
): void {
  for (const [name, { source, destination }] of matches) {
    const target = targets.get(name) as Tensor;
    const numbers = source.load();
    const at = firstUnfit(numbers, target.dtype);
    if (at >= 0) {
      throw new FileFormatError(
        `${path}: ${source.storedName}: expected numbers that ${target.dtype} can hold, ` +
          `got ${numbers[at]} at element ${at}`,
      );
    }
    copyInto(target, numbers, destination);
  }
}

function copyInto(target: Tensor, numbers: ArrayLike<number>, { layout, repeated }: Destination): void {
  const into = elements(target);
  if (layout === 'transposed') {
    const [rows, columns] = target.shape;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) into[row * columns + column] = numbers[column * rows + row];
    }
    return;
  }
  // Positions beyond those of the file repeat the file's, from `from` on.
  const width = target.size / target.shape[0];
  const from = (repeated?.from ?? 0) * width;
  const period = numbers.length - from;
  for (let n = 0; n < into.length; n++) into[n] = numbers[n < from ? n : from + ((n - from) % period)];
}
