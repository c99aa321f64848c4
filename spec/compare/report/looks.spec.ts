/** Lines of plots stay apart: for those who see few colours, in light and in dark, thirteen variants or fifty. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Chart, ChartLine } from '../../../src/compare/report/chart.ts';
import { drawChart, isCrowded, loadDrawing } from '../../../src/compare/report/chart.ts';
import { familyCharts } from '../../../src/compare/report/families.ts';
import { looksOf } from '../../../src/compare/report/family-looks.ts';
import { lookOf } from '../../../src/compare/report/looks.ts';
import { coloursOf, SERIES_COLOURS } from '../../../src/compare/report/style.ts';
import { allVariants } from '../../../src/variants/registry.ts';
import { FAMILIES } from '../../../src/variants/variant.ts';

type Colour = readonly number[];

/** Linear red, green and blue, 0 to 1. */
function linear(hexadecimal: string): Colour {
  return [1, 3, 5].map((at) => {
    const part = Number.parseInt(hexadecimal.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
}

/** What eyes without one kind of cones see (Machado, Oliveira & Fernandes 2009, severity 1), and what all others do. */
const EYES: Record<string, readonly Colour[]> = {
  trichromat: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanope: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranope: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanope: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const times = (matrix: readonly Colour[], colour: Colour): Colour =>
  matrix.map((row) => row.reduce((sum, factor, n) => sum + factor * colour[n], 0));

/** Oklab (Ottosson 2020): distances are about those that are seen; 0.02 is just noticed beside each other. */
function oklab(colour: Colour): Colour {
  const cones = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    colour.map((part) => Math.min(1, Math.max(0, part))),
  );
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones.map(Math.cbrt),
  );
}

const luminance = ([red, green, blue]: Colour): number => 0.2126 * red + 0.7152 * green + 0.0722 * blue;

function contrast(one: string, other: string): number {
  const [low, high] = [one, other].map((each) => luminance(linear(each))).sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const colourOf = (mode: 'light' | 'dark', name: string): string =>
  new RegExp(`--${name}:(#[0-9a-f]{6})`).exec(coloursOf(mode))?.[1] ?? '';

for (const mode of ['light', 'dark'] as const) {
  const names = [...Array.from({ length: SERIES_COLOURS }, (_, n) => `series-${n}`), 'muted'];

  test(`colours of families and the grey of full attention differ for every kind of eyes, ${mode}`, () => {
    for (const [eyes, matrix] of Object.entries(EYES)) {
      const seen = names.map((name) => oklab(times(matrix, linear(colourOf(mode, name)))));
      seen.forEach((one, n) => {
        for (let other = 0; other < n; other++) {
          const distance = Math.hypot(...one.map((part, axis) => part - seen[other][axis]));
          assert.ok(distance > 0.08, `${eyes}: ${names[n]} and ${names[other]} are ${distance.toFixed(3)} apart`);
        }
      });
    }
  });

  test(`lines and names stand out from the page and from what is on it, as WCAG wants of graphics and of text, ${mode}`, () => {
    for (const ground of ['page', 'surface']) {
      for (const name of names) assert.ok(contrast(colourOf(mode, name), colourOf(mode, ground)) >= 3, name);
      for (let n = 0; n < SERIES_COLOURS; n++) {
        assert.ok(contrast(colourOf(mode, `ink-${n}`), colourOf(mode, ground)) >= 4.5, `ink-${n}`);
      }
    }
  });
}

test('there is a colour for each family, and one more for what is of none', () => {
  assert.ok(SERIES_COLOURS > FAMILIES.length - 1);
});

test('a variant looks the same whatever is beside it, and different from every other one', () => {
  const names = allVariants().map(({ name }) => name);
  const all = looksOf(names);
  for (const [n, name] of names.entries()) assert.equal(looksOf([name]), [all[n]], name);
  assert.is(new Set(all.map((look) => JSON.stringify(lookOf(look)))).size, names.length);
  for (const [n, { family }] of allVariants().entries()) assert.is(all[n].tone, FAMILIES.indexOf(family) - 1);
});

test('a name that comes twice, and one that nobody registered, have looks of their own', () => {
  const looks = looksOf(['longformer', 'longformer', 'bigbird', 'someones', 'others']);
  assert.is(new Set(looks.map((look) => JSON.stringify(lookOf(look)))).size, looks.length);
});

/** Fifty variants in seven families, as a plot. */
function chartOf(count: number): Chart {
  const axis = { label: 'x', scale: 'linear', domain: [0, 1], ticks: [0, 1], format: String } as const;
  const lines = Array.from({ length: count }, (_, n): ChartLine => {
    const points = [0.2, 0.8].map((x) => ({ x, y: (n + 1) / (count + 1), tooltip: `variant ${n}` }));
    return { label: `variant ${n}`, index: Math.floor(n / 7), tone: n % 7, points };
  });
  const front = { label: 'front', index: null, points: [{ x: 0.2, y: 0.1, tooltip: 'front' }] };
  return {
    id: 'many',
    title: 'Many',
    description: 'Many lines.',
    x: { ...axis, ticks: [0, 1], domain: [0, 1] },
    y: { ...axis, ticks: [0, 1], domain: [0, 1] },
    lines: [...lines, front],
  };
}

test('fifty lines have their names in a plot of their family each, where the others are behind; thirteen in the plot itself', async () => {
  const drawing = await loadDrawing();
  const namesIn = (chart: Chart) =>
    [...drawChart(drawing, chart).matchAll(/>(variant \d+)<\/text>/g)].map(([, name]) => name);
  const few = chartOf(13);
  assert.equal(familyCharts(few), []);
  assert.is(namesIn(few).length, 13);
  const many = chartOf(50);
  assert.ok(isCrowded(many));
  assert.equal(namesIn(many), []);
  const parts = familyCharts(many);
  assert.is(parts.length, 7);
  assert.equal(
    parts.flatMap(namesIn).sort(),
    many.lines.flatMap(({ label }) => (label === 'front' ? [] : label)).sort(),
  );
  assert.is(new Set(parts.map(({ id }) => id)).size, 7);
});

test.run();
