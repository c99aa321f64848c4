/** `npm run sink-table`: that it says of our models what fixtures/README.md says. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const table = (...args: string[]) => {
  const words = [...wordsOf('scripts/sink-table.ts'), ...args];
  return spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
};

type Row = { attention: string; positions: string; perplexity: number; bits: number; rest: number[] };

/** Rows by attention and positions, from lines of cells. */
const rowsOf = (lines: readonly (readonly string[])[]): Row[] =>
  lines.map(([attention, positions, ...numbers]) => {
    const [perplexity, bits, ...rest] = numbers.map(Number);
    return { attention, positions, perplexity, bits, rest };
  });

const NAMES = /^(full|\d+ \+ \d+) +(text|cache|within) +(.*)$/;
const printed = (stdout: string, title: string): Row[] => {
  const part = stdout.slice(stdout.indexOf(title)).split('\n\n')[1] ?? '';
  return rowsOf(
    part.split('\n').flatMap((line) => {
      const [, attention, positions, numbers] = NAMES.exec(line) ?? [];
      return attention === undefined ? [] : [[attention, positions, ...numbers.trim().split(/ +/)]];
    }),
  );
};
const written = (columns: number): Row[] =>
  rowsOf(
    readFileSync(`${root}fixtures/README.md`, 'utf8')
      .split('\n')
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
      .filter((cells) => cells.length === columns && /^(text|cache|within)$/.test(cells[1])),
  );

const find = (rows: readonly Row[], attention: string, positions: string): Row => {
  const row = rows.find((each) => each.attention === attention && each.positions === positions);
  assert.ok(row, `${attention}, ${positions}`);
  return row as Row;
};

/** What the README says of the model of copies, in bits a byte. Trained with other kernels it has other numbers. */
function breaksAndMends(rows: readonly Row[], sinks: readonly string[]): void {
  const bits = (attention: string, positions: string) => find(rows, attention, positions).bits;
  const within = bits('full', 'within');
  assert.ok(bits('0 + 32', 'text') > within + 1, 'a window breaks it');
  for (const cache of sinks) {
    assert.ok(Math.abs(bits(cache, 'cache') - within) < 0.15, `${cache} mends it`);
    assert.ok(bits(cache, 'text') > bits(cache, 'cache') + 0.5, `${cache} needs positions in the cache`);
  }
  assert.ok(bits('full', 'text') > within + 3, 'full attention fails beyond its length');
}

test('the tables of the fixtures’ README are what the command prints', () => {
  const { stdout, status, stderr } = table();
  assert.is(status, 0, stderr);
  const prose = printed(stdout, 'fixtures/byte-lm.safetensors');
  const said = written(5);
  assert.is(said.length, 8);
  for (const row of said) {
    const found = find(prose, row.attention, row.positions);
    // Other kernels round otherwise.
    assert.ok(Math.abs(found.bits - row.bits) < 0.002, `${row.attention}, ${row.positions}: ${found.bits}`);
    assert.ok(Math.abs(found.perplexity - 2 ** found.bits) < 0.1 && Math.abs(found.rest[0] - row.rest[0]) < 0.011);
  }
  breaksAndMends(written(7), ['1 + 31', '4 + 28']);
  const copies = printed(stdout, 'the model of the recipe backcopy');
  breaksAndMends(copies, ['1 + 31', '4 + 28', '1 + 63', '4 + 60']);
  // The share of the weights that drawn bytes and copies put on the first byte.
  const [, , drawn, copied] = find(copies, 'full', 'within').rest;
  assert.ok(drawn > 0.3 && copied < 0.1, `${drawn} and ${copied}`);
});

type Saved = { model: string; seed: number | null; attention: string; positions: string; bits: Record<string, number> };

test('the raw numbers are those of the README’s tables, and from each seed a window breaks and sinks mend', () => {
  const { rows } = JSON.parse(readFileSync(`${root}bench/results/sinks.json`, 'utf8')) as { rows: Saved[] };
  const of = (model: string, seed: number | null) =>
    rows
      .filter((row) => row.model === model && row.seed === seed)
      .map(({ attention, positions, bits }): Row => {
        return { attention, positions, perplexity: 2 ** bits.all, bits: bits.all, rest: [bits.drawn] };
      });
  for (const [columns, model, seed] of [
    [5, 'prose', null],
    [7, 'copies', 1],
  ] as const) {
    for (const row of written(columns)) {
      const { bits } = find(of(model, seed), row.attention, row.positions);
      assert.ok(Math.abs(bits - row.bits) < 5.1e-4, `${model}, ${row.attention}, ${row.positions}: ${bits}`);
    }
  }
  const seeds = [...new Set(rows.flatMap(({ seed }) => (seed === null ? [] : [seed])))];
  assert.equal(seeds, [1, 2, 3]);
  for (const seed of seeds) breaksAndMends(of('copies', seed), ['1 + 31', '4 + 28', '1 + 63', '4 + 60']);
});

test('caches that are no wider than their sinks are refused by name', () => {
  const { status, stderr } = table('--caches', '4', '--sinks', '4');
  assert.is(status, 2);
  assert.match(stderr, /^Error: --caches: expected more tokens than sinks, got 4 with 4/);
});

test('a text that is shorter than the training is refused by name', () => {
  const short = table('--text', 'tsconfig.build.json');
  assert.is(short.status, 2);
  assert.match(short.stderr, /^Error: --text: expected more than 1024 bytes, got \d+/);
});

test.run();
