/** Examples side by side, as tensors. */
import type { Random } from '../../core/random.ts';
import { fromArray, type Tensor } from '../../core/tensor.ts';
import type { Part, Task } from './task.ts';

/** Sequences that a model reads. */
export interface Sequences {
  /** int32 [batch, length] */
  tokens: Tensor;
  /** uint8 [batch, length], 1 = a real token; undefined where there is no padding. */
  keyMask: Tensor | undefined;
}

export interface Batch {
  /** One, or two for pairs. */
  sequences: Sequences[];
  /** int32 [batch, length], or [batch] for the kinds that classify. */
  targets: Tensor;
  /** uint8, shaped as the targets: 1 = counts. */
  counts: Tensor;
  /** How many of them count. */
  counted: number;
}

/** `size` examples from a stream, one after another. */
export function drawBatch(task: Task, part: Part, random: Random, size: number): Batch {
  const examples = Array.from({ length: size }, () => task.draw(part, random));
  const perToken = task.kind === 'causal' || task.kind === 'masked';
  const columns = perToken ? task.length : 1;
  const shape = perToken ? [size, columns] : [size];
  const read = (lists: readonly ArrayLike<number>[]) => sequences(lists, task.length);
  const all = new Array<number>(columns).fill(1);
  const counts = rows(
    examples.map((example) => example.counts ?? all),
    columns,
  );
  return {
    sequences: [
      read(examples.map(({ tokens }) => tokens)),
      ...(task.kind === 'pair classification' ? [read(examples.map(({ other = [] }) => other))] : []),
    ],
    targets: fromArray(
      rows(
        examples.map(({ targets }) => targets),
        columns,
      ),
      shape,
      'int32',
    ),
    counts: fromArray(counts, shape, 'uint8'),
    counted: counts.reduce((sum, flag) => sum + flag, 0),
  };
}

function sequences(all: readonly ArrayLike<number>[], length: number): Sequences {
  const shape = [all.length, length];
  const tokens = fromArray(rows(all, length), shape, 'int32');
  if (all.every((each) => each.length === length)) return { tokens, keyMask: undefined };
  const real = all.map((each) => new Uint8Array(each.length).fill(1));
  return { tokens, keyMask: fromArray(rows(real, length), shape, 'uint8') };
}

/** One after another, each filled up to `columns` with zeros. */
function rows(all: readonly ArrayLike<number>[], columns: number): Int32Array {
  const joined = new Int32Array(all.length * columns);
  all.forEach((each, row) => {
    joined.set(Array.from(each), row * columns);
  });
  return joined;
}
