/**
 * Checkpoints with faults drawn at random, in the config, among the tensors and in the bytes: each is loaded as it should
 * be or refused by a typed error that names the file, and the model is never one with a tensor left unfilled.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EfficientTransformersError, FileFormatError, MemoryError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { release } from '../../src/core/memory.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { checkpoint } from './checkpoints.ts';

const WEIGHTS = 'model.safetensors';
const NAMES = [
  'bert-masked-lm',
  'roberta-classification',
  'longformer-model',
  'big-bird-model',
  'nystromformer-model',
  'reformer-causal',
  'reformer-masked-lm',
  'reformer-classification',
];
const folder = temporaryFolder();

const originals = new Map(
  NAMES.map((name) => {
    const { tensors } = readSafetensors(join(checkpoint(name), WEIGHTS));
    const arrays = [...tensors].map(([key, { shape, load }]): [string, ArrayToStore] => [key, { shape, data: load() }]);
    return [name, { config: JSON.parse(readFileSync(join(checkpoint(name), 'config.json'), 'utf8')), arrays }];
  }),
);

function inCopy<T>(name: string, use: (directory: string) => T): T {
  const directory = mkdtempSync(join(folder, 'copy-'));
  try {
    cpSync(checkpoint(name), directory, { recursive: true });
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The error of loading, or null. A model that was loaded is released. */
function errorOf(directory: string): Error | null {
  try {
    for (const tensor of loadPretrained(directory).tensors().values()) release(tensor.array.data);
    return null;
  } catch (error) {
    assert.instance(error, EfficientTransformersError, String(error));
    assert.ok((error as Error).message.startsWith(directory), (error as Error).message);
    return error as Error;
  }
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(-1, 0, 0.5, 1e9, 2 ** 40, 1e300, -0, null, true, false, '', '__proto__', [], {}, [[]]),
  fc.integer({ min: -4, max: 64 }),
  fc.array(fc.oneof(fc.integer({ min: -2, max: 16 }), fc.constantFrom('lsh', 'local', 'other', null)), {
    maxLength: 4,
  }),
  fc.jsonValue({ maxDepth: 2 }),
);

for (const name of NAMES) {
  const { config, arrays } = originals.get(name)!;

  test(`${name}: settings of any kind`, () => {
    const change = fc.tuple(fc.constantFrom(...Object.keys(config)), fc.option(odd, { nil: undefined }));
    let refused = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
        inCopy(name, (directory) => {
          // Of one name the last counts; undefined takes the setting away.
          const text = JSON.stringify({ ...config, ...Object.fromEntries(changes) });
          writeFileSync(join(directory, 'config.json'), text);
          const error = errorOf(directory);
          if (error === null) return;
          refused++;
          const { message } = error;
          const named = changes.some(([setting]) => message.includes(setting));
          // A setting that can be right, but not with these tensors: then the tensors are named, or the sizes.
          const unfit =
            /expected the tensors that config\.json describes/.test(message) || / layers, but /.test(message);
          assert.ok(named || unfit || error instanceof MemoryError, message);
        });
      }),
      { numRuns: 60 },
    );
    assert.ok(refused > 10, `${refused} refused`);
  });

  test(`${name}: tensors missing, unknown, of another shape or type, any number of them: each is named`, () => {
    const faults = fc.uniqueArray(
      fc.record({ at: fc.nat(arrays.length - 1), kind: fc.constantFrom('missing', 'renamed', 'longer', 'integer') }),
      { minLength: 1, maxLength: 4, selector: ({ at }) => at },
    );
    fc.assert(
      fc.property(faults, (drawn) => {
        inCopy(name, (directory) => {
          const kinds = new Map(drawn.map(({ at, kind }) => [at, kind]));
          const stored = arrays.flatMap(([key, { shape, data }], at): [string, ArrayToStore][] => {
            const kind = kinds.get(at);
            if (kind === 'missing') return [];
            if (kind === 'renamed') return [[`${key}.other`, { shape, data }]];
            if (kind === 'longer') return [[key, { shape: [...shape, 1, 1], data }]];
            return [[key, { shape, data: kind === 'integer' ? Int32Array.from(data) : data }]];
          });
          writeSafetensors(join(directory, WEIGHTS), stored);
          const error = errorOf(directory);
          const message = error?.message ?? '';
          for (const { at, kind } of drawn) {
            const key = arrays[at][0];
            if (kind === 'missing') assert.ok(message.includes(' missing (') || isTwin(key), `${key}: ${message}`);
            if (kind === 'renamed') assert.ok(message.includes(`${key}.other`), `${key}: ${message}`);
            if ((kind === 'longer' || kind === 'integer') && !isTwin(key)) {
              // [l₁, 1, d₁] and the like may have extents of 1 anywhere.
              const squeezed = kind === 'longer' && /position_embeddings\.weights\.|\.conv\./.test(key);
              assert.ok(squeezed || message.includes(`${key}: expected`), `${key}: ${message}`);
            }
          }
        });
      }),
      { numRuns: 25 },
    );
  });

  test(`${name}: weights cut off anywhere, or with bytes changed`, () => {
    const whole = readFileSync(join(checkpoint(name), WEIGHTS));
    const header = 8 + Number(whole.readBigUInt64LE());
    const damage = fc.array(fc.tuple(fc.nat(header - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), damage, (length, changes) => {
        inCopy(name, (directory) => {
          const path = join(directory, WEIGHTS);
          truncateSync(path, length);
          assert.instance(errorOf(directory), FileFormatError);
          const bytes = Buffer.from(whole);
          for (const [at, value] of changes) bytes[at] = value;
          writeFileSync(path, bytes);
          errorOf(directory);
        });
      }),
      { numRuns: 25 },
    );
  });
}

/** A bias that has two names, one of which is enough. */
function isTwin(key: string): boolean {
  return /^(lm_head|cls\.predictions)\.(decoder\.)?bias$/.test(key);
}

test('a number that the model would make an infinity of: named by its tensor and element', () => {
  const { arrays } = originals.get('bert-masked-lm')!;
  const [key, { shape, data }] = arrays[3];
  const large = Float64Array.from(data);
  large[2] = 1e300;
  inCopy('bert-masked-lm', (directory) => {
    writeSafetensors(join(directory, WEIGHTS), [...arrays.toSpliced(3, 1), [key, { shape, data: large }]]);
    const { message } = errorOf(directory)!;
    assert.ok(message.includes(key) && message.endsWith('got 1e+300 at element 2'), message);
    for (const tensor of loadPretrained(directory, { dtype: 'float64' }).tensors().values()) release(tensor.array.data);
  });
});

test('more layers than tensors: refused before any is made', () => {
  inCopy('bert-masked-lm', (directory) => {
    const path = join(directory, 'config.json');
    const { config } = originals.get('bert-masked-lm')!;
    writeFileSync(path, JSON.stringify({ ...config, num_hidden_layers: 2 ** 50 }));
    assert.match(errorOf(directory)?.message ?? '', /1125899906842624 layers, but .* has \d+ tensors/);
  });
});

if (process.platform === 'linux') {
  test('a config.json of a terabyte is refused unread', () => {
    inCopy('bert-masked-lm', (directory) => {
      const path = join(directory, 'config.json');
      // A file with a hole: it takes no space on the disk.
      truncateSync(path, 2 ** 40);
      assert.match(errorOf(directory)?.message ?? '', /config\.json: expected at most \d+ bytes, got 1099511627776/);
    });
  });
}

test.run();
