/** JSON from outside: exactly what is JSON and within the limits is taken, before anything is made of it. */

import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import { JSON_LIMITS, parseJson, readJson, readJsonObject } from '../../src/core/files/json.ts';
import { readText } from '../../src/core/files/text.ts';
import { effort } from '../laws/effort.ts';
import { assertRefused } from './file-cases.ts';
import { temporaryFolder } from './temporary-folder.ts';

const path = join(temporaryFolder(), 'file.json');
const complain = (problem: string) => new FileFormatError(`text: ${problem}`);

/** Lists and objects within each other, and in all, with the commas in them. */
function measure(value: unknown): { depth: number; values: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 0 };
  const inner = Object.values(value).map(measure);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    values: inner.reduce((sum, { values }) => sum + values, Math.max(1, inner.length)),
  };
}

test('a value is taken where it is within the limits, and is what JSON.parse makes of it', () => {
  const limits = fc.record({ depth: fc.nat(5), values: fc.integer({ min: 1, max: 40 }) });
  const counts = { taken: 0, deep: 0, many: 0 };
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5 }),
      limits,
      fc.constantFrom(undefined, 1, '\t'),
      (value, { depth, values }, indent) => {
        const text = JSON.stringify(value, null, indent);
        const size = measure(value);
        const [isDeep, isMany] = [size.depth > depth, size.values > values];
        if (isDeep || isMany) {
          assert.throws(() => parseJson(text, complain, { depth, values }), /^text: expected JSON of at most/);
          counts[isDeep ? 'deep' : 'many']++;
        } else {
          assert.equal(parseJson(text, complain, { depth, values }), JSON.parse(text));
          counts.taken++;
        }
      },
    ),
    effort(3000),
  );
  assert.ok(Math.min(...Object.values(counts)) > 50, JSON.stringify(counts));
});

test('brackets and commas in texts are not counted, whatever is escaped', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('[', '{', ',', '"', '\\', ']', 'a') })), (texts) => {
      const json = JSON.stringify(texts);
      assert.equal(parseJson(json, complain, { depth: 1, values: Math.max(1, texts.length) }), texts);
    }),
  );
});

test('what is no JSON is refused as JSON.parse refuses it', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'[]{},:"\\0-.eE tn') }), (text) => {
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        return assert.throws(() => parseJson(text, complain), /^text: expected JSON, got a text that is not/);
      }
      return assert.equal(parseJson(text, complain), expected);
    }),
    effort(2000),
  );
});

test('40 MB of brackets, of each kind of nesting, cost neither memory nor time', () => {
  const before = process.memoryUsage().heapUsed;
  for (const text of ['[', '{"a":', '[{"":', '[[],'].map((part) => part.repeat(4e7 / part.length))) {
    assert.throws(() => parseJson(text, complain), /at most 100 levels/);
  }
  for (const text of [`[${'[],'.repeat(1e7)}[]]`, `{${'"a":{},'.repeat(5e6)}"b":1}`, `[${'1,'.repeat(1e7)}1]`]) {
    assert.throws(() => parseJson(text, complain), /at most 8388608 values/);
  }
  // A parser would have held gigabytes by now; texts themselves are some tens of megabytes.
  assert.ok(process.memoryUsage().heapUsed - before < 2 ** 28);
});

test('a file is JSON of a bounded size, in UTF-8', () => {
  writeFileSync(path, '\ufeff{"a": [1, "é"]}');
  assert.equal(readJson(path), { a: [1, 'é'] });
  assert.equal(readJsonObject(path), { a: [1, 'é'] });
  for (const text of ['[]', 'null', '5', '"a"']) {
    writeFileSync(path, text);
    assert.equal(readJson(path), JSON.parse(text));
    assertRefused(path, () => readJsonObject(path), /expected a JSON object, got another value/);
  }
  writeFileSync(path, Buffer.from('{"a": "\xe9"}', 'latin1'));
  assertRefused(path, () => readJson(path), /expected UTF-8 text/);
  truncateSync(path, JSON_LIMITS.size + 1);
  assertRefused(path, () => readJson(path), /expected at most 268435456 bytes, got 268435457/);
  assertRefused(path, () => readText(path, 100), /expected at most 100 bytes, got 268435457/);
});

test.run();
