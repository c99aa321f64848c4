/** No wrong file passes because it changes what the laws are checked with; what it changes is undone, and named. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findExercise } from '../../learn/exercises/index.ts';
import { gradeSource, type Verdict } from '../../learn/grade.ts';
import { Intrinsics } from '../../learn/intrinsics.ts';
import { Meter } from '../../learn/meter.ts';

const softmax = findExercise('softmax')!;
const graded = (source: string): Verdict => gradeSource(softmax, source, {}, new Meter());

/** What a file does, and the words that say it. */
const changes: [string, RegExp][] = [
  [
    '(Array.prototype as any)[Symbol.iterator] = function* () {};',
    /^your code changes Array\.prototype\[Symbol\.iterator\],/,
  ],
  ['Array.prototype.map = () => [1] as never;', /changes Array\.prototype\.map,/],
  ['delete (Array.prototype as any).reduce;', /changes Array\.prototype\.reduce,/],
  ['(Array.prototype as any).sum = () => 1;', /adds Array\.prototype\.sum,/],
  ['Array.isArray = (() => false) as never;', /changes Array\.isArray,/],
  ['Math.abs = () => 0;', /changes Math\.abs,/],
  ['Math = { abs: () => 0 } as never;', /changes Math,/],
  ['Object.is = () => true;', /changes Object\.is,/],
  ['Object.entries = () => [];', /changes Object\.entries,/],
  ['Object.setPrototypeOf(Math, { odd: 1 });', /gives Math another prototype,/],
  ['Number.isFinite = () => true;', /changes Number\.isFinite,/],
  ['(Object.prototype as any).x = 1;', /adds Object\.prototype\.x,/],
  ['(Float64Array.prototype as any).fill = 1;', /adds Float64Array\.prototype\.fill,/],
  [
    'Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true });',
    /changes the prototype of an iterator\.next,/,
  ],
];

for (const [change, words] of changes) {
  test(`at the top and in the function: ${change}`, () => {
    const before = new Intrinsics();
    const top = graded(`${change}\nexport function softmax() { return [0.1]; }\n`);
    const within = graded(`export function softmax() {\n  ${change}\n  return [0.1];\n}\n`);
    assert.is(before.changed(), null, 'all is as it was');
    for (const { passed, failure } of [top, within]) {
      assert.is(passed, false);
      assert.is(failure?.kind, 'throws');
      assert.match(failure?.sentence ?? '', words);
      assert.is(failure?.mistake, null);
    }
    assert.is(within.failure?.line, 1);
  });
}

test('by a getter of what is returned, too', () => {
  const { passed, failure } = graded(
    `export function softmax(scores: number[]) {
  const m = Math.max(...scores), e = scores.map((s) => Math.exp(s - m)), sum = e.reduce((a, b) => a + b);
  const weights = e.map((x) => x / sum), first = weights[0];
  return Object.defineProperty(weights, 0, { get() { Object.is = () => true; return first; } });
}
`,
  );
  assert.is(passed, false);
  assert.match(failure?.sentence ?? '', /changes Object\.is,/);
});

test('a file that only uses them passes', () => {
  const source = `export function softmax(scores: number[]) {
  class Row extends Array<number> {}
  const all = Row.from(new Float64Array(scores).map((s) => Math.exp(s - Math.max(...scores))));
  let sum = 0;
  for (const [, each] of new Map([...all.entries()])) sum += each;
  return [...all.map((each) => each / sum)];
}
`;
  const { passed, failure } = graded(source);
  assert.is(passed, true, failure?.sentence);
});

test.run();
