/**
 * A conversion on disk while it goes on, so that one that was stopped or killed continues to the same bits, on the same kernels: the
 * step, the numbers that change, the moments of the optimiser, and the distances after the first half. The file is written whole or
 * not at all, and holds its own digest.
 */
import { createHash } from '#platform/crypto';
import { dirname } from '#platform/path';
import { FileFormatError } from '../../core/errors.ts';
import { expectBoolean, expectRecord, expectText, integerOf, listOf, numberOf, optional } from '../../core/expect.ts';
import { removeLeftovers } from '../../core/files/atomic.ts';
import type { Complain } from '../../core/files/input-file.ts';
import { isObject, parseJson } from '../../core/files/json.ts';
import { littleEndianBytes, type StoredArray } from '../../core/files/numbers.ts';
import { type OpenedSafetensors, readSafetensors, writeSafetensors } from '../../core/files/safetensors.ts';
import { entryAt } from '../../core/files/system-error.ts';
import { elements, type Tensor } from '../../core/tensor.ts';
import { expectForms, fill, numbersOf, PREFIXES, stored } from '../checkpoint.ts';
import { asked } from '../checkpoint-header.ts';
import { adamWForms } from '../optimizers/adamw.ts';
import type { Optimizer } from '../optimizers/optimizer.ts';

/** Where a conversion is kept while it goes on. */
export interface ConversionKeep {
  /** A .safetensors file; its folder must be there. Who has written the converted model removes it. */
  path: string;
  /** Names the examples, such as by a digest of the text: a file with another name is refused. */
  examples: string;
  /** It is written in the first step after so many seconds, and when the conversion is stopped (default: 10). */
  seconds?: number;
  /** Begin again where the file is damaged, or of another conversion, instead of refusing it (default: false). */
  replace?: boolean;
}

/** How far a conversion has come. */
export interface Progress {
  step: number;
  /** The distances after the first half; null before its end. */
  matched: readonly number[] | null;
}

const FORMAT = 'efficient-transformers conversion 1';
const SECONDS = 10;
const LIMITS = { size: 2 ** 22, depth: 32, values: 2 ** 17 };

export function expectKeep(name: string, value: unknown): void {
  const checks = {
    path: expectText,
    examples: expectText,
    seconds: optional(numberOf(0)),
    replace: optional(expectBoolean),
  };
  expectRecord(name, value, checks);
}

/** What a file may say. */
interface Expected {
  /** The steps of the whole conversion, and of its first half. */
  steps: number;
  first: number;
  layers: number;
  /** The parameters that learn in the half of a step. */
  learning(step: number): ReadonlyMap<string, Tensor>;
}

export class KeptConversion {
  readonly #keep: ConversionKeep;
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #facts: Readonly<Record<string, unknown>>;
  #written = performance.now();

  /** `tensors` are those that change, `facts` what makes it the same conversion, as JSON. */
  constructor(keep: ConversionKeep, tensors: ReadonlyMap<string, Tensor>, facts: Readonly<Record<string, unknown>>) {
    this.#keep = keep;
    this.#tensors = tensors;
    this.#facts = JSON.parse(JSON.stringify({ examples: keep.examples, ...facts }));
  }

  /**
   * Puts the tensors into the state of its last step, and says which that was; `into` does the same to the optimiser of that
   * half. Null where no file is. Throws FileFormatError for a damaged file, or one of another conversion, before any change.
   */
  read(expected: Expected): (Progress & { into(optimizer: Optimizer): void }) | null {
    const { path, replace = false } = this.#keep;
    if (entryAt(path) === null) return null;
    try {
      return this.#open(readSafetensors(path), expected);
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error;
      if (replace) return null;
      throw new FileFormatError(`${error.message}. To begin again, remove it`, { cause: error });
    }
  }

  /** Writes it if it is time, or `now`. Throws FileWriteError. */
  write({ step, matched }: Progress, optimizer: Optimizer, now: boolean): void {
    const { path, seconds = SECONDS } = this.#keep;
    if (!now && performance.now() - this.#written < 1000 * seconds) return;
    removeLeftovers(dirname(path));
    const texts = { format: FORMAT, facts: JSON.stringify(this.#facts), progress: JSON.stringify({ step, matched }) };
    const tensors = [...stored(PREFIXES.model, this.#tensors), ...stored(PREFIXES.optimizer, optimizer.state())];
    writeSafetensors(path, tensors, Object.entries(texts), { digest: true });
    this.#written = performance.now();
  }

  #open(file: OpenedSafetensors, expected: Expected) {
    const complain: Complain = (problem) => new FileFormatError(`${this.#keep.path}: ${problem}`);
    const textOf = (name: string): Record<string, unknown> => {
      const value = parseJson(file.metadata.get(name) ?? '', (problem) => complain(`${name}: ${problem}`), LIMITS);
      if (isObject(value)) return value;
      throw complain(`${name}: expected a JSON object, got another value`);
    };
    if (file.metadata.get('format') !== FORMAT)
      throw complain('expected an unfinished conversion, got a file of another kind');
    if (!file.verify()) throw complain('damaged: expected a digest in the metadata, got none');
    const facts = textOf('facts');
    const names = [...new Set([...Object.keys(facts), ...Object.keys(this.#facts)])];
    const texts = (name: string) => [facts[name], this.#facts[name]].map((value) => JSON.stringify(value) ?? 'none');
    const changed = names.filter((name) => texts(name)[0] !== texts(name)[1]);
    if (changed.length > 0) {
      // Another attention or seed makes another model to begin with: a digest would only add to it.
      const told = changed.filter((name) => name !== 'model' || changed.length === 1);
      const words = told.map((name) => `${name} ${texts(name).join(', now ')}`);
      throw complain(`of another conversion: ${words.join('; ')}`);
    }
    const { step, matched } = this.#progressIn(textOf('progress'), expected, complain);
    // All of it before any change: also the optimiser, which is not yet made.
    const { tensors } = file;
    const learning = expected.learning(step);
    expectForms(PREFIXES.model, this.#tensors, tensors, complain);
    expectForms(PREFIXES.optimizer, adamWForms(learning), tensors, complain);
    for (const name of tensors.keys()) numbersOf(name, tensors, complain);
    expectMoments(learning, tensors, step > expected.first ? step - expected.first : step, complain);
    fill(PREFIXES.model, this.#tensors, tensors, complain);
    return {
      step,
      matched,
      into: (optimizer: Optimizer) => fill(PREFIXES.optimizer, optimizer.state(), tensors, complain),
    };
  }

  #progressIn(
    { step, matched }: Record<string, unknown>,
    { steps, first, layers }: Expected,
    complain: Complain,
  ): Progress {
    asked(complain, () => {
      integerOf(1, steps)('step', step);
      if (Number(step) > first) listOf(numberOf(0))('matched', matched);
    });
    if (Number(step) <= first && matched !== null) throw complain('matched: expected null before the second half');
    if (Array.isArray(matched) && matched.length !== layers) throw complain(`matched: expected ${layers} distances`);
    return { step: step as number, matched: matched as number[] | null };
  }
}

/** Throws unless the optimiser has taken so many steps, and its mean squares are such. */
function expectMoments(
  learning: ReadonlyMap<string, Tensor>,
  tensors: ReadonlyMap<string, StoredArray>,
  steps: number,
  complain: Complain,
): void {
  const numbers = (name: string) => numbersOf(`${PREFIXES.optimizer}${name}`, tensors, complain);
  const [taken] = numbers('step');
  if (taken !== steps) throw complain(`${PREFIXES.optimizer}step: expected ${steps}, got ${taken}`);
  for (const name of learning.keys()) {
    if (numbers(`${name}.v`).every((square) => square >= 0)) continue;
    throw complain(`${PREFIXES.optimizer}${name}.v: expected numbers of at least 0, got others`);
  }
}

/** A digest of names, shapes and numbers. */
export function digestOf(tensors: ReadonlyMap<string, Tensor>): string {
  const hash = createHash('sha256');
  for (const [name, tensor] of tensors) {
    hash.update(`${name} ${tensor.dtype} ${tensor.shape.join()} `);
    hash.update(littleEndianBytes(elements(tensor).slice()));
  }
  return hash.digest('hex').slice(0, DIGITS);
}

const DIGITS = 16;
