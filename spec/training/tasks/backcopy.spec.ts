/** Backcopy, held to a reader of its rules, and its table to a count of the text that it comes from. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { BEGIN, CAPITALS, followersOf, isCopied } from '../../../src/training/tasks/backcopy.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

/** A text with the byte after its last, as characters. */
function drawn(length: number, seed: number): string {
  const { tokens, targets } = openTask('backcopy', { length }).draw('training', new Random(seed));
  assert.equal(Array.from(targets).slice(0, -1), Array.from(tokens).slice(1));
  return String.fromCharCode(tokens[0], ...Array.from(targets));
}

test('two after a capital comes its small letter, and elsewhere a byte that may follow the last', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 200 }), fc.nat(), (length, seed) => {
      const text = drawn(length, seed);
      assert.is(text.length, length + 1);
      assert.is(text.charCodeAt(0), BEGIN);
      assert.match(text.slice(1), /^[A-Za-z ]+$/);
      for (let n = 1; n <= length; n++) {
        const before = n >= 2 ? text[n - 2] : '';
        const copies = /[A-Z]/.test(before);
        assert.is(
          isCopied(
            [...text].map((each) => each.charCodeAt(0)),
            n,
          ),
          copies,
        );
        if (copies) assert.is(text[n], before.toLowerCase());
        else assert.ok((followersOf(text.charCodeAt(n - 1)).get(text.charCodeAt(n)) as number) > 0, text);
      }
    }),
  );
});

test('its bigrams are those of Alice, chapter 1', () => {
  const file = new URL('../../../fixtures/text/alice-chapter-1.txt', import.meta.url);
  const text = readFileSync(file, 'utf8')
    .toLowerCase()
    .replace(/[^a-z]+/g, ' ')
    .trim();
  const counts = new Map<string, Map<string, number>>();
  // The text goes round: its last letter is followed by a space, and that by its first.
  const round = `${text} ${text[0]}`;
  for (let n = 0; n + 1 < round.length; n++) {
    const row = counts.get(round[n]) ?? new Map<string, number>();
    counts.set(round[n], row.set(round[n + 1], (row.get(round[n + 1]) ?? 0) + 1));
  }
  for (const [letter, row] of counts) {
    const total = [...row.values()].reduce((a, b) => a + b, 0);
    const code = letter.charCodeAt(0);
    for (const own of letter === ' ' ? [code, BEGIN] : [code, letter.toUpperCase().charCodeAt(0)]) {
      const table = followersOf(own);
      // A sum of some tens of shares.
      assert.ok(Math.abs([...table.values()].reduce((a, b) => a + b, 0) - 1) < 1e-12);
      for (const [next, count] of row) {
        const [small, capital] = [next, next.toUpperCase()].map((each) => table.get(each.charCodeAt(0)) ?? 0);
        assert.ok(Math.abs(small + (next === ' ' ? 0 : capital) - count / total) < 1e-12, `${letter}${next}`);
        if (next !== ' ') assert.is(capital, CAPITALS * (small + capital));
      }
      assert.is(table.size, 2 * row.size - Number(row.has(' ')));
    }
  }
});

test('followers come as often as their probability says', () => {
  const text = drawn(60_000, 5);
  const seen = new Map<string, number>();
  let draws = 0;
  for (let n = 2; n < text.length; n++) {
    if (text[n - 1] !== ' ' || /[A-Z]/.test(text[n - 2])) continue;
    draws++;
    seen.set(text[n], (seen.get(text[n]) ?? 0) + 1);
  }
  assert.ok(draws > 1000);
  for (const [next, probability] of followersOf(32)) {
    // Five standard errors.
    const error = 5 * Math.sqrt((probability * (1 - probability)) / draws);
    const share = (seen.get(String.fromCharCode(next)) ?? 0) / draws;
    assert.ok(Math.abs(share - probability) <= error, `${String.fromCharCode(next)}: ${share}, not ${probability}`);
  }
});

test('a length that holds no copy is refused by name', () => {
  for (const length of [1, 2]) expectThrows(ArgumentError, 'length', () => openTask('backcopy', { length }));
});

test.run();
