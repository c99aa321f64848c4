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

const encoder = readConversions<EncoderConverted>('minilm');
const model = readConversions<ModelConverted>('bytes');
// The byte model's conversions have not been run as a whole yet.
const ofModel = model === null ? test.skip : test;

for (const [name, each] of [
  ['minilm', test],
  ['bytes', ofModel],
] as const) {
  const conversions = readConversions<Converted>(name);
  each(`${name}: there is every row of the set, and it took all its steps`, () => {
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

ofModel('both models read the same text', () => {
  const texts = (['minilm', 'bytes'] as const).map((name) => readConversions(name)?.text);
  assert.ok(texts[0]);
  assert.is(texts[1], texts[0]);
});

const docs = read('docs/pretrained.md');
const older = 'docs/pretrained.md is older than the numbers: npm run readme';

test('the table of MiniLM is that of its numbers, and has a line for each row', () => {
  assert.ok(encoder);
  const [table] = encoderTable(encoder, () => '').split('\n\n');
  const swapped = encoder.rows[0].numbers.models.sentences.swapped.toFixed(3);
  expectTable(table, encoder.rows.length, swapped);
  assert.ok(docs.includes(encoderSentences(encoder)), older);
});

ofModel('the table of the byte model is that of its numbers, and so is what is quoted of single rows', () => {
  assert.ok(model);
  const [table] = modelTable(model, () => '').split('\n\n');
  expectTable(table, model.rows.length, model.rows[0].numbers.models[2].loss.toFixed(2));
  for (const text of [exampleOutput(model), weightsTable(model)]) assert.ok(docs.includes(text), `${older}\n${text}`);
});

function expectTable(table: string, rows: number, cell: string): void {
  assert.is(table.split('\n').length, 2 + rows);
  assert.ok(docs.includes(table), older);
  assert.ok(table.split('\n')[2].includes(`| ${cell} |`));
}

ofModel('what docs/pretrained.md says of weights in place of outputs holds', () => {
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
  const conversions = encoder;
  assert.ok(conversions);
  const rows = conversions.rows.map((row) => ({ ...row, command: `${row.command} --seed 7` }));
  assert.throws(() => encoderTable({ ...conversions, rows }, () => ''), /a row that no set has any more: npm start/);
});

test('rows of another machine, of another day, or from before the last kernels are counted in the note', () => {
  const conversions = encoder;
  assert.ok(conversions);
  const [first] = conversions.rows;
  const later = { ...first.environment, cpu: 'one', date: '2126-01-01T00:00:00.000Z' };
  const noteOf = (...environments: (typeof later)[]) => {
    const rows = environments.map((environment) => ({ ...first, environment }));
    return encoderTable({ ...conversions, rows }, ({ cpu, date }) => `On ${cpu}, ${date.slice(0, 10)}.`).split(
      '\n\n',
    )[1];
  };
  const alike = noteOf(later, later);
  assert.match(alike, /^On one, 2126-01-01\. A row took/);
  assert.not.match(alike, / of 2 rows/);
  assert.match(
    noteOf({ ...later, cpu: 'other' }, later, later),
    /^On one, 2126-01-01\. 1 of 3 rows: On other, 2126-01-01\. /,
  );
  const old = { ...later, date: '2026-11-30T15:18:18.000Z' };
  assert.match(noteOf(old, later, old, later), '2 of 4 rows are from before the last change of these kernels');
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
