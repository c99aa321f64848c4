/** Options at the reduced lengths of the Arena: a variant with a window does not become full attention. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ARENA_RUNS, OTHERS } from '../../src/reproduce/arena-models.ts';
import { arenaOptions } from '../../src/reproduce/arena-options.ts';
import { checkOption, type OptionSchema } from '../../src/variants/options.ts';
import { findVariant } from '../../src/variants/registry.ts';

/**
 * Those whose options alone say which tokens meet. Axial's rows and columns and long-short's mixtures reach all others on purpose,
 * and so do pooled keys: Poolingformer's second window is a quarter of the sequence to each side.
 */
const WINDOWED = [
  ...['longformer', 'local-attention', 'sparse-transformer', 'image-transformer', 'etc'],
  ...['transformer-xl', 'compressive', 'light-conv', 'dynamic-conv'],
];
const LENGTHS = [64, 128];

/** The part of all pairs that meet. */
function metOf(name: string, length: number, asked: Record<string, unknown> = {}): number {
  const variant = findVariant(name)!;
  const meets = variant.pattern!(variant.defaults(length, asked), { queryLength: length, keyLength: length } as never);
  const places = Array.from({ length }, (_, place) => place);
  return places.flatMap((query) => places.filter((key) => meets(0, query, key))).length / length ** 2;
}

test('no window holds more than half of the pairs', () => {
  for (const name of WINDOWED) {
    assert.ok([...ARENA_RUNS, ...OTHERS].includes(name), name);
    for (const length of LENGTHS) {
      const met = metOf(name, length, arenaOptions(name, { length, features: 32 }));
      assert.ok(met > 0 && met <= 0.5, `${name}, ${length} tokens: ${met}`);
    }
  }
});

test('the same count notices defaults that hold all pairs, which is why there are options', () => {
  for (const name of ['local-attention', 'image-transformer', 'etc', 'transformer-xl', 'compressive']) {
    assert.is(metOf(name, 64), 1, name);
  }
});

test('every option is known and in its bounds at the lengths of the experiments', () => {
  for (const name of [...ARENA_RUNS, ...OTHERS]) {
    const options: Readonly<Record<string, OptionSchema>> = findVariant(name)!.options;
    for (const length of [...LENGTHS, 1024, 4000]) {
      for (const [key, value] of Object.entries(arenaOptions(name, { length, features: 32 }) ?? {})) {
        assert.ok(Object.hasOwn(options, key), `${name}: ${key}`);
        checkOption(key, value, options[key], length);
      }
    }
  }
});

test.run();
