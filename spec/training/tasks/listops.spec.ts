/** ListOps, held against another evaluator: one that rewrites the text from the inside out. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../src/core/random.ts';
import { LISTOPS_TOKENS } from '../../../src/training/tasks/listops.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';

const textOf = (tokens: ArrayLike<number>) => Array.from(tokens, (token) => LISTOPS_TOKENS[token]).join(' ');

/** The innermost brackets are replaced by their values until one digit is left. */
function evaluate(text: string): string {
  const innermost = /\[(MIN|MAX|MED|SM)((?: \d)+) \]/g;
  let rest = text;
  for (let before = ''; before !== rest; ) {
    before = rest;
    rest = rest.replace(innermost, (_, operator: string, list: string) => {
      const sorted = list.trim().split(' ').sort();
      if (operator === 'MIN') return sorted[0];
      if (operator === 'MAX') return sorted[sorted.length - 1];
      if (operator === 'SM') return String([...list.replaceAll(' ', '')].reduce((sum, d) => (sum + Number(d)) % 10, 0));
      // From both ends, until one or two are left.
      while (sorted.length > 2) {
        sorted.shift();
        sorted.pop();
      }
      return String(Math.trunc(sorted.reduce((sum, d) => sum + Number(d), 0) / sorted.length));
    });
  }
  return rest;
}

test('the evaluator knows the example of the paper', () => {
  assert.is(evaluate('[MAX 2 9 [MIN 4 7 ] 0 ]'), '9');
  assert.is(evaluate('[MED 3 8 1 ]'), '3');
  assert.is(evaluate('[MED 3 8 1 6 ]'), '4');
  assert.is(evaluate('[SM 9 9 [MED 1 5 8 9 2 ] ]'), '3');
});

test('the class is the value', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 4, max: 600 }), (seed, length) => {
      const { tokens, targets } = openTask('listops', { length }).draw('training', new Random(seed));
      assert.is(evaluate(textOf(tokens)), String(targets[0]), textOf(tokens));
    }),
    { numRuns: 200 },
  );
});

test('the grammar is the published one: 2 to 10 arguments, at most 10 levels, a quarter operators', () => {
  const task = openTask('listops', { length: 2000 });
  const random = new Random(2);
  const seen = { operators: new Set<string>(), counts: new Set<number>(), deepest: 0 };
  for (let n = 0; n < 40; n++) {
    const { tokens } = task.draw('training', random);
    assert.ok(tokens.length >= 500 && tokens.length <= 2000);
    const open: number[] = [];
    for (const token of textOf(tokens).split(' ')) {
      if (token === ']') seen.counts.add(open.pop()!);
      if (token !== ']' && open.length > 0) open[open.length - 1]++;
      if (!token.startsWith('[')) continue;
      seen.operators.add(token);
      open.push(0);
      seen.deepest = Math.max(seen.deepest, open.length);
    }
    assert.is(open.length, 0);
  }
  assert.equal([...seen.operators].sort(), ['[MAX', '[MED', '[MIN', '[SM']);
  assert.equal(
    [...seen.counts].sort((a, b) => a - b),
    [2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  // The tenth level is of digits alone.
  assert.is(seen.deepest, 9);
});

test.run();
