/**
 * A task as the trainer sees it: an endless stream of examples with their answers, drawn from seeded random numbers. Examples
 * are generated, so there is nothing to download, and none repeats (except by chance).
 */

import { ArgumentError } from '../../core/errors.ts';
import { type Check, expectPlain, expectText, integerOf, numberOf, oneOf } from '../../core/expect.ts';
import type { Random } from '../../core/random.ts';
import { unknownName } from '../../terminal/suggest.ts';
import type { PositionKind } from '../positions.ts';
import { type GroupName, groupNames } from './groups.ts';

/**
 * - causal: a target for each token, no token sees a later one. The target is the next token, unless answers stand outside
 *   the sequence;
 * - masked: a target for each hidden token, the token itself;
 * - classification: one class for a sequence;
 * - pair classification: one class for two sequences, which are read separately.
 */
export type TaskKind = 'causal' | 'masked' | 'classification' | 'pair classification';

/** The stream of examples: those for training, or those that training never sees. */
export type Part = 'training' | 'held-out';

/** One example of a task: its tokens and the right answers. */
export interface Example {
  /** Tokens of 0 … vocabulary − 1, at most `length` of them; the rest is padding. */
  tokens: ArrayLike<number>;
  /** The second sequence of a pair. */
  other?: ArrayLike<number>;
  /** 0 … classes − 1: one for each token, or a single one for the kinds that classify. */
  targets: ArrayLike<number>;
  /** Which of the targets count, 1 or 0; all by default. */
  counts?: ArrayLike<number>;
  /** Sentences whose tokens are hidden, each with a token that stands for it. Only for tasks with a `summaryWeight`. */
  hidden?: readonly HiddenSentence[];
}

/** A sentence whose tokens are hidden: places in the sequence. */
export interface HiddenSentence {
  /** Of the token that stands for the sentence. */
  summary: number;
  /** The first token of the sentence, and the one after its last. */
  begin: number;
  end: number;
}

/** A source of examples, and the facts about them that a model needs. `openTask` makes one. */
export interface Task {
  readonly name: string;
  readonly kind: TaskKind;
  /** Settings that recreate this task; plain values, for a checkpoint. */
  readonly settings: TaskSettings;
  /** Tokens are 0 … vocabulary − 1. */
  readonly vocabulary: number;
  /** Targets are 0 … classes − 1. */
  readonly classes: number;
  /** The longest sequence. */
  readonly length: number;
  /** The unit of accuracy: right targets, or sequences with all targets right. */
  readonly accuracy: 'target' | 'sequence';
  /** The accuracy of blind guessing. */
  readonly chance: number;
  /** The meaning of tokens: bytes of UTF-8 text, or just numbers. */
  readonly alphabet: 'bytes' | 'numbers';
  /**
   * Whether the accuracy shows how much a model remembers of its sequence: a sweep then draws it against the bytes that the
   * models' states take.
   */
  readonly recall?: boolean;
  /**
   * Of a masked task that hides sentences: what the loss of their summaries counts in training beside that of a token; 0:
   * nothing, which saves the second pass.
   */
  readonly summaryWeight?: number;
  draw(part: Part, random: Random): Example;
}

/** Settings of a task; each task has some of them. */
export interface TaskSettings {
  /** Tokens of the longest sequence. */
  length?: number;
  /** The number of different symbols in its sequences. */
  symbols?: number;
  /** The number of different tokens, half of them keys and half values. */
  vocabulary?: number;
  /** The number of keys, each with its value. */
  pairs?: number;
  /** α of the power law of gaps between a pair and its query, above 0; 1: all gaps alike. */
  alpha?: number;
  /** The number of symbols to remember. */
  items?: number;
  /** Further kinds of codes, `8x16,32x16`: items and symbols of each; `none`. */
  moreCodes?: string;
  /** The number of stacks. */
  stacks?: number;
  /** The group whose elements are multiplied. */
  group?: GroupName;
  /** The path of a file to read; of text-classification that of a folder. */
  text?: string;
  /** The number of sentences, each with a token that stands for it. */
  sentences?: number;
  /** What the loss of hidden sentences counts beside that of hidden tokens. */
  summaryWeight?: number;
}

const LARGEST_VOCABULARY = 2 ** 16;

/** An example is drawn as lists of numbers, one at a time. Longer ones would take more memory than an engine gives to lists. */
const LONGEST_EXAMPLE = 2 ** 24;

/** The check of each setting by itself. */
export const taskSettingChecks: { readonly [Setting in keyof Required<TaskSettings>]: Check } = {
  length: integerOf(1, LONGEST_EXAMPLE),
  symbols: integerOf(2, LARGEST_VOCABULARY),
  vocabulary: integerOf(4, LARGEST_VOCABULARY),
  pairs: integerOf(1, LARGEST_VOCABULARY),
  // More than 1 would make long gaps the likeliest; far more would overflow.
  alpha: numberOf(Number.MIN_VALUE, 10),
  items: integerOf(1, LARGEST_VOCABULARY),
  moreCodes: expectText,
  stacks: integerOf(1, LARGEST_VOCABULARY),
  group: oneOf(...groupNames),
  text: expectText,
  sentences: integerOf(2, LARGEST_VOCABULARY),
  summaryWeight: numberOf(0, 1000),
};

/** A kind of task with its default settings, as the registry holds it. */
export interface TaskDefinition {
  readonly name: string;
  readonly summary: string;
  /** Where it is described. */
  readonly source: string;
  /** All of its settings, with their defaults. */
  readonly defaults: TaskSettings;
  /**
   * What `train` takes unless it is told otherwise, where it is not the default of all tasks: with these a small model learns
   * within minutes, where at the paper's length it takes hours. `rate` is the highest learning rate of AdamW.
   */
  readonly brief?: Readonly<
    Partial<Record<'length' | 'layers' | 'modelDim' | 'heads' | 'batch' | 'rate', number>> & {
      positions?: PositionKind;
    }
  >;
  make(settings: Required<TaskSettings>): Task;
}

/**
 * A task by its definition; settings that are not given are the defaults. Throws ArgumentError for a setting that it does not
 * have, or for an invalid value.
 */
export function makeTask(definition: TaskDefinition, settings: TaskSettings = {}): Task {
  const { name, defaults } = definition;
  expectPlain('settings', settings);
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined || Object.hasOwn(defaults, key)) continue;
    throw new ArgumentError(`${key}: ${name} has no such setting; it has ${Object.keys(defaults).join(', ')}`);
  }
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const complete = { ...defaults, ...given } as Required<TaskSettings>;
  for (const key of Object.keys(defaults) as (keyof TaskSettings)[]) taskSettingChecks[key](key, complete[key]);
  return definition.make(complete);
}

/** Throws an ArgumentError that suggests the nearest name unless one of the definitions has this name. */
export function taskNamed(name: string, definitions: readonly TaskDefinition[]): TaskDefinition {
  const found = definitions.find((each) => each.name === name);
  if (found !== undefined) return found;
  const known = definitions.map((each) => each.name);
  throw new ArgumentError(`task: ${unknownName('task', name, known)}`);
}
