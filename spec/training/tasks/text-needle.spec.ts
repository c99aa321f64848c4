/** Needles in a haystack of text, held against a reader of their own: one kind of code or several. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { elements } from '../../../src/core/tensor.ts';
import { drawBatch } from '../../../src/training/tasks/batch.ts';
import { PERSONS } from '../../../src/training/tasks/needle.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';
import type { Part, Task } from '../../../src/training/tasks/task.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

const seeds = fc.integer({ min: 0, max: 1e9 });
const alice = fileURLToPath(new URL('../../../fixtures/text/alice-chapter-1.txt', import.meta.url));

/** `8x16`: 8 symbols of 16. */
const kindsOf = (text: string) => text.split(',').map((each) => each.split('x').map(Number));

test('text-needle: a passage of the text holds a name with a code at any place, and the end has both again', () => {
  const whole = readFileSync(alice, 'latin1');
  const places: number[] = [];
  const others = { counted: 0, all: 0 };
  const kind = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 36 }));
  const settings = fc
    .record({
      kinds: fc.uniqueArray(kind, { minLength: 1, maxLength: 3, selector: String }),
      room: fc.nat(80),
    })
    .map(({ kinds, room }) => {
      const [[items, symbols], ...more] = kinds;
      const moreCodes = more.map((each) => each.join('x')).join(',') || 'none';
      return { kinds, items, symbols, moreCodes, length: 2 * (7 + Math.max(...kinds.map(([n]) => n))) + 2 + room };
    });
  fc.assert(
    fc.property(seeds, settings, fc.constantFrom<Part[]>('training', 'held-out'), (seed, { kinds, ...given }, part) => {
      const { length } = given;
      const task = openTask('text-needle', { ...given, text: alice });
      const { tokens, targets, counts } = task.draw(part, new Random(seed));
      assert.equal(Array.from(targets).slice(0, -1), Array.from(tokens).slice(1));
      const text = String.fromCharCode(...Array.from(tokens));
      assert.is(text.length, length);
      const [end, person, code] = /\n([a-z]+) ([0-9a-z]+)$/.exec(text) ?? [];
      assert.ok(end !== undefined && PERSONS.includes(person), text);
      const isOf = ([items, symbols]: number[]) =>
        code.length === items && Array.from(code).every((each) => Number.parseInt(each, 36) < symbols);
      assert.ok(kinds.some(isOf), `${code} of ${kinds.join(' and ')}`);
      const rest = text.slice(0, -end.length);
      const place = rest.indexOf(`${end}.\n`);
      assert.ok(place >= 0, text);
      const haystack = rest.slice(0, place) + rest.slice(place + end.length + 2);
      assert.ok(whole.includes(haystack), haystack);
      if (haystack.length > 50) places.push(place / haystack.length);
      // The code, and in training some of the other bytes; the last has none after it.
      const before = length - 1 - code.length;
      const flags = Array.from(counts ?? []);
      assert.equal(flags.slice(before), [...new Array(code.length).fill(1), 0]);
      const count = flags.slice(0, before).filter((flag) => flag === 1).length;
      if (part === 'held-out') assert.is(count, 0);
      else {
        others.counted += count;
        others.all += before;
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(Math.min(...places) < 0.1 && Math.max(...places) > 0.9, `${places}`);
  // A quarter, of about 10 000 bytes: five standard errors are 0.022.
  assert.ok(Math.abs(others.counted / others.all - 0.25) < 0.03, `${others.counted} of ${others.all}`);
});

/** The codes of examples that are drawn one after another. */
function codes(task: Task, part: Part, random: Random, draws: number): string[] {
  return Array.from({ length: draws }, () => {
    const text = String.fromCharCode(...Array.from(task.draw(part, random).tokens));
    return text.slice(text.lastIndexOf(' ') + 1);
  });
}

test('text-needle: each kind of code is drawn as often, and chance is the mean of theirs', () => {
  const draws = 3000;
  for (const [first, moreCodes] of [
    ['4x10', '8x16'],
    ['3x2', '1x36,6x16,9x10'],
  ]) {
    const [[items, symbols], ...more] = kindsOf(`${first},${moreCodes}`);
    const task = openTask('text-needle', { length: 60, items, symbols, moreCodes, text: alice });
    const kinds = [[items, symbols], ...more];
    const chance = kinds.map(([n, of]) => of ** -n).reduce((a, b) => a + b) / kinds.length;
    assert.ok(Math.abs(task.chance / chance - 1) < 1e-12, `${task.chance}, not ${chance}`);
    for (const part of ['training', 'held-out'] as const) {
      const found = codes(task, part, new Random(11), draws);
      for (const [n, of] of kinds) {
        const own = found.filter((code) => code.length === n);
        const p = 1 / kinds.length;
        // Five standard errors.
        const slack = 5 * Math.sqrt(draws * p * (1 - p));
        assert.ok(Math.abs(own.length - draws * p) < slack, `${n} of ${of}: ${own.length} of ${draws}`);
        // All of its symbols come, and none of another kind.
        assert.equal([...new Set(own.join(''))].sort(), Array.from({ length: of }, (_, at) => at.toString(36)).sort());
      }
    }
  }
});

test('text-needle: one kind draws what it drew before there could be more, so that old runs resume to the same bits', () => {
  // Written down before `moreCodes` was a setting.
  const before: Record<Part, string> = {
    training: 'wn mind (\ndora 2183.\nas well as she could, for the\ndora 2183',
    'held-out': 'pty: she \ndora 2183.\ndid not like to\ndrop the jar \ndora 2183',
  };
  const settings = { length: 60, items: 4, symbols: 10, text: alice };
  for (const [part, text] of Object.entries(before) as [Part, string][]) {
    const { tokens } = openTask('text-needle', settings).draw(part, new Random(3));
    assert.is(String.fromCharCode(...Array.from(tokens)), text);
  }
});

test('text-needle: a batch in parts has the examples of the whole one', () => {
  const task = openTask('text-needle', { length: 60, moreCodes: '8x16,2x36', text: alice });
  const tokens = (sizes: number[]) => {
    const random = new Random(12);
    return sizes.flatMap((size) => Array.from(elements(drawBatch(task, 'training', random, size).sequences[0].tokens)));
  };
  assert.equal(tokens([4, 4]), tokens([8]));
  assert.equal(tokens([1, 1, 1, 1, 1, 1, 1, 1]), tokens([8]));
});

test('text-needle: no byte of a held-out passage is in a passage of training', () => {
  const whole = readFileSync(alice, 'latin1');
  const task = openTask('text-needle', { length: 80, items: 4, text: alice });
  const met = (part: Part) => {
    const random = new Random(8);
    const bytes = Array.from({ length: 200 }, () => {
      const { tokens } = task.draw(part, random);
      const text = String.fromCharCode(...Array.from(tokens)).replace(/\n[a-z]+ \d{4}$/, '');
      const haystack = text.replace(/\n[a-z]+ \d{4}\.\n/, '');
      const begin = whole.indexOf(haystack);
      assert.ok(begin >= 0, haystack);
      return Array.from(haystack, (_, n) => begin + n);
    });
    return new Set(bytes.flat());
  };
  const trained = met('training');
  assert.not.ok([...met('held-out')].some((at) => trained.has(at)));
});

test('text-needle: kinds of codes that are none, or come twice, are refused by name and with what was given', () => {
  const wrong = ['', ' ', '8', '8x', 'x16', '8x16,', ',8x16', '8x16,,2x3', '8X16', '8×16', '8x16 ', '-8x16', '8.5x16'];
  const outside = ['0x16', '8x1', '8x0', '8x37', '99999999999999999999x16', '8x99999999999999999999', 'none,8x16'];
  for (const moreCodes of [...wrong, ...outside]) {
    expectThrows(ArgumentError, 'moreCodes', () => openTask('text-needle', { moreCodes }));
  }
  for (const moreCodes of [null, 8, ['8x16'], {}] as never[]) {
    expectThrows(ArgumentError, 'moreCodes', () => openTask('text-needle', { moreCodes }));
  }
  for (const moreCodes of ['4x10', '8x16,8x16', '8x16,08x016', '8x16,2x3,4x10']) {
    expectThrows(ArgumentError, 'moreCodes', () => openTask('text-needle', { items: 4, symbols: 10, moreCodes }));
  }
  assert.throws(() => openTask('text-needle', { moreCodes: '2x3,8x37' }), /none, or kinds as 8x16,32x16.*got '8x37'/);
  assert.throws(() => openTask('text-needle', { moreCodes: '4x10' }), /twice.*4x10/);
});

test.run();
