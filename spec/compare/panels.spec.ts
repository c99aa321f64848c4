import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasPattern, patternGrid, shareOfPairs } from '../../src/compare/patterns/grid.ts';
import { type PanelSettings, patternPanels } from '../../src/compare/patterns/panels.ts';
import { optionsForPicture } from '../../src/compare/patterns/scaled-options.ts';
import type { PatternPanel } from '../../src/compare/patterns/shade.ts';
import { syntheticInput } from '../../src/compare/synthetic.ts';
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { fromArray } from '../../src/core/tensor.ts';
import { type AnyVariant, allVariants, findVariant } from '../../src/variants/registry.ts';
import { registerTestVariants } from './test-variants.ts';

registerTestVariants();

const LENGTH = 24;
const named = (...names: string[]): AnyVariant[] => names.map((name) => findVariant(name) as AnyVariant);
const load = () => syntheticInput({ lengths: [LENGTH], heads: 2, headDim: 4, seed: 3 }).cases[0].load();

function panels(names: string[], settings: Partial<PanelSettings> = {}): PatternPanel[] {
  return patternPanels({
    variants: named(...names),
    length: LENGTH,
    causal: false,
    written: new Map(),
    cells: 12,
    weights: false,
    seed: 0,
    load,
    ...settings,
  });
}

const shown = (all: readonly PatternPanel[]) => all.map(({ kind, title }) => `${kind} of ${title}`);

test('variants with a pattern are drawn by it, others by their weights, each beside full attention', () => {
  assert.equal(shown(panels(['dummy'])), ['pattern of full', 'pattern of dummy']);
  assert.equal(shown(panels(['linformer'])), ['weights of full', 'weights of linformer']);
  assert.equal(shown(panels(['linformer', 'full', 'dummy', 'longformer'])), [
    'pattern of full',
    'pattern of dummy',
    'pattern of longformer',
    'weights of full',
    'weights of linformer',
  ]);
  assert.equal(shown(panels(['dummy', 'linformer'], { weights: true })), [
    'weights of full',
    'weights of dummy',
    'weights of linformer',
  ]);
});

test('full attention alone is drawn once, either way', () => {
  assert.equal(shown(panels(['full'])), ['pattern of full']);
  assert.equal(shown(panels(['full'], { weights: true })), ['weights of full']);
});

test('a pattern panel is the grid of the pattern, and its caption says the options and the share', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.nat({ max: 8 }), fc.integer({ min: 1, max: 30 }), (causal, reach, cells) => {
      const written = new Map(named('dummy').map((variant) => [variant, { reach }]));
      const [full, window] = panels(['dummy'], { causal, written, cells });
      const [dummy] = named('dummy');
      const grid = patternGrid(dummy, LENGTH, { causal, reach } as never, cells);
      assert.equal(window.cells, grid.cells);
      assert.is(window.length, LENGTH);
      assert.match(window.caption, `reach = ${reach}, ${causal ? 'causal, ' : ''}`);
      const percent = Number(/([\d.]+)% of all pairs$/.exec(window.caption)?.[1]);
      // Three significant digits.
      assert.ok(Math.abs(percent / 100 / shareOfPairs(grid, LENGTH) - 1) < 0.005);
      assert.match(full.caption, causal ? /^causal, 52\.1% of all pairs$/ : /^100% of all pairs$/);
    }),
    { numRuns: 30 },
  );
});

test('where nobody asked for sizes, patterns leave pairs out also at toy lengths, and say so', () => {
  // A variant that compresses keys meets all of them, some at a time.
  const leavesOut = (variant: AnyVariant) => {
    const causal = variant.supports.bidirectional === false;
    return causal || shareOfPairs(patternGrid(variant, 1024, { causal }, 16), 1024) < 1;
  };
  const all = allVariants().filter((each) => hasPattern(each) && each.family !== 'full' && leavesOut(each));
  for (const causal of [false, true]) {
    const variants = all.filter(({ supports }) => (causal ? supports.causal : supports.bidirectional !== false));
    for (const length of [16, 24, 48, 64, 256]) {
      const [full, ...drawn] = panels([], { variants, length, causal, cells: 16 });
      const most = shareOfPairs(full, length);
      for (const panel of drawn) {
        const share = shareOfPairs(panel, length);
        // A stride of √L has a column for every row: of few tokens no stride leaves out half.
        assert.ok(share <= (length < 32 ? 0.62 : 0.5) * most, `${panel.title}, ${length}: ${share} of ${most}`);
        const variant = findVariant(panel.title) as AnyVariant;
        const usual = patternGrid(variant, length, { causal }, 16);
        if (panel.smaller === undefined) assert.equal(panel.cells, usual.cells);
        else assert.ok(share < shareOfPairs(usual, length));
      }
    }
  }
});

test('sizes that follow from the budget follow the one that is drawn', () => {
  const [windows] = named('poolingformer');
  for (const length of [5, 8, 13, 24, 100, 301, 600]) {
    const shape = { batch: 1, heads: 1, queryLength: length, keyLength: length, headDim: 4, dtype: 'float32' } as const;
    const sizes = (asked: Record<string, unknown>) =>
      optionsForPicture(windows, asked, shape) as unknown as { window: number; wideWindow: number };
    const { window, wideWindow } = sizes({});
    assert.is(window, Math.min(128, Math.ceil(wideWindow / 4)), `${length}: ${window} beside ${wideWindow}`);
    // A size that was asked for stays, also where the other then covers no more.
    assert.is(sizes({ window: 3 }).window, 3);
    assert.is(sizes({ wideWindow: 4 }).wideWindow, 4);
    assert.is(sizes({ wideWindow: 4 }).window, 1);
  }
});

test('a size that was asked for is drawn as it is', () => {
  const [longformer] = named('longformer');
  const drawnWith = (options: Record<string, unknown>) => {
    return panels(['longformer'], { length: 16, written: new Map([[longformer, options]]) })[1];
  };
  const wide = drawnWith({ attentionWindow: 16 });
  assert.is(wide.smaller, undefined);
  assert.match(wide.caption, 'attentionWindow = 16');
  const usual = drawnWith({});
  assert.is(usual.smaller, 'attentionWindow = 8 (from 16)');
  assert.match(usual.caption, 'attentionWindow = 8');
  // Weights are drawn with the same.
  const [, weights] = panels(['longformer'], { weights: true });
  assert.is(weights.smaller, 'attentionWindow = 12 (from 24)');
});

test('a weights panel averages rows that add up to one; exact attention looks like full attention', () => {
  for (const causal of [false, true]) {
    const [full, dense, window] = panels(['dense', 'dummy'], { causal, weights: true });
    for (const { cells, size } of [full, dense, window]) {
      for (let row = 0; row < size; row++) {
        const sum = cells.slice(row * size, (row + 1) * size).reduce((total, weight) => total + weight, 0);
        // Two keys a cell; float32 weights.
        assert.ok(Math.abs((sum * LENGTH) / size - 1) < 1e-5, `row ${row} adds up to ${sum}`);
      }
    }
    for (const [n, weight] of full.cells.entries()) assert.ok(Math.abs(weight - dense.cells[n]) < 1e-6);
    assert.is(
      full.cells.some((weight, n) => Math.abs(weight - window.cells[n]) > 0.01),
      true,
    );
    assert.match(window.caption, causal ? /^reach = 4, causal, weights$/ : /^reach = 4, weights$/);
  }
});

test('a list with an entry a head says how many heads there are', () => {
  const written = new Map(named('longformer').map((variant) => [variant, { attentionWindow: 2, dilation: [1, 5] }]));
  const [, drawn] = panels(['longformer'], { written, cells: LENGTH });
  // Query 10 sees itself in both heads, its neighbours in one each.
  const row = drawn.cells.slice(10 * LENGTH, 11 * LENGTH);
  assert.equal([row[10], row[9], row[11], row[5], row[15], row[8]], [1, 0.5, 0.5, 0.5, 0.5, 0]);
});

test('the input is loaded once, and only if there are weights to draw', () => {
  let loads = 0;
  const counted = () => {
    loads++;
    return load();
  };
  panels(['dummy'], { load: counted });
  assert.is(loads, 0);
  panels(['dummy', 'linformer'], { load: counted, weights: true });
  assert.is(loads, 1);
});

test('progress is told before, within and after each panel', () => {
  const toldOf = (names: string[], settings: Partial<PanelSettings> = {}): string[] => {
    const told: string[] = [];
    panels(names, { ...settings, onProgress: (done, total, label) => told.push(`${done}/${total} ${label}`) });
    return [...new Set(told)];
  };
  assert.equal(toldOf(['dummy']), ['0/2 full', '1/2 full', '1/2 dummy', '2/2 dummy']);
  const long = () => syntheticInput({ lengths: [80], heads: 1, headDim: 4, seed: 3 }).cases[0].load();
  assert.equal(toldOf(['linformer'], { length: 80, cells: 40, load: long }), [
    ...['0/2 full', '0.8/2 full', '1/2 full'],
    ...['1/2 linformer', '2/2 linformer'],
  ]);
  // From 65 cells on, a second pass.
  const cells = toldOf(['linformer'], { length: 80, cells: 80, load: long });
  assert.equal(cells.slice(-3), ['1/2 linformer', '1.8/2 linformer', '2/2 linformer']);
});

test('what cannot be right is thrown before anything is drawn', () => {
  const inputs = load();
  const broken = { ...inputs, keys: fromArray(new Array(inputs.keys.size).fill(Number.NaN), inputs.keys.shape) };
  const refusals: [string[], Partial<PanelSettings>, RegExp][] = [
    [['dummy', 'picky'], { causal: true }, /^causal: picky cannot be causal/],
    [['dummy', 'linformer'], { causal: true }, /^causal: linformer cannot be causal/],
    [['dummy'], { written: new Map(named('dummy').map((variant) => [variant, { reach: -1 }])) }, /^reach: /],
    [['linformer'], { load: () => broken }, /^keys: expected finite numbers/],
  ];
  for (const [names, settings, message] of refusals) {
    let drawn = 0;
    const body = () => panels(names, { ...settings, onProgress: () => drawn++ });
    assert.throws(body, (error: Error) => error instanceof EfficientTransformersError && message.test(error.message));
    assert.is(drawn, 0);
  }
});

test.run();
