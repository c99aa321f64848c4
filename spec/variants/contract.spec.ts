/**
 * What the contract promises of the source: a variant is one file with its method first and one line in all.ts, and nothing
 * else in the library asks which variant or which family it has.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/core/random.ts';
import { randomNormal } from '../../src/core/tensor.ts';
import * as all from '../../src/variants/all.ts';
import { attend } from '../../src/variants/attend.ts';
import { checkOption, type OptionSchema } from '../../src/variants/options.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { FAMILIES } from '../../src/variants/variant.ts';

const root = fileURLToPath(new URL('../../src/', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The code of a file, without its comments. */
const codeOf = (source: string) => source.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/(?<=^|\s)\/\/.*$/gm, '');

const variants = allVariants();
const names = new Set(variants.map(({ name }) => name));
const fileOf = (name: string) => `variants/${name}.ts`;

/** Where names of variants may stand outside of variants/: as data, or as types of models that others have released. */
const EXCEPTIONS: readonly { place: RegExp; why: string }[] = [
  { place: /^pretrained\//, why: 'types of released models, and their own attention' },
  { place: /^training\/recipes\//, why: 'recipes choose variants by name' },
  { place: /^reproduce\//, why: 'experiments are about the variants of their papers' },
  { place: /^compare\/synthetic\.ts$/, why: 'a distribution of drawn keys is called clustered' },
  { place: /^training\/positions\.ts$/, why: 'a kind of positions is called axial' },
  { place: /^training\/export\/check\.ts$/, why: 'a case of full length is called full' },
];

const others = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((path) => path.split(sep).join('/'))
  .filter((path) => path.endsWith('.ts') && !path.startsWith('variants/') && !path.includes('/assembly/'));
const asking = others.filter((path) => !EXCEPTIONS.some(({ place }) => place.test(path)));

/** Names of variants and families as texts in code, comparisons of families, and imports of a variant's own file. */
function asked(source: string): string[] {
  const code = codeOf(source);
  const words = [...names, ...FAMILIES].join('|');
  const rules = [
    new RegExp(`(['"\`])(?:${words})\\1`, 'g'),
    /\bfamily\b['")\]]* *[!=]==?.*|[!=]==? *[\w.]*\bfamily\b.*/g,
    new RegExp(`variants/(?:${[...names].join('|')})\\.ts`, 'g'),
  ];
  return rules.flatMap((rule) => code.match(rule) ?? []);
}

test('nothing outside of variants/ asks for a variant or a family by name', () => {
  assert.ok(asking.length > 100);
  const found = Object.fromEntries(asking.map((path) => [path, asked(read(path))]));
  assert.equal(
    Object.entries(found).filter(([, words]) => words.length > 0),
    [],
  );
});

test('each exception is one: a rule that nothing needs is taken out', () => {
  for (const { place, why } of EXCEPTIONS) {
    const files = others.filter((path) => place.test(path));
    assert.ok(
      files.some((path) => asked(read(path)).length > 0),
      why,
    );
  }
});

test('a question that is asked is found', () => {
  for (const code of [
    "if (variant.name === 'longformer') f();",
    "const isSlow = variant.family === 'kernel';",
    'const same = family !== other.family;',
    "import { reformer } from '../variants/reformer.ts';",
    'switch (name) { case `bigbird`: f(); }',
  ]) {
    assert.ok(asked(code).length > 0, code);
  }
  assert.equal(asked("// if 'longformer'\n/* family === */ const families = ['font']; f(variant.family);"), []);
});

test('a variant is entered by one line of all.ts, and by no other', () => {
  const lines = read('variants/all.ts')
    .split('\n')
    .filter((line) => line.startsWith('export'));
  const entered = lines.map((line) => /^export \{ type \w+, (\w+) \} from '\.\/([\w-]+)\.ts';$/.exec(line) ?? [line]);
  assert.equal(
    entered.map(([, exported, file]) => [(all as Record<string, { name?: string }>)[exported]?.name, file]),
    entered.map(([, , file]) => [file, file]),
  );
  assert.equal(entered.map(([, , file]) => file).sort(), [...names].sort());
  for (const path of ['variants/registry.ts', 'variants/attend.ts', 'variants/define.ts', 'variants/inputs.ts']) {
    assert.equal(asked(read(path)), [], path);
  }
});

test('variants are in the order of their families, and of their years', () => {
  assert.is(variants[0].exactness, 'exact');
  const keys = variants.map(({ family, paper }) => [FAMILIES.indexOf(family), paper.year]);
  for (const [n, [family, year]] of keys.slice(1).entries()) {
    assert.ok(family > keys[n][0] || (family === keys[n][0] && year >= keys[n][1]), variants[n + 1].name);
  }
});

for (const { name, options: schemas } of variants) {
  const source = read(fileOf(name));
  const lines = source.trimEnd().split('\n');
  /** Of the first line like this, counted from 1; 0: there is none. */
  const lineOf = (like: RegExp, from = 0) => lines.findIndex((line, n) => n >= from && like.test(line)) + 1;
  const attend = lineOf(/^function attend\(/);
  const end = lineOf(/^\}$/, attend);

  test(`${name}: at most 200 lines, and attend with its equations within the first 60`, () => {
    assert.ok(lines.length <= 200, `${lines.length} lines`);
    assert.ok(attend > 0 && end <= 60, `attend is on lines ${attend} to ${end}`);
    const [header] = /^\/\*\*.*?\*\//s.exec(source) ?? [''];
    assert.match(header, /Problem|yardstick/);
    assert.match(header, /Cost:/);
    assert.match(header, /give[sn]?\s+(\*\s+)?up/);
    // A section without a number is cited by its heading.
    assert.match(lines.slice(0, 60).join('\n'), /\((eqs?\.|§|“|[Aa]ppendix|Lemma|algorithm)/);
  });

  test(`${name}: the method first, the catalogue last, and an option in one commented entry`, () => {
    const catalogue = lineOf(/^export const \w+ = defineVariant\(\{$/);
    assert.ok(attend < catalogue);
    assert.is(lineOf(/^\}\);$/, catalogue), lines.length);
    const begin = lineOf(/^const options = \{/);
    const names = Object.keys(schemas);
    if (names.length === 0 || begin === 0) return;
    assert.ok(attend < begin && begin < catalogue);
    const entries = lines.slice(begin, lineOf(/^\};$/, begin) - 1);
    const found = entries.flatMap((line, n) => {
      const [, option] = /^ {2}(\w+): (integer|integers|number|choice|boolean)\(/.exec(line) ?? [];
      if (option === undefined) return [];
      assert.match(entries[n - 1], /\*\/$/, `${option}: no comment`);
      return [option];
    });
    assert.equal(found, names);
  });
}

/** Types of options follow from their entries: the compiler holds this. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const typed: readonly true[] = [
  true satisfies Same<all.LongformerOptions['attentionWindow'], number>,
  true satisfies Same<all.LongformerOptions['dilation'], number[]>,
  true satisfies Same<all.BigBirdOptions['construction'], 'itc' | 'etc'>,
  true satisfies Same<all.PerformerOptions['epsilon'], number>,
  true satisfies Same<all.ReformerOptions['countOnce'], boolean>,
  true satisfies Same<all.FullOptions['causal'], boolean>,
  true satisfies Same<keyof all.LinformerOptions, 'causal' | 'projectedLength' | 'projection' | 'sharing'>,
];

test('defaults, types and checks of options follow from their entries', () => {
  assert.ok(typed.every(Boolean));
  for (const variant of variants) {
    const schemas = variant.options as Readonly<Record<string, OptionSchema>>;
    for (const length of [1, 7, 512]) {
      const defaults = variant.defaults(length) as unknown as Record<string, unknown>;
      assert.equal(Object.keys(defaults), ['causal', ...Object.keys(schemas)]);
      for (const [name, schema] of Object.entries(schemas)) checkOption(name, defaults[name], schema, length);
    }
    // A list that a caller changes is not the default of the next one.
    for (const value of Object.values(variant.defaults(9))) if (Array.isArray(value)) value.push(1);
    const again = variant.defaults(9) as unknown as Record<string, unknown>;
    for (const value of Object.values(again)) assert.ok(!Array.isArray(value) || value.length === 0);
  }
});

test('an option that only a layer reads changes nothing of what attend computes', () => {
  const random = new Random(3);
  const drawn = (name: string) => randomNormal([1, 2, 9, 4], random.split(name));
  const inputs = { queries: drawn('queries'), keys: drawn('keys'), values: drawn('values') };
  let options = 0;
  for (const variant of variants) {
    for (const [option, schema] of Object.entries<OptionSchema>(variant.options)) {
      if (schema.layerOnly !== true || schema.kind !== 'boolean') continue;
      options++;
      const outputs = [false, true].map((value) =>
        attend(variant, inputs, { causal: true, [option]: value }).toArray(),
      );
      assert.equal(outputs[0], outputs[1], `${variant.name}: ${option}`);
    }
  }
  assert.ok(options > 0);
});

test.run();
