/**
 * The PyTorch loader's code of each kind of feed-forward layer against ours in float64: outputs, the router's loss, and gradients
 * by tokens and parameters, for drawn options, sizes and masks, in evaluation and, without what is left to chance, in training.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { multiply, sum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { loaderCode, loaderFeedForwards } from '../../src/training/export/pieces.ts';
import { FEED_FORWARD_KINDS } from '../../src/training/feed-forward/registry.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { assertClose } from '../core/tensors.ts';
import { callOf, layerOf } from './feed-forward/draw.ts';
import { hasTorch, python, withTorch } from './loader-cases.ts';
import { maskOf } from './modules.ts';

const CASES = 12;
const WIDTH = 4;

/** Relative to the largest number, at least 1: float64 sums of some hundred terms in another order. */
const ROUNDED = 1e-10;

/** Without what PyTorch draws by other numbers. */
const CERTAIN: Readonly<Record<string, number | string>> = { jitter: 0, temperature: 0, secondChoice: 'always' };

/** Small, so that experts are full, pairs meet, and a block has few units. */
function drawnOptions(name: string, random: Random): Record<string, number | string> {
  const { options } = FEED_FORWARD_KINDS.find((kind) => kind.name === name)!;
  const drawn: Record<string, number | string> = {
    numExperts: 1 + random.split('experts').integer(5),
    capacityFactor: [0.4, 0.8, 1, 100][random.split('factor').integer(4)],
    evaluationCapacity: [0, 0.5, 1.2][random.split('evaluation').integer(3)],
    balance: 0.7,
    zLoss: 0.3 * random.split('z').integer(2),
    numKeys: 2 + random.split('keys').integer(5),
    memoryHeads: 1 + random.split('heads').integer(3),
    topKeys: 1 + random.split('top').integer(4),
    queryDim: 2 * (1 + random.split('query').integer(3)),
    blockSize: [1, 2, 3][random.split('block').integer(3)],
    lowRank: random.split('rank').integer(3),
    // A step is of one sort or the other, so that both sides do the same.
    hardShare: random.split('hard').integer(2),
    ...CERTAIN,
  };
  return Object.fromEntries(Object.entries(drawn).filter(([option]) => option in options));
}

function caseOf(name: string, n: number) {
  const random = new Random(n).split(name);
  const [batch, length] = [1 + random.split('batch').integer(3), 1 + random.split('length').integer(9)];
  const given = drawnOptions(name, random);
  const layer = layerOf(name, given, { batch, length, width: WIDTH, hidden: 6, seed: n });
  // Keys that are all alike score alike, so that the order among equals decides.
  const { keys1, keys2 } = layer.parameters;
  for (const keys of [n % 3 === 1 && keys1, n % 4 === 1 && keys2]) if (keys) elements(keys).fill(0);
  const own = Array.from({ length: batch }, (_, b) => (n % 3 === 0 ? length : (b * 5 + n) % (length + 1)));
  const keyMask = maskOf(own, length);
  const isReal = (row: number) => row % length < own[Math.floor(row / length)];
  // What a row of padding holds has no meaning: a dense layer computes it, others give zeros.
  const drawn = randomNormal(layer.x.shape, random.split('direction'), 'float64').toArray();
  const direction = fromArray(
    Float64Array.from(drawn, (value, at) => (isReal(Math.floor(at / WIDTH)) ? value : 0)),
    layer.x.shape,
    'float64',
  );
  return { ...layer, id: `${name}-${n}`, keyMask, direction, isReal, training: n % 2 === 1 };
}

/** Drawn once for all kinds, because Python needs seconds to load torch. */
const all = new Map(
  loaderFeedForwards().map((name) => [name, Array.from({ length: CASES }, (_, n) => caseOf(name, n))] as const),
);
let found = new Map<string, Float64Array>();

test.before(() => {
  if (!hasTorch) return;
  const folder = temporaryFolder();
  const [loader, from, to] = ['modeling_efficient.py', 'from.safetensors', 'to.safetensors'].map((file) =>
    join(folder, file),
  );
  const settings: Record<string, unknown> = {};
  const tensors: [string, ArrayToStore][] = [];
  for (const { id, kind, options, x, keyMask, direction, parameters, training } of [...all.values()].flat()) {
    settings[id] = [{ kind: kind.name, ...options }, training];
    const parts = Object.entries(parameters).map(([name, tensor]) => [`parameters/${name}`, tensor] as const);
    const stored: (readonly [string, Tensor])[] = [['x', x], ['mask', keyMask], ['direction', direction], ...parts];
    for (const [name, tensor] of stored)
      tensors.push([`${id}/${name}`, { shape: tensor.shape, data: tensor.toArray() }]);
  }
  writeSafetensors(from, tensors, [['cases', JSON.stringify(settings)]]);
  writeFileSync(loader, loaderCode([], loaderFeedForwards()));
  const script = fileURLToPath(new URL('export_feed_forward.py', import.meta.url));
  const { status, stderr } = spawnSync(python, [script, loader, from, to], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  found = new Map([...readSafetensors(to).tensors].map(([key, each]) => [key, each.load() as Float64Array]));
});

for (const [name, cases] of all) {
  withTorch(`${name}: outputs, losses and gradients are ours`, () => {
    const seen = { dropped: 0, losses: 0 };
    for (const { id, x, keyMask, direction, parameters, apply, training, isReal, options } of cases) {
      const claim = `${id} ${JSON.stringify({ ...options, training, shape: x.shape })}`;
      const call = callOf({ training, keyMask, scale: 1 });
      const output = apply(call);
      const theirs = (part: string) => found.get(`${id}/${part}`) as Float64Array;
      const real = theirs('output').map((value, at) =>
        name !== 'dense' || isReal(Math.floor(at / WIDTH)) ? value : elements(output)[at],
      );
      assertClose(output, { shape: x.shape, data: real }, ROUNDED, claim, 1);
      // Padding alone has nothing to learn from, and no loss.
      const loss = call.lost[0] ?? 0;
      if (training) assert.ok(Math.abs(theirs('loss')[0] - loss) <= ROUNDED * Math.max(1, loss), claim);
      backward(sum(multiply(output, direction)));
      for (const [part, leaf] of [['x', x], ...Object.entries(parameters)] as [string, Tensor][]) {
        const own = leaf.grad ?? zeros(leaf.shape, 'float64');
        const data = theirs(part === 'x' ? part : `parameters/${part}`);
        assertClose(own, { shape: leaf.shape, data }, ROUNDED, `${claim}: the gradient by ${part}`, 1);
      }
      seen.dropped += call.noted[0]?.dropped ?? 0;
      seen.losses += loss;
    }
    // That experts were full, and that routers had losses: else this would show little.
    const { options } = cases[0].kind;
    assert.is(seen.dropped > 0, 'capacityFactor' in options);
    assert.is(seen.losses > 0, 'balance' in options);
  });
}

test('every kind of ours can be exported', () => {
  const ours = FEED_FORWARD_KINDS.map((kind) => kind.name).sort();
  assert.equal(loaderFeedForwards(), ours);
});

test.run();
