import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatOptions, parseOptionTexts } from '../../src/compare/option-text.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';

const windowed = {
  name: 'windowed',
  options: {
    window: { kind: 'integer', minimum: 1, description: '' },
    positions: { kind: 'integers', per: 'position', minimum: 0, description: '' },
    shape: { kind: 'choice', choices: ['round', 'square'], description: '' },
  },
} as unknown as AnyVariant;
const ranked = {
  name: 'low-rank',
  options: {
    rank: { kind: 'integer', minimum: 1, description: '' },
    shape: { kind: 'choice', choices: ['round'], description: '' },
    share: { kind: 'boolean', description: '' },
    epsilon: { kind: 'number', minimum: 0, maximum: 1, description: '' },
  },
} as unknown as AnyVariant;

const parse = (...texts: string[]) => {
  const written = parseOptionTexts([windowed, ranked], texts, '--option');
  return [written.get(windowed), written.get(ranked)];
};

test('an option goes to every variant that has it', () => {
  assert.equal(parse(), [{}, {}]);
  assert.equal(parse('window=3', 'positions=4,0', 'share=true', 'epsilon=1e-3'), [
    { window: 3, positions: [4, 0] },
    { share: true, epsilon: 1e-3 },
  ]);
  assert.equal(parse('shape=round'), [{ shape: 'round' }, { shape: 'round' }]);
});

test('VARIANT.NAME goes to that variant, and the last word counts', () => {
  assert.equal(parse('windowed.shape=square'), [{ shape: 'square' }, {}]);
  assert.equal(parse('low-rank.rank=1', 'rank=2'), [{}, { rank: 2 }]);
  assert.equal(parse('positions='), [{ positions: [] }, {}]);
});

test('what is written by formatOptions reads back', () => {
  fc.assert(
    fc.property(fc.nat(), (window) => {
      const [name, value] = formatOptions({ window, same: 1 }, { same: 1 }).split(' = ');
      assert.equal(parse(`${name}=${value}`)[0], { window });
    }),
  );
  assert.is(formatOptions({ positions: [0, 5], dilations: [] }), 'positions = 0 5, dilations = none');
});

test('what cannot be right names the flag and what was meant', () => {
  const refusals: [string, RegExp][] = [
    ['window', /^--option: expected NAME=VALUE, got 'window'$/],
    ['windw=3', /^--option: unknown option 'windw': did you mean 'window'\?/],
    ['windowd.window=3', /^--option: unknown variant 'windowd': did you mean 'windowed'\?/],
    ['low-rank.window=3', /^--option: unknown option 'window'/],
    // Members of every object are no options.
    ['constructor=1', /^--option: unknown option 'constructor'/],
    ['__proto__=1', /^--option: unknown option '__proto__'/],
    ['window=wide', /^--option window: expected a number, got 'wide'$/],
    ['window=', /^--option window: expected a number, got ''$/],
    ['positions=1,,2', /^--option positions: expected a number, got ''$/],
    ['windowed.shape=squre', /^--option shape: unknown choice 'squre': did you mean 'square'\?/],
    ['share=1', /^--option share: expected true or false, got '1'$/],
  ];
  for (const [text, message] of refusals) {
    try {
      parse(text);
    } catch (error) {
      assert.instance(error, ArgumentError);
      assert.match((error as Error).message, message);
      continue;
    }
    assert.unreachable(`${text} was accepted`);
  }
});

test.run();
