import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rangeOf } from '../../src/commands/variants.ts';
import type { OptionSchema } from '../../src/variants/options.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { SURVEY } from '../../src/variants/survey.ts';
import { outputOf, temporaryFolder } from './host.ts';

test('the table has a line for every variant, with its cost and its paper', async () => {
  const lines = (await outputOf(['variants'])).split('\n');
  for (const { name, complexity, paper } of allVariants()) {
    const line = lines.find((each) => each.startsWith(`${name} `)) ?? '';
    assert.ok(line.includes(complexity) && line.endsWith(`${paper.authors} ${paper.year}`), name);
  }
});

test('a variant is described by its own words: facts, and every option with symbol, range, default, meaning', async () => {
  for (const variant of allVariants()) {
    const text = await outputOf(['variants', variant.name, '--length', '100']);
    for (const fact of [variant.paper.title, `arXiv:${variant.paper.arxiv}`, variant.family, variant.complexity]) {
      assert.ok(text.includes(fact), `${variant.name}: ${fact}`);
    }
    const defaults = variant.defaults(100) as unknown as Record<string, unknown>;
    for (const [option, schema] of Object.entries(variant.options as Record<string, OptionSchema>)) {
      // A gate may have the name of an option.
      const lines = text
        .split('\nGates')[0]
        .split('\n')
        .filter((line) => line.startsWith(`${option} `));
      assert.is(lines.length, 2, `${variant.name}: ${option}`);
      assert.ok(lines[0].includes(schema.symbol ?? ''));
      assert.ok(lines[0].includes(rangeOf(schema, 100)));
      assert.ok(lines[0].trimEnd().endsWith(String(defaults[option])));
      assert.ok(lines[1].endsWith(schema.description));
    }
  }
});

test('what it says to type is accepted, and sets an option that counts to another value than its default', async () => {
  for (const variant of allVariants()) {
    const text = await outputOf(['variants', variant.name, '--length', '32']);
    const [, words] = /^Set one with\n {2}npm start -- (.*)$/m.exec(text) ?? [];
    assert.is(words === undefined, Object.keys(variant.options).length === 0, variant.name);
    if (words === undefined) continue;
    const [, option, value] = / --option (\w+)=(\S+)$/.exec(words) ?? [];
    const defaults = variant.defaults(32) as unknown as Record<string, unknown>;
    assert.is.not(value, String(defaults[option]), `${variant.name}: ${option}`);
    const schemas: Readonly<Record<string, OptionSchema>> = variant.options;
    assert.is(words.startsWith('train '), schemas[option].layerOnly === true, variant.name);
    const rest = words.startsWith('train ')
      ? ['--length', '8', '--steps', '1', '--out', join(temporaryFolder(), 'run')]
      : ['--no-report'];
    await outputOf([...words.split(' '), ...rest]);
  }
});

test('gates are listed with their symbols and the values without them', async () => {
  const text = await outputOf(['variants', 'gated-deltanet']);
  assert.match(text, /^logDecay +log α +0$/m);
  assert.match(text, /^beta +β +1$/m);
  assert.not.match(await outputOf(['variants', 'longformer']), /Gates/);
});

test('what each kind of result is', async () => {
  assert.match(await outputOf(['variants']), /^Result own: a function of its own, which does not approximate/m);
  assert.match(
    await outputOf(['variants', 'retnet']),
    /^result +own: a function of its own, which does not approximate/m,
  );
});

test('ranges in words', () => {
  const described = { description: '', default: 0 };
  const cases: [OptionSchema, string][] = [
    [{ ...described, kind: 'integer', minimum: 2 }, '2 or more'],
    [
      { ...described, kind: 'integer', minimum: 2, maximum: (length) => 2 * length, multipleOf: 2 },
      '2 to 200, multiples of 2',
    ],
    [{ ...described, kind: 'number', minimum: 0, maximum: 1 }, '0 to 1'],
    [{ ...described, kind: 'boolean', default: true }, 'true, false'],
    [{ ...described, kind: 'choice', choices: ['a', 'b'], default: 'a' }, 'a, b'],
    [{ ...described, kind: 'integers', per: 'position', minimum: 0, default: [] }, 'positions, 0 to 99'],
    [{ ...described, kind: 'integers', per: 'head', minimum: 1, maximum: () => 9, default: [] }, 'one a head, 1 to 9'],
  ];
  for (const [schema, words] of cases) assert.is(rangeOf(schema, 100), words);
});

test('the survey has a line for every row, and one for each of our variants', async () => {
  const text = await outputOf(['variants', '--survey']);
  for (const { model, complexity, variants, layer } of SURVEY) {
    const line = text.split('\n').find((each) => each.startsWith(`${model}  `)) ?? '';
    assert.ok(line.includes(complexity), model);
    assert.ok(line.includes(layer ? `--feed-forward ${layer.kind}` : (variants[0]?.name ?? 'not yet')), model);
    for (const { name } of variants) assert.ok(text.includes(name), name);
  }
});

test.run();
