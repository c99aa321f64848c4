/** The committed conversions of `npm run conversions`: whole, from the commands of their sets, and as docs/pretrained.md has them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readConversions, readConvertedInPython } from '../../bench/report/results.ts';
import { encoderSentences, pythonSection } from '../../scripts/conversions/sentences.ts';
import {
  type Converted,
  commandOf,
  type EncoderConverted,
  expectSources,
  hereOf,
  type ModelConverted,
  SETS,
  type SetName,
} from '../../scripts/conversions/sets.ts';
import { encoderTable, modelTable } from '../../scripts/conversions/tables.ts';
import { exampleOutput, gainsByWeights, weightsTable } from '../../scripts/conversions/weights.ts';

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

test('both models read the same text', () => {
  const texts = (['minilm', 'bytes'] as const).map((name) => readConversions(name)?.text);
  assert.ok(texts[0]);
  assert.is(texts[1], texts[0]);
});

const docs = read('docs/pretrained.md');
const older = 'docs/pretrained.md is older than the numbers: npm run readme';

test('the tables are those of the numbers, and have a line for each row', () => {
  const encoder = readConversions<EncoderConverted>('minilm');
  const model = readConversions<ModelConverted>('bytes');
  assert.ok(encoder && model);
  const swapped = encoder.rows[0].numbers.models.sentences.swapped.toFixed(3);
  const bits = model.rows[0].numbers.models[2].loss.toFixed(2);
  for (const [rows, table, cell] of [
    [encoder.rows, encoderTable(encoder, () => '').split('\n\n')[0], swapped],
    [model.rows, modelTable(model, () => '').split('\n\n')[0], bits],
  ] as const) {
    assert.is(table.split('\n').length, 2 + rows.length);
    assert.ok(docs.includes(table), older);
    assert.ok(table.split('\n')[2].includes(`| ${cell} |`));
  }
});

test('what is quoted of single rows is that of the numbers', () => {
  const encoder = readConversions<EncoderConverted>('minilm');
  const model = readConversions<ModelConverted>('bytes');
  assert.ok(encoder && model);
  for (const text of [encoderSentences(encoder), exampleOutput(model), weightsTable(model)]) {
    assert.ok(docs.includes(text), `${older}\n${text}`);
  }
});

test('what docs/pretrained.md says of weights in place of outputs holds', () => {
  const model = readConversions<ModelConverted>('bytes');
  assert.ok(model);
  const gains = gainsByWeights(model);
  // 'With the learned map, weights gain a little over outputs'; 'With the fixed map … they lose'; 'weights gain nothing'.
  const [learned, alone, fixed] = ['Hedgehog', 'Hedgehog, `--train added`', 'fixed, elu + 1'].map((each) =>
    gains.get(each),
  );
  assert.ok(Number(learned) > 0 && Number(learned) < 0.2, String(learned));
  assert.ok(Number(fixed) < 0, String(fixed));
  assert.ok(Number(alone) <= 0, String(alone));
});

test('the lines for Python are those that ran there, with what they gave', () => {
  const python = readConvertedInPython();
  assert.ok(python);
  const script = read('fixtures/scripts/embed_converted.py');
  assert.ok(docs.includes(pythonSection(python, script)), older);
  // A broken copy: without its marks the script has no lines to show.
  assert.throws(() => pythonSection(python, script.replace('# As far as here.', '')), /has no lines/);
});

test('the numbers of a row that no set has are refused', () => {
  const conversions = readConversions<EncoderConverted>('minilm');
  assert.ok(conversions);
  const rows = conversions.rows.map((row) => ({ ...row, command: `${row.command} --seed 7` }));
  assert.throws(() => encoderTable({ ...conversions, rows }, () => ''), /a row that no set has any more: npm start/);
});

test('rows from another machine than the first are refused', () => {
  const conversions = readConversions<EncoderConverted>('minilm');
  assert.ok(conversions);
  const machine = ({ cpu, date }: { cpu: string; date: string }) => `on ${cpu}, ${date}`;
  const [first, ...others] = conversions.rows;
  const [last] = others.splice(-1);
  const moved = (changes: object) => ({
    ...conversions,
    rows: [first, ...others, { ...last, environment: { ...last.environment, ...changes } }],
  });
  assert.throws(
    () => encoderTable(moved({ cpu: 'another' }), machine),
    /from another machine than its first row: npm start/,
  );
  // The same one on another day is told.
  assert.match(encoderTable(moved({ date: '2126-01-01T00:00:00.000Z' }), machine), 'The last row is of 2126-01-01.');
});

test('a text and a model that are not there are named with the command that makes them', () => {
  const here = (text: string, folder: string) => hereOf(text, folder);
  const there = fileURLToPath(new URL('../../fixtures/README.md', import.meta.url));
  assert.throws(
    () => expectSources(SETS.bytes, here('/no/text', '/no')),
    /--text: \/no\/text is not there; npm run jargon-file/,
  );
  assert.throws(
    () => expectSources(SETS.minilm, here(there, '/no')),
    /--pretrained: \/no has no config.json; npm run verify:minilm/,
  );
  // The byte model needs no MiniLM.
  expectSources(SETS.bytes, here(there, '/no'));
});

test.run();
