import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSuite, slopesOf } from '../../bench/report/results.ts';
import { FEED_FORWARD_KINDS, feedForwardKind } from '../../src/training/feed-forward/registry.ts';
import { findVariant } from '../../src/variants/registry.ts';
import { SURVEY, SURVEY_CLASSES } from '../../src/variants/survey.ts';

test('the table has 26 rows of attention and 7 of sparse models, each of one class or two', () => {
  assert.is(SURVEY.length, 33);
  assert.is(SURVEY.filter(({ classes }) => classes.includes('Sparse')).length, 7);
  assert.is(new Set(SURVEY.map(({ arxiv }) => arxiv)).size, 33);
  for (const { model, classes } of SURVEY) {
    assert.ok(classes.length >= 1 && classes.length <= 2, model);
    for (const each of classes) assert.ok(each in SURVEY_CLASSES, `${model}: ${each}`);
  }
});

test('what is here is registered, and cites the paper of its row', () => {
  for (const { model, arxiv, variants } of SURVEY) {
    for (const { name } of variants) {
      const variant = findVariant(name);
      assert.ok(variant, `${model}: ${name}`);
      assert.is(variant.paper.arxiv, arxiv, model);
    }
  }
});

test('a feed-forward layer of a row is a kind in its file, and cites the row’s paper', () => {
  for (const { model, arxiv, layer } of SURVEY) {
    if (layer === undefined) continue;
    assert.ok(
      feedForwardKind(layer.kind).papers.some((paper) => paper.arxiv === arxiv),
      model,
    );
    assert.match(readFileSync(new URL(`../../${layer.file}`, import.meta.url), 'utf8'), `arXiv ${arxiv}`);
  }
  const cited = new Set(SURVEY.map(({ arxiv }) => arxiv));
  for (const { name, papers } of FEED_FORWARD_KINDS) {
    if (name !== 'dense') for (const { arxiv } of papers) assert.ok(cited.has(arxiv), `${name}: ${arxiv}`);
  }
});

test('slopes are those of the last measurement', () => {
  const { rows } = readSuite('scaling') ?? { rows: [] };
  for (const { variants } of SURVEY) {
    for (const { name, time, memory } of variants) {
      const measured = slopesOf(rows, name);
      const rounded = (slope: number | null) => (slope === null ? null : Number(slope.toFixed(2)));
      assert.equal({ time, memory }, { time: rounded(measured.time), memory: rounded(measured.memory) }, name);
    }
  }
});

test.run();
