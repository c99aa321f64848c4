/** Batches of examples, as tensors. */

import { expectArrayLike, expectNumbers } from '../../core/dtype.ts';
import { ArgumentError, expectInteger } from '../../core/errors.ts';
import { expectRecord } from '../../core/expect.ts';
import { expectRandom, type Random } from '../../core/random.ts';
import { fromArray, type Tensor } from '../../core/tensor.ts';
import { expectPart, expectTask, MOST_EXAMPLES } from '../checks.ts';
import type { Example, HiddenSentence, Part, Task } from './task.ts';

/** Sequences that a model reads. */
export interface Sequences {
  /** int32 [batch, length] */
  tokens: Tensor;
  /** uint8 [batch, length], 1 = a real token; undefined if there is no padding. */
  keyMask: Tensor | undefined;
}

/** Examples as tensors, padded to one length: the input of one step. */
export interface Batch {
  /** One, or two for pairs. */
  sequences: Sequences[];
  /** int32 [batch, length], or [batch] for the kinds that classify. */
  targets: Tensor;
  /** uint8, with the shape of the targets: 1 = counts. */
  counts: Tensor;
  /** The number of targets that count. */
  counted: number;
  /** Where a task hides sentences whose summaries have a loss of their own. */
  hidden?: HiddenSentences;
}

/** The hidden sentences of a batch. */
export interface HiddenSentences {
  /** What the loss of their summaries counts beside the mean over targets. */
  weight: number;
  /** Each with its example. */
  sentences: readonly (HiddenSentence & { example: number })[];
}

/**
 * Draws `size` examples from a stream, one after another, and puts them into one batch. Throws ArgumentError for malformed
 * examples.
 */
export function drawBatch(task: Task, part: Part, random: Random, size: number): Batch {
  expectTask('task', task);
  expectPart('part', part);
  expectRandom('random', random);
  expectInteger('size', size, 1, MOST_EXAMPLES);
  const perToken = task.kind === 'causal' || task.kind === 'masked';
  const columns = perToken ? task.length : 1;
  const shape = perToken ? [size, columns] : [size];
  const all = new Uint8Array(columns).fill(1);
  // Each example becomes packed numbers before the next is drawn: lists of a whole batch could be more than an engine holds.
  const examples = Array.from({ length: size }, (_, index) => {
    const { tokens, other = [], targets, counts, hidden = [] } = drawn(task, part, random, ` of example ${index}`);
    for (const each of hidden) expectHidden(`hidden of example ${index}`, each, tokens.length);
    return {
      hidden: hidden.map((each) => ({ ...each, example: index })),
      tokens: packed('tokens', tokens, index),
      other: packed('other', other, index),
      targets: packed('targets', targets, index),
      counts: counts === undefined ? all : packed('counts', counts, index),
    };
  });
  const lists = {
    tokens: examples.map(({ tokens }) => tokens),
    other: examples.map(({ other }) => other),
    targets: examples.map(({ targets }) => targets),
    counts: examples.map(({ counts }) => counts),
  };
  const read = (name: 'tokens' | 'other') => sequences(name, lists[name], task.length);
  const counts = rows('counts', lists.counts, columns);
  const { summaryWeight: weight = 0 } = task;
  const sentences = examples.flatMap(({ hidden }) => hidden);
  return {
    sequences: [read('tokens'), ...(task.kind === 'pair classification' ? [read('other')] : [])],
    targets: fromArray(rows('targets', lists.targets, columns), shape, 'int32'),
    counts: fromArray(counts, shape, 'uint8'),
    counted: counts.reduce((sum, flag) => sum + flag, 0),
    ...(weight > 0 && sentences.length > 0 && { hidden: { weight, sentences } }),
  };
}

/** Throws ArgumentError for a list that holds anything but whole numbers. */
function packed(name: string, list: ArrayLike<number>, example: number): Int32Array {
  expectNumbers(`${name} of example ${example}`, list, 'int32');
  return Int32Array.from(list);
}

/** Throws ArgumentError for places outside the tokens, and for a sentence that holds its own summary. */
function expectHidden(name: string, { summary, begin, end }: HiddenSentence, length: number): void {
  expectInteger(`${name}: begin`, begin, 0, length - 1);
  expectInteger(`${name}: end`, end, begin + 1, length);
  expectInteger(`${name}: summary`, summary, 0, length - 1);
  if (summary < begin || summary >= end) return;
  throw new ArgumentError(`${name}: summary: expected a token outside ${begin} to ${end - 1}, got ${summary}`);
}

/** Draws one example. Throws ArgumentError for a task that does not return one. */
export function drawExample(task: Task, part: Part, random: Random): Example {
  return drawn(task, part, random, '');
}

function drawn(task: Task, part: Part, random: Random, which: string): Example {
  const example = task.draw(part, random);
  expectRecord('draw', example);
  expectArrayLike(`targets${which}`, example.targets);
  return example;
}

function sequences(name: string, all: readonly ArrayLike<number>[], length: number): Sequences {
  const shape = [all.length, length];
  const tokens = fromArray(rows(name, all, length), shape, 'int32');
  if (all.every((each) => each.length === length)) return { tokens, keyMask: undefined };
  const real = all.map((each) => new Uint8Array(each.length).fill(1));
  return { tokens, keyMask: fromArray(rows('mask', real, length), shape, 'uint8') };
}

/** Concatenates lists, each padded with zeros to `columns`. Throws ArgumentError if a list is longer. */
function rows(name: string, all: readonly ArrayLike<number>[], columns: number): Int32Array {
  const joined = new Int32Array(all.length * columns);
  all.forEach((each, row) => {
    if (each.length > columns) {
      throw new ArgumentError(`${name} of example ${row}: expected at most ${columns} numbers, got ${each.length}`);
    }
    joined.set(each, row * columns);
  });
  return joined;
}
