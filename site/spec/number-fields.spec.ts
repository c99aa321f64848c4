/** A word in a field for a number, anywhere on the site: the answer names the field, repeats the word and says what would be right. */
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { typedNumber } from '../client/number-field.ts';
import { settled, Visitor } from './browser.ts';

const visitor = new Visitor(test);
const WORD = '12 monkeys';

/** Pages with such fields, with the place of the answer and, where one is needed, what shows the fields. */
const FORMS = [
  { address: 'explorer.html', answer: '[data-status].error', least: 2 },
  { address: 'explorer.html#variant=performer&input=drawn&length=64', answer: '[data-status].error', least: 3 },
  { address: 'variants/sparse-transformer.html', answer: '[data-status].error', least: 2 },
  { address: 'patterns.html#length=64', answer: '#controls #problem:not(:empty)', least: 1 },
  { address: 'playground.html', answer: '#choice-problem:not(:empty)', least: 1 },
];

const fieldsOf = (page: Page) => page.locator('main [data-number]:visible');

for (const { address, answer, least } of FORMS) {
  test(`${address}: each field is named with what was typed and what would be right, until it is`, () =>
    visitor.visit(address, {}, async ({ page, problems }) => {
      await page.locator('main [data-number]').first().focus();
      await settled(page);
      const count = await fieldsOf(page).count();
      assert.ok(count >= least, `${count} fields`);
      for (let n = 0; n < count; n++) {
        const field = fieldsOf(page).nth(n);
        const right = await field.inputValue();
        const { called, minimum } = await field.evaluate(({ dataset }) => ({ ...dataset }) as Record<string, string>);
        for (const [typed, said] of [
          [WORD, `got '${WORD}'`],
          ['-1e9', `got ${-1e9}`],
          ['', 'missing'],
        ]) {
          await field.fill(typed);
          await page.locator(answer, { hasText: said }).waitFor();
          const text = (await page.locator(answer).textContent()) ?? '';
          assert.ok(text.startsWith(`${called}: `), text);
          assert.match(text, new RegExp(`expected (an integer|a number) .*\\b${minimum}`));
          assert.is(await field.getAttribute('aria-invalid'), 'true');
          assert.not.match((await page.locator('main').textContent()) ?? '', /NaN/);
        }
        await field.fill(right);
        await page.locator(answer).waitFor({ state: 'detached' });
        assert.is(await field.getAttribute('aria-invalid'), null);
        await settled(page);
      }
      assert.equal(problems, []);
    }));
}

test('a list names the entry that is no number', () =>
  visitor.visit('explorer.html', {}, async ({ page }) => {
    await settled(page);
    await page.locator('#lab-longformer-globalPositions').fill('0, one');
    const answer = page.locator('[data-status].error');
    await answer.waitFor();
    assert.is(await answer.textContent(), "globalPositions[1]: expected an integer from 0 to 511, got 'one'");
  }));

test('a link with a word for an option shows the word and the answer; the command is not of it', () =>
  visitor.visit('explorer.html#attentionWindow=wide', {}, async ({ page, problems }) => {
    const answer = page.locator('[data-status].error');
    await answer.waitFor();
    assert.is(await answer.textContent(), "attentionWindow: expected an integer from 1 to 1024, got 'wide'");
    assert.is(await page.locator('#lab-longformer-attentionWindow').inputValue(), 'wide');
    assert.not.match((await page.locator('[data-command]').textContent()) ?? '', /wide|NaN/);
    await page.getByRole('button', { name: 'Reset' }).click();
    await page.waitForFunction(() => document.querySelector('[data-status]')?.textContent === '');
    assert.match((await page.locator('[data-command]').textContent()) ?? '', /attentionWindow=\d+ /);
    assert.equal(problems, []);
  }));

test('a wrong seed stays in its field while other controls move, and nothing is computed with another', () =>
  visitor.visit('explorer.html', {}, async ({ page }) => {
    await settled(page);
    await page.locator('#lab-seed').fill('seven');
    await page.locator('[data-status].error', { hasText: "got 'seven'" }).waitFor();
    await page.locator('#lab-longformer-attentionWindow').fill('16');
    await settled(page);
    assert.is(await page.locator('#lab-seed').inputValue(), 'seven');
    assert.match((await page.locator('[data-status].error').textContent()) ?? '', /^seed: .*'seven'$/);
    assert.not.match((await page.locator('[data-command]').textContent()) ?? '', /attentionWindow=16/);
  }));

test('no run starts with another seed than the field has', () =>
  visitor.visit('playground.html', {}, async ({ page }) => {
    await page.locator('#seed').fill('one');
    await page.locator('#primary').click();
    assert.is(await page.locator('#primary').textContent(), 'Start');
    assert.is(await page.evaluate(() => document.activeElement?.id), 'seed');
    assert.is(
      await page.locator('#choice-problem').textContent(),
      "seed: expected an integer of at least 0, got 'one'",
    );
    assert.match((await page.locator('#command').textContent()) ?? '', /--seed 1$/);
    await page.locator('#seed').fill('2');
    assert.is(await page.locator('#choice-problem').textContent(), '');
    assert.match((await page.locator('#command').textContent()) ?? '', /--seed 2$/);
  }));

test('the arrow keys go up and down a step, and not beyond the limits', () =>
  visitor.visit('explorer.html', {}, async ({ page }) => {
    await settled(page);
    const seed = page.locator('#lab-seed');
    await seed.press('ArrowUp');
    await seed.press('ArrowUp');
    assert.is(await seed.inputValue(), '2');
    for (let press = 0; press < 3; press++) await seed.press('ArrowDown');
    assert.is(await seed.inputValue(), '0');
    await page.waitForFunction(() => document.querySelector('[data-status]')?.textContent === '');
  }));

test('a number is read as JavaScript writes it, a word as it was typed', () => {
  assert.equal([' 16 ', '1e3', '-2.5', '', '  ', '16px', 'NaN'].map(typedNumber), [
    16,
    1000,
    -2.5,
    undefined,
    undefined,
    '16px',
    'NaN',
  ]);
});

test.run();
