/** The committed conversions of `npm run conversions`: whole, from the commands of their sets, and as docs/pretrained.md has them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readConversions } from '../../bench/report/results.ts';
import {
  type Converted,
  commandOf,
  type EncoderConverted,
  SETS,
  type SetName,
} from '../../scripts/conversions/sets.ts';
import { encoderTable } from '../../scripts/conversions/tables.ts';

const read = (name: string) => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');

const commandsOf = (name: SetName) => SETS[name].rows.map((row) => commandOf(SETS[name], row));

test('no two rows of a set have one command', () => {
  for (const name of ['minilm', 'bytes'] as const) {
    const commands = commandsOf(name);
    assert.is(new Set(commands).size, commands.length);
  }
});

for (const name of ['minilm', 'bytes'] as const) {
  const conversions = readConversions<Converted>(name);
  // The byte model's has not run as a whole yet.
  if (conversions === null && name === 'bytes') continue;
  test(`${name}: there is every row of the set, and it took all its steps`, () => {
    assert.equal(
      conversions?.rows.map(({ command }) => command),
      commandsOf(name),
    );
    for (const { command, numbers } of conversions?.rows ?? []) {
      assert.is(numbers.stopped, false);
      assert.match(`${command} `, `--steps ${numbers.steps} `);
    }
  });
}

test('the table of MiniLM is that of its numbers, and has a line for each row', () => {
  const conversions = readConversions<EncoderConverted>('minilm');
  assert.ok(conversions);
  const [table] = encoderTable(conversions, () => '').split('\n\n');
  assert.is(table.split('\n').length, 2 + conversions.rows.length);
  assert.ok(read('docs/pretrained.md').includes(table), 'docs/pretrained.md is older than the numbers: npm run readme');
  const [first] = conversions.rows;
  const swapped = first.numbers.models.sentences.swapped.toFixed(3);
  assert.ok(table.split('\n')[2].includes(`| ${swapped} |`));
});

test('the numbers of a row that no set has are refused', () => {
  const conversions = readConversions<EncoderConverted>('minilm');
  assert.ok(conversions);
  const rows = conversions.rows.map((row) => ({ ...row, command: `${row.command} --seed 7` }));
  assert.throws(() => encoderTable({ ...conversions, rows }, () => ''), /a row that no set has any more: npm start/);
});

test.run();
