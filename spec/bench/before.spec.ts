/** `npm run bench -- --suite before`: the ratio of two checkouts, and the processes that measure them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Checkout } from '../../bench/suites/before/checkout.ts';
import type { Body } from '../../bench/suites/before/protocol.ts';
import { before, bodiesOf, type Measured, measurePair, rowsOf } from '../../bench/suites/before.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { temporaryFolder } from '../cli/host.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const forward: Body = { kind: 'forward', causal: false };
const variant = (name: string) => findVariant(name) as AnyVariant;

const rounds = (...pairs: (readonly [number, number])[]): Measured[] =>
  pairs.map((milliseconds) => ({ body: forward, milliseconds, bytes: null }));

test('checkouts change places: the ratio turns over, and lies between those of the rounds', () => {
  const time = fc.double({ min: 1e-3, max: 1e4, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(time, time), { minLength: 1, maxLength: 9 }), (pairs) => {
      const odd = pairs.length % 2 === 1 ? pairs : [...pairs, pairs[0]];
      const [row] = rowsOf('full', rounds(...odd));
      const [turned] = rowsOf('full', rounds(...odd.map(([a, b]) => [b, a] as const)));
      // Two divisions, each rounded once.
      assert.ok(Math.abs(row.speed * turned.speed - 1) < 1e-15 * 4);
      assert.is(row.speeds.length, odd.length);
      assert.ok(row.speed >= Math.min(...row.speeds) && row.speed <= Math.max(...row.speeds));
    }),
  );
});

test('processes that are slow by chance, in both checkouts alike, do not change the ratio', () => {
  const [row] = rowsOf('full', rounds([3, 5.5], [3, 3], [5.5, 5.5], [5.5, 3], [3, 3]));
  assert.is(row.speed, 1);
  assert.is(row.beforeMilliseconds, 3);
  assert.is(row.nowMilliseconds, 3);
});

test('each body has its own row, in the order in which it was measured', () => {
  const bodies = bodiesOf(variant('full'), false);
  const results = [1, 2, 3].flatMap((round) =>
    bodies.map((body): Measured => ({ body, milliseconds: [2 * round, round], bytes: [100, 50] })),
  );
  const rows = rowsOf('full', results);
  assert.equal(
    rows.map(({ what, causal, speeds }) => [what, causal, speeds.length]),
    [
      ['forward', false, 3],
      ['with backward', false, 3],
      ['forward', true, 3],
      ['with backward', true, 3],
      ['step at 512', true, 3],
      ['step at 2048', true, 3],
      ['step at 8192', true, 3],
    ],
  );
  assert.equal(new Set(rows.map(({ speed }) => speed)), new Set([2]));
});

test('a pair of processes times all bodies of a variant, and one code takes one amount of memory in both', async () => {
  const lightConv = variant('light-conv');
  const results = await measurePair([root, root], lightConv, 1, { quick: true });
  assert.equal(
    results.map(({ body }) => body),
    bodiesOf(lightConv, true),
  );
  for (const { body, milliseconds, bytes } of results) {
    assert.ok(milliseconds.every((each) => each > 0 && Number.isFinite(each)));
    if (body.kind === 'step') assert.is(bytes, null);
    else assert.ok(bytes !== null && bytes[0] > 0 && bytes[0] === bytes[1]);
  }
});

test('a folder without a checkout is refused, and one that does not load is named', async () => {
  const folder = temporaryFolder();
  const settings = { rounds: 1, quick: true, tell: () => {}, limitSeconds: 1 };
  const refused = (given?: string) =>
    before.run({ ...settings, before: given }).then(
      () => 'not refused',
      (error: Error) => error.message,
    );
  assert.match(await refused(), /^--before: expected the folder of another checkout, got none/);
  assert.match(await refused(folder), /^--before: expected a checkout with src\/index\.ts, got /);
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'index.ts'), 'process.exit(3);');
  assert.is(await refused(folder), `${folder}: its process ended with code 3`);
});

test('what goes wrong in a process is an error with its folder', async () => {
  const assignment = { folder: root, threads: 1, variant: 'nobody', length: 8, lastPosition: 0 };
  const checkout = await Checkout.start(assignment);
  try {
    assert.ok((await checkout.variants()).includes('full'));
    const message = await checkout.turn(forward).catch((error: Error) => error.message);
    assert.is(message, `${root}: no variant nobody`);
  } finally {
    await checkout.end();
  }
});

test.run();
