/** Documents of bytes from small grammars: sentences one after another until the length is full. */
import type { Random } from '../../core/random.ts';

/** Bytes of `length` characters: sentences that fit, and spaces after them. The sentences are ASCII. */
export function document(length: number, sentences: readonly string[]): Uint8Array {
  return new TextEncoder().encode(sentences.join(' ').slice(0, length).padEnd(length, ' '));
}

/** Draws sentences while they fit into `length` characters with spaces between them; at least one. */
export function drawSentences(length: number, sentence: () => string): string[] {
  const sentences = [sentence()];
  for (let size = sentences[0].length; ; ) {
    const next = sentence();
    size += 1 + next.length;
    if (size > length) return sentences;
    sentences.push(next);
  }
}

export function pick<T>(from: readonly T[], random: Random): T {
  return from[random.integer(from.length)];
}
