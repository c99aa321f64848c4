/** Whatever a learner's file does, one sentence says it, with its line, and the next file is graded as if nothing had been. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findExercise } from '../../learn/exercises/index.ts';
import { failureOf } from '../../learn/explain.ts';
import * as given from '../../learn/given.ts';
import { gradeSource } from '../../learn/grade.ts';
import { guarded } from '../../learn/guard.ts';
import { LIMITS, Meter } from '../../learn/meter.ts';
import { Runner } from '../../learn/terminal/runner.ts';

const softmax = findExercise('softmax')!;
const of = (...lines: string[]) =>
  ['export function softmax(scores: number[]): number[] {', ...lines, '}', ''].join('\n');
const RIGHT = of(
  'const m = Math.max(...scores);',
  'const e = scores.map((s) => Math.exp(s - m));',
  'return e.map((x) => x / e.reduce((a, b) => a + b));',
);
const quick = (source: string) =>
  gradeSource(softmax, source, { 'given.ts': given }, new Meter({ ...LIMITS, milliseconds: 30, bytes: 2 ** 20 }))
    .failure!;

/** Name, source, kind, line, words of the sentence. */
const cases: [string, string, string, number | null, RegExp][] = [
  ['a loop without end', of('let i = 0;', 'while (true)', '  i++;'), 'endless', 3, /does not come to an end/],
  ['a loop of one expression', of('for (const f = () => 1; f(); ) f();'), 'endless', 2, /does not come to an end/],
  [
    'functions that call each other',
    of('const f = (n: number): number => g(n), g = (n: number): number => f(n);', 'return [f(1)];'),
    'endless',
    2,
    // The clock may run out before the stack does.
    /calls itself without end|does not come to an end/,
  ],
  ['a loop at the top', 'while (true) {}', 'endless', 1, /does not come to an end/],
  [
    'typed arrays without end',
    of('const all = [];', 'for (;;)', '  all.push(new Float64Array(1000));'),
    'memory',
    3,
    /more and more memory/,
  ],
  [
    'arrays without end after one whose length is no number',
    of('const all = [new Float64Array(NaN)];', 'for (;;)', '  all.push(new Float64Array(1000));'),
    'memory',
    3,
    /more and more memory/,
  ],
  [
    'one array that is too large',
    of('return new Array(1e9).fill(0);'),
    'memory',
    1,
    /a list or a text of 7630 MB, which is/,
  ],
  [
    'a list of a large length',
    of('return Array.from({ length: 1e9 }, () => 0);'),
    'memory',
    1,
    /of 7630 MB, which is too large/,
  ],
  [
    'a list that doubles',
    of('let all = [1];', 'for (;;)', '  all = [...all, ...all];'),
    'memory',
    3,
    /more and more memory/,
  ],
  [
    'a list that is joined to itself',
    of('let all = [1];', 'for (;;)', '  all = all.concat(all);'),
    'memory',
    3,
    /more and more memory/,
  ],
  ['a long text at once', of("return ['x'.repeat(2 ** 28).length];"), 'memory', 1, /of 256 MB, which is too large/],
  ['an error with a long text', of("throw new Error('x'.repeat(1e8));"), 'memory', 1, /of 96 MB, which is too large/],
  ['what it catches', of('for (;;)', '  try { for (;;) {} } catch {}'), 'endless', 3, /does not come to an end/],
  ['a text that grows', of("let text = 'x';", 'for (;;) text += text;'), 'memory', 3, /too large/],
  [
    'another length',
    of('return [1, 2, 3, 4, 5, 6, 7];'),
    'shape',
    null,
    /a list of 7 numbers and should return a list of 1 number/,
  ],
  ['a number for a list', of('return scores[0] as never;'), 'type', null, /the number .* and should return a list/],
  ['a promise', RIGHT.replace('export', 'export async'), 'type', null, /a promise .* and should return a list/],
  ['NaN', of('return scores.map(() => NaN);'), 'not-finite', null, /is not a number \(NaN\) and should be/],
  ['infinity', of('return scores.map(() => 1 / 0);'), 'not-finite', null, /is infinite and should be/],
  ['nothing', of(''), 'nothing', null, /returned nothing: it should return a list/],
  ['an error', of('const nothing: any = null;', 'return nothing.x;'), 'throws', 3, /Cannot read properties of null/],
  ['a word that is not defined', of('return softmix(scores);'), 'throws', 2, /softmix is not defined/],
  ['a change of the argument', of('scores.push(1);', 'return scores;'), 'writes', 2, /changes its argument/],
  ['no parse', of('return [;'), 'syntax', 2, /does not parse: unexpected token/],
  ['a brace that is missing', of('').replace('}', ''), 'syntax', null, /does not parse/],
  [
    'no such function',
    'export const other = 1;',
    'missing',
    null,
    /no function softmax \(it exports other, which is no function\):/,
  ],
  [
    'a misspelt name',
    RIGHT.replace('softmax', 'softmx'),
    'missing',
    null,
    /no function softmax \(it exports softmx\): keep/,
  ],
  [
    'nothing exported',
    RIGHT.replace('export', ''),
    'missing',
    null,
    /no function softmax \(it exports nothing\): keep/,
  ],
  ['a default', RIGHT.replace('export', 'export default'), 'missing', null, /it exports a default without a name/],
  [
    'a package',
    `import * as fs from 'node:fs';\n${of('return [fs.constants.O_APPEND];')}`,
    'import',
    null,
    /nothing to import from 'node:fs'/,
  ],
  [
    'a package that nothing uses',
    `import fs from 'node:fs';\n${RIGHT}`,
    'import',
    1,
    /nothing to import from 'node:fs'/,
  ],
  [
    'a package later',
    of("import('node:fs');", 'return scores as number[];'),
    'import',
    2,
    /import\(\) is not for an exer/,
  ],
  [
    'a name that is not given',
    `import { sofmax } from './given.ts';\n${of('return sofmax(scores);')}`,
    'import',
    3,
    /given.ts exports no sofmax: it has dot, multiply, softmax/,
  ],
  ['the process', of('process.exit(3);'), 'throws', 2, /^process is not for an exercise/],
  ['the network', of("return fetch('http://localhost') as never;"), 'throws', 2, /^fetch is not for an exercise/],
  ['a timer', of('setTimeout(() => 1, 10);', 'return [];'), 'throws', 2, /^setTimeout is not for an exercise/],
  ['an object that is thrown', of('throw { a: 1 };'), 'throws', 1, /throws an object, which is no Error/],
  [
    'a text of several lines',
    of("throw 'x\\n✓ law: all';"),
    'throws',
    1,
    /^your code throws x\\n✓ law: all, which is no/,
  ],
  [
    'an error of several lines',
    of("throw new Error('x\\n✓ law: all');"),
    'throws',
    2,
    /^your code throws: x\\n✓ law: all$/,
  ],
  [
    'a generator',
    'export function* softmax() { yield 1; }',
    'type',
    null,
    /a generator \(.*\) and should return a list/,
  ],
  ['a map', of('return new Map() as never;'), 'type', null, /an object of the kind Map and should return a list/],
  ['an empty object', of('return {} as never;'), 'type', null, /an object without properties and should/],
  ['await at the top', `const a = await 1;\n${RIGHT}`, 'syntax', 1, /parse: await stands only in an async function/],
  ['await of a call at the top', `await (1);\n${RIGHT}`, 'syntax', 1, /await stands only in an async function/],
  ['await in a function', of('return await [1];'), 'syntax', 2, /await stands only in an async function/],
  ['a text that is thrown', of("throw 'a fit';"), 'throws', 1, /throws a fit, which is no Error/],
  ['nothing that is thrown', of('throw undefined;'), 'throws', 1, /throws undefined, which is no Error/],
  [
    'a thing without a text',
    of('throw { toString() { throw this; } };'),
    'throws',
    null,
    /throws an object, which is no Error/,
  ],
  [
    'a thing that throws whatever one asks it',
    of(
      'const odd: never = new Proxy({}, { get() { throw odd; }, getPrototypeOf() { throw odd; } }) as never;',
      'throw odd;',
    ),
    'throws',
    null,
    /itself throws when it is looked at/,
  ],
  [
    'an error whose text throws',
    of("throw Object.defineProperty(new Error(''), 'message', { get() { throw this; } });"),
    'throws',
    null,
    /itself throws when it is looked at/,
  ],
  [
    'two names in one export',
    'const softmix = 1;\nexport const softmax = 1, b = 2;',
    'syntax',
    2,
    /one export for each name/,
  ],
  ['a class', 'export class softmax {}', 'missing', null, /softmax is a class and should be a function/],
  ['a constant', of('const a = 1;', '(a as number)++;', 'return [a];'), 'throws', 3, /to constant variable$/],
  [
    'a getter without an end',
    of('return Object.defineProperty([0], 0, { get() { for (;;) {} } }) as never;'),
    'endless',
    2,
    /does not come to an end/,
  ],
  [
    'a getter that throws',
    of("return Object.defineProperty([0], 0, { get() { throw new Error('boo'); } }) as never;"),
    'throws',
    2,
    /throws: boo/,
  ],
];

for (const [name, source, kind, line, words] of cases) {
  test(`${name}: ${kind}`, () => {
    const failure = quick(source);
    assert.is(failure.kind, kind, failure.sentence);
    assert.match(failure.sentence, words);
    if (line !== null) assert.is(failure.line, line);
  });
}

test('a place that does not parse has its column', () => {
  const { line, column } = quick(of('  return [;'));
  assert.equal([line, column], [2, 11]);
  // What only the second parser refuses, whose columns are those of another text.
  const second = quick(of('  const x = 08n;'));
  assert.equal([second.line, second.column], [2, null]);
});

test('errors of other browsers mean the same, also where their stacks name no file', () => {
  const of = (name: string, message: string) => Object.assign(new Error(message), { name, stack: 'softmax@\n@' });
  assert.is(failureOf(of('InternalError', 'too much recursion'), 2, true).kind, 'endless');
  assert.is(failureOf(of('InternalError', 'allocation size overflow'), 2, true).kind, 'memory');
  const readOnly = Object.assign(new TypeError('0 is read-only'), { stack: '' });
  assert.is(failureOf(readOnly, 2, true).kind, 'writes');
  const [theirs, laws] = [true, false].map((isTheirs) =>
    failureOf(of('TypeError', 'null is not an object'), 2, isTheirs),
  );
  assert.equal([theirs.kind, theirs.line], ['throws', 2]);
  assert.equal([laws.kind, laws.line], ['shape', null]);
});

test('what a file prints is kept, and bounded', () => {
  const source = of("for (let n = 0; n < 50; n++) console.log('score', scores);", 'return scores;');
  const { printed } = gradeSource(softmax, source, {}, new Meter());
  assert.is(printed.length, 20);
  assert.match(printed[0], /^score \[/);
});

test('what it prints is of the input that is shown, and of no other', () => {
  const source = of("console.log('n', scores.length);", 'return scores.length > 1 ? [] : [1];');
  const { printed, failure } = gradeSource(softmax, source, {}, new Meter());
  assert.is((failure!.inputs as { scores: number[] }).scores.length, 2);
  assert.equal(printed, ['n 2']);
});

test('a guard changes no line and no result', () => {
  const script = [
    'let n = 0; const out = [];',
    'for (const a of [1, 2]) for (let i = 0; i < a; i++) out.push(((x) => ({ x }))(a).x);',
  ]
    .concat('do n++; while (n < 3)', 'label: for (;;) { for (;;) break label; }', 'const f = (x) => (y) => x + y;')
    .concat(
      "function g() { 'use strict'; return this === undefined; }",
      'if (n) for (const k in { a: 1 }) out.push(k); else n = 0;',
    )
    .concat('const c = (a) => [...a, ...a], n1 = null; const d = (a) => { for (;;)return[...[...a, 1].concat(2)]; };')
    .concat("const t = 'a'.concat('b').repeat(3);")
    .concat('return [out, n, f(1)(2), g(), c([1]), d([1]), t, n1?.concat(1).length, ({}).concat?.(1).length];')
    .join('\n');
  const lines: number[] = [];
  const made: unknown[] = [];
  const text = guarded(script);
  assert.is(text.split('\n').length, script.split('\n').length);
  const tick = (line: number) => lines.push(line);
  const make = (value: unknown) => {
    made.push(value);
    return value;
  };
  assert.equal(new Function('__line', '__made', text)(tick, make), new Function(script)());
  assert.ok([2, 3, 4, 5, 6, 7].every((line) => lines.includes(line)));
  assert.equal(made, ['ab', 'ababab', [1, 1], [1, 1], [1, 1, 2], [1, 1, 2]]);
});

test('in a process: what no guard sees is ended from outside, and the next file is graded', async () => {
  const runner = new Runner();
  try {
    const graded = async (source: string) => (await runner.grade(softmax, source)).failure;
    // It catches the guard's error again and again; the heap is full of what no constructor counts.
    const caught = await graded(of('for (;;) {', '  try { for (;;) {} } catch {}', '}'));
    assert.is(caught?.kind, 'endless');
    assert.ok(caught?.line === 2 || caught?.line === 3);
    const full = await graded(of("return Array.prototype.fill.call({ length: 1e9 } as never, 'x') as never;"));
    assert.ok(full?.kind === 'memory' || full?.kind === 'endless', full?.kind);
    assert.is(await graded(RIGHT), null);
    // It gets past the names that are hidden, and does its harm after its verdict.
    const later = "(Math as any).exp = () => 0; Promise.resolve().then(() => { throw new Error('late'); });";
    assert.match((await graded(later + RIGHT))?.sentence ?? '', /^your code changes Math.exp,/);
    const ended = await graded(of("(scores.map as any).constructor('return process')().exit(3);"));
    assert.match(ended?.sentence ?? '', /ends the program that runs it/);
    const killed = await graded(of("const p = (scores.map as any).constructor('return process')();", 'p.kill(p.pid);'));
    assert.match(killed?.sentence ?? '', /^your code ends the process that runs it/);
    const changed = await graded(`Array.prototype.map = () => [1] as never;\n${RIGHT}`);
    assert.match(changed?.sentence ?? '', /^your code changes Array.prototype.map, which the laws .* need as it was/);
    // What is frozen cannot be undone: no file that follows may see it.
    const frozen = await graded(`Object.freeze(Array.prototype);\n${RIGHT}`);
    assert.match(frozen?.sentence ?? '', /^your code freezes Array.prototype,/);
    assert.is(await graded(RIGHT), null);
  } finally {
    runner.end();
  }
});

test.run();
