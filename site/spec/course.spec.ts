/** The course: every lesson is whole, its code and its pictures run, and a page of it works by keyboard alone from a disk. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exercises } from '../../learn/exercises/index.ts';
import { FEED_FORWARD_KINDS } from '../../src/training/feed-forward/registry.ts';
import { allVariants } from '../../src/variants/registry.ts';
import type { Drawn, Panel, Settings } from '../course/drawn.ts';
import { addressOfLesson, LESSON_OF_LAYERS, LESSONS } from '../course/index.ts';
import type { Control, Lesson, LivePicture, StillPicture } from '../course/lesson.ts';
import { PICTURES } from '../course/pictures/index.ts';
import { minutesToRead, sitting } from '../course/sitting.ts';
import { startOf } from '../pages/course/figure.ts';
import { Visitor } from './browser.ts';
import { dist } from './built.ts';

const visitor = new Visitor(test);

const picturesOf = ({ picture, more = [], givesUp }: Lesson): (LivePicture | StillPicture)[] => [
  picture,
  ...more.flatMap((part) => part.picture ?? []),
  givesUp.picture,
];
const isLive = (picture: LivePicture | StillPicture): picture is LivePicture => picture.kind !== 'still';

test('a lesson takes 15 to 30 minutes, has two to four questions with answers, takeaways, and a name of its own', () => {
  assert.is(new Set(LESSONS.map(({ name }) => name)).size, LESSONS.length);
  for (const { name, minutes, questions, takeaways, equations, idea } of LESSONS) {
    assert.ok(minutes >= 15 && minutes <= 30, name);
    assert.ok(questions.length >= 2 && questions.length <= 4, name);
    for (const { answer } of questions) assert.ok(answer.join(' ').length > 60, name);
    assert.ok(takeaways.length >= 3 && equations.length >= 2 && idea.length >= 3, name);
  }
});

/** The first and the last of what a control can be. */
function endsOf(control: Control): (number | string | boolean)[] {
  if (control.kind === 'slider') return [control.stops[0], control.stops[control.stops.length - 1]];
  if (control.kind === 'choice') return control.options.map(([value]) => value);
  return control.kind === 'check' ? [true, false] : [];
}

for (const lesson of LESSONS) {
  test(`${lesson.name}: each picture is drawn at both ends of each of its controls, and says what is to be seen`, async () => {
    for (const picture of picturesOf(lesson)) {
      if (!isLive(picture)) {
        check(await picture.drawn(), lesson.name);
        continue;
      }
      const start = startOf(picture);
      const first = await PICTURES[picture.draw](start);
      check(first, picture.draw);
      for (const control of picture.controls) {
        const drawn: Drawn[] = [];
        for (const value of endsOf(control)) {
          const settings: Settings = { ...start, [control.name]: value };
          drawn.push(await PICTURES[picture.draw](settings));
        }
        for (const each of drawn) check(each, `${picture.draw}: ${control.name}`);
        // A control that changes nothing is no control.
        const seen = new Set(drawn.map((each) => JSON.stringify(each)));
        assert.ok(control.kind === 'run' || seen.size > 1, `${picture.draw}: ${control.name}`);
      }
    }
  });
}

function check({ panels, says }: Drawn, where: string): void {
  assert.ok(panels.length > 0 && says.length > 20, where);
  assert.not.match(says, /NaN|undefined|Infinity/, where);
  for (const panel of panels) {
    for (const value of numbersOf(panel)) assert.ok(Number.isFinite(value), `${where}: ${panel.title}`);
    if (panel.kind === 'matrix') assert.is(panel.values.length, panel.rows * panel.columns, where);
  }
}

function numbersOf(panel: Panel): number[] {
  if (panel.kind === 'matrix') return panel.values.map((value) => value ?? 0);
  if (panel.kind === 'bars') return panel.bars.map(({ value }) => value);
  return panel.lines.flatMap(({ points }) => points.flat());
}

test('every variant is explained by a lesson', () => {
  const explained = new Set(LESSONS.flatMap(({ variants }) => variants));
  assert.equal(
    allVariants()
      .map(({ name }) => name)
      .filter((name) => !explained.has(name)),
    [],
  );
});

test('no lesson takes longer to read than it states, and a window of one’s own takes less than two hours', () => {
  for (const lesson of LESSONS) assert.ok(minutesToRead(lesson) <= lesson.minutes + 2.5, lesson.name);
  const { lessons, exercises: numbers, readingMinutes, writingMinutes } = sitting();
  assert.ok(readingMinutes + writingMinutes <= 120);
  assert.equal(
    [lessons, numbers],
    [
      [1, 2, 3, 5],
      [1, 2, 3, 5, 6],
    ],
  );
  // A longer text takes longer: it is counted.
  const [first] = LESSONS;
  const longer = { ...first, idea: [...first.idea, 'word '.repeat(400)] };
  assert.ok(Math.abs(minutesToRead(longer) - minutesToRead(first) - 2) < 0.01);
});

test('every exercise belongs to a lesson', () => {
  const named = LESSONS.flatMap((lesson) => lesson.exercises);
  assert.equal([...named].sort(), exercises.map(({ name }) => name).sort());
  const page = readFileSync(join(dist, 'exercises.html'), 'utf8');
  for (const lesson of LESSONS.filter(({ exercises: own }) => own.length > 0)) {
    assert.ok(page.includes(`href="${addressOfLesson(lesson)}"`), lesson.name);
  }
});

test('pages of the variants that a lesson explains lead to it, and it leads to them', () => {
  const linksOf = (path: string): Set<string> => {
    const { document } = parseHTML(readFileSync(join(dist, path), 'utf8'));
    return new Set([...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href') ?? ''));
  };
  for (const lesson of LESSONS) {
    const links = linksOf(addressOfLesson(lesson));
    for (const variant of lesson.variants) {
      assert.ok(links.has(`../variants/${variant}.html`), `${lesson.name} to ${variant}`);
      assert.ok(
        linksOf(`variants/${variant}.html`).has(`../${addressOfLesson(lesson)}`),
        `${variant} to ${lesson.name}`,
      );
    }
  }
  const { lesson } = LESSON_OF_LAYERS;
  for (const { name } of FEED_FORWARD_KINDS) {
    assert.ok(linksOf(`layers/${name}.html`).has(`../${addressOfLesson(lesson)}`), name);
  }
  const home = [...linksOf('index.html')];
  assert.is(
    home.find((link) => !link.startsWith('./') && !link.startsWith('#')),
    'course/index.html',
  );
});

test('from a disk and by keyboard alone: a picture is drawn anew, saved with its numbers, and a question answered', () =>
  visitor.visit('course/attention.html', { way: 'disk' }, async ({ page, problems }) => {
    const slider = page.locator('#picture input').first();
    const said = page.locator('#picture [data-part=said]');
    const before = await page.locator('#picture [data-part=picture]').innerHTML();
    await tabTo('picture-first');
    await page.keyboard.press('End');
    await said.filter({ hasText: 'The query is (8, 0)' }).waitFor();
    assert.is(await slider.getAttribute('aria-valuetext'), '8');
    assert.is.not(await page.locator('#picture [data-part=picture]').innerHTML(), before);

    await page.locator('#picture [data-save=svg]').focus();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    assert.is(saved.suggestedFilename(), 'attention-picture.svg');
    const { document } = parseHTML(readFileSync(await saved.path(), 'utf8'));
    const data = JSON.parse(document.querySelector('metadata')?.textContent ?? '') as Drawn;
    assert.is(data.panels.length, document.querySelectorAll('svg svg').length);
    assert.not.match(document.querySelector('svg')?.innerHTML ?? '', /var\(--/);

    const question = page.locator('details.question').first();
    await question.locator('summary').focus();
    await page.keyboard.press('Enter');
    assert.ok(await question.evaluate((details: HTMLDetailsElement) => details.open));
    assert.equal(problems, []);

    async function tabTo(id: string): Promise<void> {
      for (let stop = 0; stop < 60; stop++) {
        await page.keyboard.press('Tab');
        if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
      }
      assert.unreachable(`no way to ${id} by keyboard`);
    }
  }));

test('a cell is read by the arrow keys, and by pointing at it', () =>
  visitor.visit('course/windows.html', { way: 'disk' }, async ({ page, problems }) => {
    const readout = page.locator('#picture [data-part=readout]');
    const matrix = page.locator('#picture svg.panel').first();
    await matrix.focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
    const drawn = JSON.parse((await page.locator('#picture [data-part=drawn]').textContent()) ?? '') as Drawn;
    const [panel] = drawn.panels;
    assert.ok(panel.kind === 'matrix');
    const said = (await readout.textContent()) ?? '';
    assert.match(said, /^longformer: row 2, column 2: /);
    const shown = Number(said.slice(said.lastIndexOf(' ') + 1));
    const value = panel.values[panel.columns + 1] ?? 0;
    // Three digits are shown.
    assert.ok(Math.abs(shown - value) <= 0.005 * value, `${shown} for ${value}`);
    await matrix.hover();
    await readout.filter({ hasText: /row 3\d, column 3\d/ }).waitFor();
    assert.equal(problems, []);
  }));

test('words of the trained model are those of the build, and the reader’s machine is timed', () =>
  visitor.visit('course/attention.html', { way: 'disk' }, async ({ page, problems, addressOf }) => {
    const said = page.locator('#picture-2 [data-part=said]');
    const built = (await said.textContent()) ?? '';
    await page.locator('#picture-2-row').press('Home');
    await said.filter({ hasNotText: built }).waitFor();
    for (let stop = 0; stop < 9; stop++) await page.locator('#picture-2-row').press('ArrowRight');
    await said.filter({ hasText: built }).waitFor();

    await page.goto(addressOf('course/quadratic.html'));
    await page.locator('[data-run]').press('Enter');
    await page.locator('#picture-2 [data-part=said]', { hasText: 'In this page, full attention takes' }).waitFor();
    assert.equal(problems, []);
  }));

test('on paper all answers are open, and nothing is there to press', () =>
  visitor.visit('course/attention.html', { way: 'disk' }, async ({ page }) => {
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    await page.emulateMedia({ media: 'print' });
    assert.is(await page.locator('details.question:not([open])').count(), 0);
    assert.is(await page.locator('main :is(button, input):visible').count(), 0);
    assert.ok(await page.locator('.panel').first().isVisible());
  }));

test('the page of a lesson is light: less than 100 kB, compressed as hosts do', () => {
  for (const lesson of LESSONS) {
    const { length } = gzipSync(readFileSync(join(dist, addressOfLesson(lesson))));
    assert.ok(length < 100_000, `${lesson.name}: ${length}`);
  }
});

test.run();
