/** What went wrong with a learner's file, as plain data: needs no parser, so that a page can have it at once. */
import type { Value } from './exercise.ts';

export type FailureKind =
  | ('hole' | 'missing' | 'syntax' | 'import' | 'throws' | 'endless' | 'memory' | 'writes')
  | ('nothing' | 'type' | 'shape' | 'not-finite' | 'value');

export interface Failure {
  readonly kind: FailureKind;
  /** One sentence in plain words, without a full stop at its end. */
  readonly sentence: string;
  readonly line: number | null;
  readonly column: number | null;
  /** The law that failed, and the smallest input that was found. */
  readonly law: string | null;
  readonly inputs: Readonly<Record<string, unknown>> | null;
  readonly expected: Value | null;
  readonly got: unknown;
  /** What the two are, where that is not what the learner's function returns. */
  readonly shows?: string;
  readonly mistake: { readonly name: string; readonly sentence: string } | null;
}

/** A failure outside of any law. */
export const NO_LAW = {
  line: null,
  column: null,
  law: null,
  inputs: null,
  expected: null,
  got: undefined,
  mistake: null,
};

/** As a sentence stands by itself. A name of the code that it begins with, such as `process`, stays as it is. */
export function asSentence(sentence: string): string {
  const isWord = /^(a|an|it|one|the|there|this|your) /.test(sentence);
  return `${isWord ? sentence.charAt(0).toUpperCase() + sentence.slice(1) : sentence}.`;
}

/** Also said from outside, of a worker that had to be ended. */
export function tooMuch(kind: 'endless' | 'memory', line: number, atOnce?: number): Failure {
  const place = line > 0 ? line : null;
  if (atOnce !== undefined) {
    const megabytes = Number.isFinite(atOnce) ? `of ${Math.ceil(atOnce / 2 ** 20)} MB` : 'without an end';
    return {
      ...NO_LAW,
      kind,
      sentence: `your code makes a list or a text ${megabytes}, which is too large`,
      line: place,
    };
  }
  const sentence =
    kind === 'endless'
      ? 'your code does not come to an end: the last loop or function that ran begins here'
      : 'your code takes more and more memory, or makes lists or texts without end: the last loop or function that ran begins here';
  return { ...NO_LAW, kind, sentence: place === null ? sentence.split(':')[0] : sentence, line: place };
}
