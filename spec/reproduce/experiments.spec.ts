/** What every experiment must state, and that committed results are of it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadDrawing } from '../../src/compare/report/chart.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { SCALES } from '../../src/reproduce/experiment.ts';
import { outcomeOf } from '../../src/reproduce/outcome.ts';
import { sectionOf } from '../../src/reproduce/page.ts';
import { experiments, findExperiments } from '../../src/reproduce/registry.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'bench/results/reproduce');

test('each has a file of its name, units of different names, and a claim; no two have one name', () => {
  assert.is(new Set(experiments.map(({ name }) => name)).size, experiments.length);
  for (const experiment of experiments) {
    const { name, table, minutes } = experiment;
    assert.ok(existsSync(join(root, 'src/reproduce', `${name}.ts`)), name);
    assert.match(table, /^[a-z0-9-]+$/);
    for (const scale of SCALES) {
      const names = experiment.units(scale).map((unit) => unit.name);
      assert.ok(names.length > 0 && new Set(names).size === names.length, `${name}, ${scale}: units`);
      assert.ok(experiment.claims(scale).length > 0 && minutes[scale] > 0, `${name}, ${scale}: claims, minutes`);
    }
  }
});

test('committed results are complete and of the present settings; each is judged, shown and drawn', async () => {
  const drawing = await loadDrawing();
  let atPaperScale = 0;
  for (const experiment of experiments) {
    for (const scale of SCALES) {
      // Few can be run at the sizes of their papers, but what is there is whole.
      if (scale === 'paper' && !existsSync(join(folder, experiment.name, 'paper.json'))) continue;
      const outcome = outcomeOf(experiment, scale, folder);
      const where = `${experiment.name}, ${scale}`;
      assert.is(outcome.finished, outcome.units, `${where}: results are missing`);
      for (const { ours, claim } of outcome.judged) assert.ok(ours !== '' && claim.says !== '', where);
      const { titles, rows } = experiment.show(outcome.results!, scale);
      for (const row of rows) assert.is(row.length, titles.length, `${where}: ${row[0]}`);
      const { source } = sectionOf(outcome, drawing, 'npm start --');
      assert.not.match(source, /NaN|undefined|Infinity/, where);
      for (const { claim } of outcome.judged) assert.ok(source.includes('<td>') && claim.paper !== '');
      if (scale === 'paper') atPaperScale++;
    }
  }
  assert.ok(atPaperScale > 0);
});

test('a paper and a table are found by their names, and the nearest is suggested for others', () => {
  const names = (paper: string, table?: string) => findExperiments(paper, table).map(({ name }) => name);
  for (const table of ['figure-4', 'Figure 4', 'fig. 4', 'fig4']) {
    assert.equal(names('performer', table), ['performer-figure-4']);
  }
  assert.equal(names('performer-figure-4'), ['performer-figure-4']);
  assert.equal(
    names('Performer'),
    experiments.filter(({ paper }) => paper.name === 'performer').map(({ name }) => name),
  );
  for (const [words, message] of [
    [['perfomer', undefined], /unknown paper 'perfomer': did you mean 'performer'\? Known: /],
    [['performer', 'figure-14'], /unknown experiment of performer 'figure-14': did you mean 'figure-4'\?/],
  ] as const) {
    assert.throws(
      () => names(words[0], words[1]),
      (error: unknown) => error instanceof ArgumentError && message.test(error.message),
    );
  }
});

test.run();
