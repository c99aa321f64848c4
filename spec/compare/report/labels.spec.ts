import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Chart, drawChart, loadDrawing } from '../../../src/compare/report/chart.ts';
import { type LabelledLine, type LabelPlace, placeLabels } from '../../../src/compare/report/labels.ts';

const AREA = { width: 460, top: 14, bottom: 286 };
/** As wide as a character of the bold font is taken to be, and as high as a line. */
const [WIDTH, HEIGHT] = [7.5, 18];

const point = fc.record({ x: fc.integer({ min: 60, max: 364 }), y: fc.integer({ min: 30, max: 280 }) });
const line: fc.Arbitrary<LabelledLine> = fc.record({
  text: fc.string({ minLength: 1, maxLength: 20 }),
  points: fc.array(point, { minLength: 1, maxLength: 4 }),
});
const lines = fc.array(line, { minLength: 1, maxLength: 8 });

function boxOf({ text }: LabelledLine, { x, y, anchor }: LabelPlace) {
  const left = anchor === 'start' ? x : x - WIDTH * text.length;
  return { left, right: left + WIDTH * text.length, top: y - HEIGHT / 2, bottom: y + HEIGHT / 2 };
}

test('every name has a place within the height of the picture, clear of the other names', () => {
  fc.assert(
    fc.property(lines, (all) => {
      const places = placeLabels(all, AREA);
      assert.is(places.length, all.length);
      const boxes = places.map((place, n) => boxOf(all[n], place));
      boxes.forEach((box, n) => {
        assert.ok(places[n].y >= AREA.top && places[n].y <= AREA.bottom, `${places[n].y}`);
        assert.ok(box.left >= 0 && box.right <= AREA.width, `from ${box.left} to ${box.right}`);
        for (const other of boxes.slice(0, n)) {
          const beside = box.right <= other.left || other.right <= box.left;
          assert.ok(beside || box.bottom <= other.top || other.bottom <= box.top, 'names overlap');
        }
      });
    }),
    { numRuns: 300 },
  );
});

test('a name keeps clear of a text that is there already, such as the name of a baseline', () => {
  fc.assert(
    fc.property(line, (own) => {
      const [free] = placeLabels([own], AREA);
      const text = boxOf(own, free);
      const [place] = placeLabels([own], AREA, [text]);
      const box = boxOf(own, place);
      const beside = box.right <= text.left || text.right <= box.left;
      assert.ok(beside || box.bottom <= text.top || text.bottom <= box.top);
    }),
  );
});

test('a name that nothing is in the way of stands right beside the last point', () => {
  fc.assert(
    fc.property(point, ({ x, y }) => {
      const [place] = placeLabels(
        [
          {
            text: 'abc',
            points: [
              { x: 40, y: 20 },
              { x, y },
            ],
          },
        ],
        AREA,
      );
      assert.is(place.y, y);
      assert.is(place.anchor, 'start');
      assert.ok(place.x > x && place.x < x + 15);
    }),
  );
});

test('the name of a single point stands on its left where something is on its right', () => {
  const right = { left: 210, right: 290, top: 80, bottom: 120 };
  const [place] = placeLabels([{ text: 'abc', points: [{ x: 200, y: 100 }] }], AREA, [right]);
  assert.equal(place, { x: 191, y: 100, anchor: 'end' });
});

test('a chart of single points has all its names, those that were moved away with a line to their point', async () => {
  const axis = { label: '', scale: 'linear', domain: [0, 10], ticks: [0, 10], format: String } as const;
  const numbers = Array.from({ length: 24 }, (_, n) => n);
  const lines = numbers.map((n) => ({ label: `name-${n}`, index: n, points: [{ x: 5, y: 4 + n / 50, tooltip: '' }] }));
  const named = async (namesAll: boolean) => {
    const chart = { id: 'c', title: '', description: '', x: { ...axis }, y: { ...axis }, lines, namesAll };
    const svg = drawChart(await loadDrawing(), chart as unknown as Chart);
    const texts = [...svg.matchAll(/>(name-\d+)</g)].map(([, name]) => name);
    return { texts: new Set(texts), leaders: svg.match(/<line [^>]*x2/g)?.length ?? 0 };
  };
  const [few, all] = [await named(false), await named(true)];
  assert.is(few.texts.size, 0);
  assert.is(all.texts.size, lines.length);
  assert.ok(all.leaders > few.leaders + 10, `${few.leaders} and ${all.leaders} lines`);
});

test.run();
