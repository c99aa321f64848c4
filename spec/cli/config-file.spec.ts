/** Options from a file: the same as on the command line, which wins. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { configText, withConfig } from '../../src/commands/config-file.ts';
import { trainOptions } from '../../src/commands/train-options.ts';
import { planOf } from '../../src/commands/train-plan.ts';
import { ArgumentError, FileFormatError } from '../../src/core/errors.ts';
import { parseArguments } from '../../src/terminal/arguments.ts';
import { flagName } from '../../src/terminal/options.ts';
import { tasks } from '../../src/training/tasks/registry.ts';
import { temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const path = join(folder, 'run.json');
const RULES = { word: 'task', instead: { attention: ['sweep'], sweep: ['attention'] } };

function given(args: readonly string[]) {
  const parsed = parseArguments({ usage: '', summary: '', positionals: ['TASK'], options: trainOptions() }, args);
  if (parsed.help !== null) throw new Error('no help');
  return parsed;
}

/** What comes of a file and arguments. */
function together(file: unknown, args: readonly string[] = []) {
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  return withConfig(path, trainOptions(), given(args), RULES);
}

test('a file says what flags say, each kind of option', () => {
  const file = {
    task: 'copy',
    sweep: ['full', 'longformer'],
    option: ['attentionWindow=4'],
    'model-dim': 32,
    dropout: 0.25,
    optimizer: 'sgd',
    reversible: true,
    overwrite: false,
  };
  const words = [
    ...['copy', '--sweep', 'full,longformer', '--option', 'attentionWindow=4', '--model-dim', '32'],
    ...['--dropout', '0.25', '--optimizer', 'sgd', '--reversible'],
  ];
  assert.equal(together(file), given(words));
});

test('every setting of a task is an option, and what is given reaches the run', () => {
  const others: Record<string, string> = { group: 's3', moreCodes: '8x16', text: '/a/text' };
  for (const { name, defaults } of tasks) {
    const wanted = Object.entries(defaults).map(([setting, value]): [string, string | number] => [
      setting,
      typeof value === 'number' ? 2 * value : others[setting],
    ]);
    const words = wanted.flatMap(([setting, value]) => [`--${flagName(setting)}`, String(value)]);
    const [{ settings }] = planOf(name, given([name, ...words]).values).runs;
    assert.equal(settings.task, { name, ...Object.fromEntries(wanted) });
  }
});

test('the command line wins', () => {
  const file = { task: 'copy', attention: 'longformer', steps: 10, seed: 1, reversible: true };
  const {
    values,
    positionals,
    given: known,
  } = together(file, ['listops', '--steps', '20', '--sweep', 'full,performer']);
  assert.equal([positionals, values.steps, values.seed], [['listops'], 20, 1]);
  // What it stands in for is not there either.
  assert.equal([values.attention, known.has('attention'), values.sweep], [undefined, false, ['full', 'performer']]);
});

test('what is no option, or not what an option takes, is refused with the file and the name', () => {
  const refusals: [file: unknown, message: RegExp][] = [
    [
      { lenght: 8 },
      /^--config: .*run\.json: unknown option 'lenght': did you mean 'length'\? Known: task, attention, /,
    ],
    [{ modelDim: 8 }, /unknown option 'modelDim': did you mean 'model-dim'\?/],
    [{ config: 'a.json' }, /unknown option 'config'/],
    ['{ "__proto__": 1 }', /unknown option '__proto__'/],
    [{ length: 'eight' }, /^--config: .*run\.json: length: expected an integer of at least 1, got eight$/],
    [{ length: [8] }, /length: expected a text or a number, got a list of 1/],
    [{ length: null }, /length: expected a text or a number, got null/],
    [{ reversible: 1 }, /reversible: expected true or false, got 1/],
    [{ attention: 'longfomer' }, /attention: unknown attention 'longfomer': did you mean 'longformer'\?/],
    [{ sweep: [true] }, /sweep: expected a text or a number, got true/],
    [{ task: {} }, /task: expected a text or a number, got an object/],
  ];
  for (const [file, message] of refusals) {
    assert.throws(
      () => together(file),
      (error: Error) => error instanceof ArgumentError && message.test(error.message),
      JSON.stringify(file),
    );
  }
  for (const file of ['[]', '{', '"copy"']) {
    assert.throws(
      () => together(file),
      (error: Error) => error instanceof FileFormatError,
    );
  }
});

test('what a run writes gives the same run back, whatever it was told', () => {
  const maybe = <T>(name: string, value: fc.Arbitrary<T>) =>
    fc.option(
      value.map((each) => [`--${name}`, String(each)]),
      { nil: [] },
    );
  const count = fc.integer({ min: 1, max: 5000 });
  const args = fc
    .tuple(
      fc.constantFrom('copy', 'duplication', 'byte-lm', 'listops'),
      fc.constantFrom([], ['--sweep', 'full,longformer,light-conv'], ['--attention', 'performer']),
      maybe('length', fc.integer({ min: 4, max: 64 })),
      maybe('layers', count),
      maybe('model-dim', count),
      maybe('heads', count),
      maybe('positions', fc.constantFrom('learned', 'rotary', 'none')),
      maybe('dropout', fc.double({ min: 0, max: 0.9, noNaN: true })),
      maybe('steps', count),
      maybe('minutes', fc.double({ min: 0, max: 9, noNaN: true })),
      maybe('parts', fc.integer({ min: 1, max: 9 })),
      maybe('optimizer', fc.constantFrom('adamw', 'adafactor', 'sgd')),
      maybe('rate', fc.double({ min: 0, max: 1, noNaN: true })),
      maybe('warmup', fc.nat(100)),
      maybe('decay', fc.constantFrom('cosine', 'linear', 'constant', 'inverse-square-root')),
      maybe('seed', fc.integer({ min: 0 })),
      fc.constantFrom([], ['--reversible']),
    )
    .map(([task, ...rest]) => [task, ...rest.flat()]);
  fc.assert(
    fc.property(args, (words) => {
      const { positionals, values } = given(words);
      for (const { name, settings, options } of planOf(positionals[0], values).runs) {
        const again = together(configText(options));
        const [run, ...others] = planOf(again.positionals[0], again.values).runs;
        assert.equal([run.name, run.settings, others], [name, settings, []]);
      }
    }),
  );
});

test('the run of a recipe is given back by its recipe, its name and its seed', () => {
  const { values } = given(['--recipe', 'hashes', '--sweep', '2-hashes,1-hash', '--seed', '7']);
  for (const { name, settings, options } of planOf(undefined, values).runs) {
    const [run, ...others] = planOf(undefined, together(configText(options)).values).runs;
    assert.equal([run.name, run.settings, others], [name, settings, []]);
  }
});

test.run();
