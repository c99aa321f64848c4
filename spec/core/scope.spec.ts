/** Scopes: what is released when one ends, what gets away, and what happens to those who come late. */

import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError, MemoryError } from '../../src/core/errors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { add, exp, multiply, slice, sum, transpose } from '../../src/core/ops/index.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { elements, filled, fromArray, packed, type Tensor, zeros } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertClose, ULP } from './tensors.ts';

const liveBytes = () => memoryStatistics().liveBytes;
const isLive = (tensor: Tensor) => !tensor.block.free;

/** Runs a test inside a scope of its own, and fails if it leaves anything behind. */
function testScoped(name: string, body: () => void): void {
  test(name, () => {
    const before = liveBytes();
    scope(body);
    assert.is(liveBytes(), before);
  });
}

testScoped('a scope releases what it does not return: directly, or in lists and records', () => {
  const made: Tensor[] = [];
  const make = () => {
    made.push(filled([4], made.length));
    return made[made.length - 1];
  };
  const result = scope(() => {
    make();
    const returned = { one: make(), list: [make(), { deep: make() }], number: 3, nothing: null };
    make();
    return returned;
  });
  assert.equal(made.map(isLive), [false, true, true, true, false]);
  assert.equal(result.number, 3);
  assert.equal(result.one.toArray(), Float32Array.of(1, 1, 1, 1));
  assert.is(
    scope(() => make()),
    made[5],
  );
  assert.ok(isLive(made[5]));
});

testScoped('what is returned is searched at any depth: lists, records, Maps, Sets, instances, cycles', () => {
  const made: Tensor[] = [];
  const make = () => {
    made.push(filled([4], made.length));
    return made[made.length - 1];
  };
  class Holder {
    readonly shown = make();
    readonly #hidden = make();
    get computed(): Tensor {
      throw new Error('a getter was run');
    }
    hidden = () => this.#hidden;
  }
  const symbol = Symbol('own');
  const containers: [name: string, (tensor: Tensor) => unknown][] = [
    ['a list in a list', (tensor) => [1, [tensor, null]]],
    ['a list with holes', (tensor) => Object.assign([], { 7: tensor })],
    ['a record', (tensor) => ({ a: { b: tensor }, c: undefined })],
    ['a record without a prototype', (tensor) => Object.assign(Object.create(null), { tensor })],
    ['a symbol', (tensor) => ({ [symbol]: tensor })],
    ['what is not enumerable', (tensor) => Object.defineProperty({}, 'tensor', { value: tensor })],
    ['values of a Map', (tensor) => new Map([['a', { tensor }]])],
    ['keys of a Map', (tensor) => new Map([[tensor, 'a']])],
    ['a Set', (tensor) => new Set([[tensor]])],
    ['a Map with properties', (tensor) => Object.assign(new Map(), { tensor })],
    ['a subclass of Array', (tensor) => new (class extends Array<Tensor> {})(tensor, tensor)],
    ['an error', (tensor) => new Error('with a cause', { cause: tensor })],
    ['a frozen record', (tensor) => Object.freeze({ tensor })],
  ];
  for (const [name, contain] of containers) {
    made.length = 0;
    scope(() => {
      make();
      return contain(make());
    });
    assert.equal(made.map(isLive), [false, true], name);
    const cycle = scope(() => {
      make();
      const self: Record<string, unknown> = { inside: contain(make()) };
      self.self = [self, new Map([[self, new Set([self])]])];
      return self;
    });
    assert.equal(made.slice(2).map(isLive), [false, true], `${name}, in a cycle`);
    assert.ok(cycle);
  }

  made.length = 0;
  const holder = scope(() => new Holder());
  assert.ok(isLive(holder.shown));
  assert.not(isLive(holder.hidden()), 'a private field cannot be seen');

  made.length = 0;
  // As deep as no call stack is.
  scope(() => {
    let list: { next: unknown } = { next: make() };
    for (let n = 0; n < 200_000; n++) list = { next: list };
    return list;
  });
  assert.ok(isLive(made[0]));
});

testScoped('what cannot be searched is refused, or throws, and nothing is left of what was made', () => {
  const made: Tensor[] = [];
  const make = () => {
    made.push(filled([4], made.length));
    return made[made.length - 1];
  };
  function* generator() {
    yield make();
  }
  const asynchronous = async function* () {
    yield make();
  };
  const refused: [name: string, (tensor: Tensor) => unknown][] = [
    ['a generator', generator],
    ['an asynchronous generator', asynchronous],
    ['an iterator of a list', (tensor) => [tensor].values()],
    ['an iterator of a Map', (tensor) => ({ deep: [new Map([[tensor, tensor]]).entries()] })],
    ['an iterator of a Set', (tensor) => new Set([tensor]).keys()],
    ['a promise', (tensor) => Promise.resolve(tensor)],
    ['a promise of another realm', () => runInNewContext('Promise.resolve(0)')],
  ];
  for (const [name, contain] of refused) {
    made.length = 0;
    expectThrows(ArgumentError, 'body', () => scope(() => contain(make())));
    assert.equal(made.map(isLive), [false], name);
  }
  const revoked = (tensor: Tensor): unknown => {
    const { proxy, revoke } = Proxy.revocable({ tensor }, {});
    revoke();
    return [tensor, proxy];
  };
  made.length = 0;
  assert.throws(
    () => scope(() => revoked(make())),
    (error: unknown) => error instanceof TypeError,
  );
  assert.not(isLive(made[0]));
});

testScoped('the gradient of a leaf lives where the leaf does', () => {
  const before = liveBytes();
  const leafInside = () => {
    const leaf = filled([4], 1).withGrad();
    scope(() => backward(sum(multiply(leaf, leaf))));
    assert.equal(leaf.grad?.toArray(), new Float32Array(4).fill(2));
    return leaf;
  };
  scope(() => void leafInside());
  assert.is(liveBytes(), before);
  const returned = scope(() => ({ leaf: leafInside() }));
  assert.equal(returned.leaf.grad?.toArray(), new Float32Array(4).fill(2));
  assert.is(liveBytes(), before + 2 * 64);
  const gradient = scope(() => leafInside().grad as Tensor);
  assert.equal(gradient.toArray(), new Float32Array(4).fill(2));
  assert.is(liveBytes(), before + 3 * 64);
  const outer = filled([4], 3).withGrad();
  scope(() => backward(sum(multiply(outer, outer))));
  assert.equal(outer.grad?.toArray(), new Float32Array(4).fill(6));
});

test('keep() takes the gradient of a leaf along', () => {
  const leaf = scope(() => {
    const inside = filled([4], 1).withGrad();
    backward(sum(multiply(inside, inside)));
    keep(inside);
    return { hidden: () => inside };
  }).hidden();
  assert.equal(leaf.grad?.toArray(), new Float32Array(4).fill(2));
});

testScoped('a returned view keeps what it shows; a view of an outer tensor leaves it where it was', () => {
  const outer = filled([3, 2], 1);
  const views = scope(() => [transpose(outer), slice(filled([3, 2], 2), 0, 1, 2)]);
  assert.equal(views[1].toArray(), Float32Array.of(2, 2));
  scope(() => void transpose(views[1]));
  assert.ok(isLive(outer) && isLive(views[1]));
});

/** A scope: how many tensors it makes, the scopes inside it, and which of its tensors and of theirs it returns. */
interface Plan {
  made: number;
  inner: Plan[];
  returns: boolean[];
  throws: boolean;
}

const { plan } = fc.letrec<{ plan: Plan }>((tie) => ({
  plan: fc.record({
    made: fc.nat(3),
    inner: fc.oneof({ maxDepth: 3 }, fc.constant<Plan[]>([]), fc.array(tie('plan'), { maxLength: 3 })),
    returns: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    throws: fc.nat(5).map((n) => n === 0),
  }),
}));

test('whatever the nesting, exactly what was returned is live afterwards, also after throws', () => {
  const run = ({ made, inner, returns, throws }: Plan): Tensor[] =>
    scope(() => {
      const tensors = Array.from({ length: made }, () => zeros([16]));
      for (const each of inner) {
        try {
          tensors.push(...run(each));
        } catch {}
      }
      if (throws) throw new Error('inside');
      assert.ok(tensors.every(isLive));
      return tensors.filter((_, index) => returns[index % returns.length]);
    });
  fc.assert(
    fc.property(plan, (root) => {
      const before = liveBytes();
      scope(() => {
        const returned = run({ ...root, throws: false });
        assert.ok(returned.every(isLive));
        assert.is(liveBytes() - before, 64 * returned.length);
      });
      assert.is(liveBytes(), before);
    }),
    effort(300),
  );
});

testScoped('a throw releases everything, goes on to the caller, and the outer scope is current again', () => {
  const outside: Tensor[] = [];
  assert.throws(
    () =>
      scope(() => {
        outside.push(filled([4], 1));
        throw new RangeError('mine');
      }),
    (error: unknown) => error instanceof RangeError && error.message === 'mine',
  );
  assert.not(isLive(outside[0]));
  assert.ok(isLive(filled([4], 1)));
});

testScoped('a result with a tape takes with it what backward will need', () => {
  const x = fromArray([1, 2, 3], [3], 'float64').withGrad();
  const before = liveBytes();
  const loss = scope(() => {
    // Only y and the tape of the loss hold on to the inner tensors.
    const y = scope(() => multiply(exp(x), x));
    return sum(multiply(y, y));
  });
  assert.ok(liveBytes() > before + 64);
  backward(loss);
  // d(x e^x)² = 2 x e^x · (1 + x) e^x
  const data = [1, 2, 3].map((each) => 2 * each * (1 + each) * Math.exp(2 * each));
  // A handful of roundings each.
  assertClose(x.grad as Tensor, { shape: [3], data }, 8 * ULP.float64);
  zeroGrad([x]);
});

testScoped('without a tape nothing but the result gets away', () => {
  const x = filled([16], 1).withGrad();
  const before = liveBytes();
  const result = scope(() => noGrad(() => exp(multiply(exp(x), x))));
  assert.is(liveBytes(), before + result.block.bytes);
});

test('keep() takes a tensor, or what a view shows, out of every scope', () => {
  const before = liveBytes();
  const kept: Tensor[] = [];
  scope(() => {
    scope(() => {
      kept.push(keep(filled([4], 5)), keep(slice(filled([4], 6), 0, 1, 3)));
      assert.is(keep(kept[0]), kept[0]);
    });
  });
  assert.is(liveBytes(), before + 2 * 64);
  assert.equal(kept[0].toArray(), new Float32Array(4).fill(5));
  assert.equal(kept[1].toArray(), new Float32Array(2).fill(6));
  // A kept tensor can be handed to a scope again only by copying.
  scope(() => void packed(kept[0]));
  assert.ok(kept.every(isLive));
});

testScoped('a released tensor keeps its shape and refuses all else, also when others have its place', () => {
  const lost: Tensor[] = [];
  scope(() => {
    lost.push(filled([2, 2], 1));
    lost.push(transpose(lost[0]));
  });
  const successors = [filled([2, 2], 2), filled([4], 3)];
  for (const tensor of lost) {
    assert.equal([...tensor.shape], [2, 2]);
    assert.is(tensor.size, 4);
    assert.is(tensor.dtype, 'float32');
    // Ops name their argument.
    const uses: [string, () => unknown][] = [
      ['tensor', () => tensor.array],
      ['tensor', () => tensor.toArray()],
      ['tensor', () => elements(tensor)],
      ['tensor', () => packed(tensor)],
      ['tensor', () => keep(tensor)],
      ['x', () => transpose(tensor)],
      ['x', () => exp(tensor)],
      ['b', () => add(successors[0], tensor)],
      ['x', () => sum(tensor)],
    ];
    for (const [name, use] of uses) expectThrows(MemoryError, name, use);
  }
  const one: Tensor[] = [];
  scope(() => void one.push(filled([1], 1)));
  expectThrows(MemoryError, 'tensor', () => one[0].item());
  assert.equal(successors[0].toArray(), new Float32Array(4).fill(2));
});

testScoped('returning what an inner scope released does not bring it back', () => {
  const lost: Tensor[] = [];
  const returned = scope(() => {
    scope(() => void lost.push(filled([4], 1)));
    return lost[0];
  });
  assert.not(isLive(returned));
});

testScoped('a body that returns a promise is refused, and what it made so far released', () => {
  const made: Tensor[] = [];
  expectThrows(ArgumentError, 'body', () =>
    scope(async () => {
      made.push(filled([4], 1));
    }),
  );
  assert.not(isLive(made[0]));
});

test.run();
