/** Laws that hold for every task. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { elements } from '../../../src/core/tensor.ts';
import { majorityBaseline, taskBaseline } from '../../../src/training/tasks/baseline.ts';
import { drawBatch } from '../../../src/training/tasks/batch.ts';
import { openTask, tasks } from '../../../src/training/tasks/registry.ts';
import type { Example, Part, Task } from '../../../src/training/tasks/task.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

/** A length that each task takes, and that no block divides where it may be any. */
const LENGTHS: Record<string, number> = {
  pathfinder: 256,
  digits: 100,
  'text-classification': 301,
  retrieval: 301,
  needle: 301,
};
const opened = tasks.map(({ name }) => openTask(name, { length: LENGTHS[name] ?? 37 }));
/** Their answers do not stand in the sequence. */
const ASIDE = ['mqar', 'selective-copy', 'state-tracking'];
const PARTS: readonly Part[] = ['training', 'held-out'];

const lists = ({ tokens, other, targets, counts, hidden = [] }: Example) => {
  const places = hidden.flatMap(({ summary, begin, end }) => [summary, begin, end]);
  return [tokens, other ?? [], targets, counts ?? [], places].map((each) => Array.from(each));
};

test('examples are within what the task says of itself', () => {
  for (const task of opened) {
    const random = new Random(1);
    for (const part of PARTS) {
      for (let n = 0; n < 50; n++) {
        const { tokens, other, targets, counts } = task.draw(part, random);
        for (const sequence of other === undefined ? [tokens] : [tokens, other]) {
          assert.ok(sequence.length >= 1 && sequence.length <= task.length, task.name);
          for (const token of Array.from(sequence)) assert.ok(token >= 0 && token < task.vocabulary, task.name);
        }
        assert.is(other !== undefined, task.kind === 'pair classification');
        const classifies = task.kind.endsWith('classification');
        assert.is(targets.length, classifies ? 1 : tokens.length, task.name);
        for (const target of Array.from(targets)) assert.ok(target >= 0 && target < task.classes, task.name);
        const flags = Array.from(counts ?? [1]);
        assert.ok(flags.includes(1) && flags.every((flag) => flag === 0 || flag === 1), task.name);
      }
    }
  }
});

test('causal targets are the next tokens unless answers stand aside, masked ones those that were hidden', () => {
  for (const task of opened) {
    const random = new Random(2);
    for (let n = 0; n < 50; n++) {
      const { tokens, targets, counts, hidden = [] } = task.draw('training', random);
      if (task.kind === 'causal' && !ASIDE.includes(task.name)) {
        assert.equal(Array.from(targets).slice(0, -1), Array.from(tokens).slice(1), task.name);
      }
      if (task.kind !== 'masked') continue;
      // The tokens of a hidden sentence are no targets one by one.
      const isSeen = (_: number, at: number) =>
        counts?.[at] === 0 && hidden.every(({ begin, end }) => at < begin || at >= end);
      assert.equal(Array.from(tokens).filter(isSeen), Array.from(targets).filter(isSeen), task.name);
    }
  }
});

test('a stream is a function of its seed: the same twice, another for another seed or the other part', () => {
  fc.assert(
    fc.property(fc.constantFrom(...opened), fc.integer({ min: 0, max: 1e6 }), (task, seed) => {
      const draw = (name: string, part: Part = 'training') => {
        const random = new Random(seed).split(name);
        return Array.from({ length: 4 }, () => lists(task.draw(part, random)));
      };
      assert.equal(draw('training'), draw('training'));
      assert.not.equal(draw('training'), draw('held-out'));
    }),
    { numRuns: 60 },
  );
});

test('held-out examples are not met in training', () => {
  // Of a text, where short windows may well be the same, see byte-lm.spec.ts.
  for (const task of opened.filter(({ name }) => name !== 'byte-lm')) {
    const key = (part: Part) => {
      const random = new Random(5).split(part);
      return Array.from({ length: 300 }, () => JSON.stringify(lists(task.draw(part, random))));
    };
    const trained = new Set(key('training'));
    assert.not.ok(
      key('held-out').some((each) => trained.has(each)),
      task.name,
    );
  }
});

/** Whether the difference of a measured share from a probability is within five standard errors of it. */
const near = (share: number, probability: number, draws: number) =>
  Math.abs(share - probability) <= 5 * Math.sqrt((probability * (1 - probability)) / draws);

test('the baseline is what the most frequent answer gets, and chance where answers are even', () => {
  for (const task of opened) {
    const examples = 400;
    const { accuracy, loss } = majorityBaseline(task, new Random(3), examples);
    assert.ok(accuracy >= 0 && accuracy <= 1, task.name);
    assert.ok(loss > 0 && loss <= 1.2 * Math.log(task.classes), `${task.name}: ${loss}`);
    if (task.accuracy === 'sequence') assert.ok(accuracy < 0.01, task.name);
    // A fair answer has chance; that the majority is a little more frequent is within the same five errors.
    else if (task.alphabet === 'numbers' || task.classes === 2 || task.name === 'needle') {
      if (task.name !== 'listops') assert.ok(near(accuracy, task.chance, examples), `${task.name}: ${accuracy}`);
    } else assert.ok(accuracy > 2 * task.chance, `${task.name}: ${accuracy}`);
  }
});

test('a task has one baseline, however often it is opened and whatever the seeds of its runs', () => {
  for (const task of opened) {
    const again = openTask(task.name, JSON.parse(JSON.stringify(task.settings)));
    assert.equal(taskBaseline(again), taskBaseline(task), task.name);
  }
});

test('a task is made again by its settings', () => {
  for (const task of opened) {
    const again = openTask(task.name, JSON.parse(JSON.stringify(task.settings)));
    const draw = (of: Task) => lists(of.draw('training', new Random(4)));
    assert.equal(draw(again), draw(task));
    assert.equal(again.settings, task.settings);
  }
});

test('a batch holds its examples row by row, padding behind them', () => {
  for (const task of opened) {
    scope(() => {
      const { sequences, targets, counts } = drawBatch(task, 'training', new Random(6), 5);
      const random = new Random(6);
      assert.is(sequences.length, task.kind === 'pair classification' ? 2 : 1);
      const perToken = targets.shape.length === 2;
      for (let row = 0; row < 5; row++) {
        const example = task.draw('training', random);
        [example.tokens, example.other].slice(0, sequences.length).forEach((list, n) => {
          const { tokens, keyMask } = sequences[n];
          assert.equal(tokens.shape, [5, task.length]);
          const own = Array.from(elements(tokens).subarray(row * task.length, (row + 1) * task.length));
          const real = Array.from(list ?? []);
          assert.equal(own, [...real, ...new Array(task.length - real.length).fill(0)]);
          const flags = own.map((_, at) => (keyMask === undefined ? 1 : elements(keyMask)[row * task.length + at]));
          assert.equal(
            flags,
            own.map((_, at) => Number(at < real.length)),
          );
        });
        const columns = perToken ? task.length : 1;
        const part = (of: typeof targets) => Array.from(elements(of).subarray(row * columns, (row + 1) * columns));
        assert.equal(part(targets), Array.from(example.targets));
        assert.equal(part(counts), Array.from(example.counts ?? new Array(columns).fill(1)));
      }
    });
  }
});

test('what cannot be right is refused by name', () => {
  expectThrows(ArgumentError, 'task', () => openTask('listop'));
  expectThrows(ArgumentError, 'symbols', () => openTask('listops', { symbols: 4 }));
  expectThrows(ArgumentError, 'symbols', () => openTask('copy', { symbols: 1 }));
  expectThrows(ArgumentError, 'text', () => openTask('copy', { text: 'a.txt' }));
  for (const { name } of tasks) {
    for (const length of [0, 1.5, -3, Number.NaN])
      expectThrows(ArgumentError, 'length', () => openTask(name, { length }));
  }
  expectThrows(ArgumentError, 'length', () => openTask('pathfinder', { length: 200 }));
  expectThrows(ArgumentError, 'length', () => openTask('digits', { length: 200 }));
});

test('an example that no engine could hold as lists is refused before it is drawn', () => {
  for (const { name } of tasks) {
    for (const length of [2 ** 24 + 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      expectThrows(ArgumentError, 'length', () => openTask(name, { length }));
    }
  }
});

test("examples of one's own task hold whole numbers, and no more of them than there is room for, or are refused", () => {
  const own = openTask('copy', { length: 8 });
  const drawing = (example: Partial<Example>): Task => ({
    ...own,
    draw: (part, random) => ({ ...own.draw(part, random), ...example }),
  });
  const lists = [[4294967301], [1.5], [Number.NaN], ['1'], [undefined], new Array(9).fill(1), 5, null];
  for (const list of lists as number[][]) {
    for (const name of ['tokens', 'targets', 'counts'] as const) {
      expectThrows(ArgumentError, `${name} of example 0`, () =>
        drawBatch(drawing({ [name]: list }), 'training', new Random(1), 2),
      );
    }
  }
});

test.run();
