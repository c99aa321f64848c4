/** Laws of experiments that get more rows: the log of fewer is taken over, and any other is refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import {
  defineExperiment,
  type Experiment,
  type ExperimentSpec,
  type Settings,
} from '../../src/reproduce/experiment.ts';
import { type Log, readLog } from '../../src/reproduce/log.ts';
import { PAPERS } from '../../src/reproduce/papers.ts';
import { runExperiment } from '../../src/reproduce/run.ts';
import { temporaryFolder } from '../cli/host.ts';

const unitOf = (row: string) => `unit ${row}`;
const settingsOf = (shown: readonly string[], seed = 1) => ({ small: { shown, seed }, paper: { shown, seed } });

/** An experiment with a unit for each row. */
function ofRows(shown: readonly string[], change: Partial<ExperimentSpec<Rows>> = {}) {
  const ran: string[] = [];
  const experiment = defineExperiment<Rows>({
    paper: PAPERS.performer,
    table: 'figure-9',
    title: 'Drawn numbers',
    source: 'nowhere',
    differences: [],
    revision: 1,
    minutes: { small: 1, paper: 1 },
    settings: settingsOf(shown),
    rows: ['shown'],
    units: ({ shown: rows, seed }) =>
      rows.map((row) => ({
        name: unitOf(row),
        run: () => {
          ran.push(unitOf(row));
          return { value: new Random(seed).split(row).uniform() };
        },
      })),
    claims: () => [],
    show: () => ({ titles: [], rows: [] }),
    ...change,
  });
  return { experiment, ran };
}

interface Rows extends Settings {
  shown: readonly string[];
  seed: number;
}

function refuses(experiment: Experiment, folder: string, message: RegExp) {
  assert.throws(
    () => readLog(experiment, 'small', folder),
    (error: unknown) => error instanceof FileFormatError && message.test(error.message),
  );
}

test('rows that are added leave the log of those before them; only they run, and the log is as one of all at once', async () => {
  const base = temporaryFolder();
  let cases = 0;
  const all = ['a', 'b', 'c', 'd', 'e'];
  const property = fc.asyncProperty(fc.subarray(all, { minLength: 1 }), fc.nat(5), async (before, pause) => {
    const folder = join(base, `${++cases}`);
    let left = pause;
    await runExperiment(ofRows(before).experiment, { scale: 'small', folder, shouldStop: () => left-- <= 0 });
    const done = before.slice(0, pause).map(unitOf);
    const grown = ofRows(all);
    assert.equal([...readLog(grown.experiment, 'small', folder).units.keys()], done);
    const log = await runExperiment(grown.experiment, { scale: 'small', folder });
    assert.equal(
      grown.ran,
      all.map(unitOf).filter((each) => !done.includes(each)),
    );
    const whole = await runExperiment(ofRows(all).experiment, { scale: 'small', folder: join(base, `${cases}-whole`) });
    const numbers = (own: Log) => all.map((row) => own.units.get(unitOf(row))?.numbers);
    assert.equal(numbers(readLog(grown.experiment, 'small', folder)), numbers(whole));
    assert.is(log.units.size, all.length);
  });
  await fc.assert(property, { numRuns: 8 });
});

test('rows that are added excuse no other change, and rows that are taken away or exchanged are refused', async () => {
  const folder = temporaryFolder();
  const { path } = await runExperiment(ofRows(['a', 'b']).experiment, { scale: 'small', folder });
  const whole = JSON.parse(readFileSync(path, 'utf8'));
  const more = ['a', 'b', 'c'];
  for (const [changed, message] of [
    [ofRows(['a']), /made with shown a,b, now a\. To begin again/],
    [ofRows(['b', 'a', 'c']), /made with shown a,b, now b,a,c/],
    [ofRows(['a', 'c']), /made with shown a,b, now a,c/],
    [ofRows(more, { settings: settingsOf(more, 2) }), /made with seed 1, now 2/],
    [ofRows(more, { revision: 2 }), /made by revision 1 of the experiment, now 2/],
    [ofRows(more, { rows: [] }), /made with shown a,b, now a,b,c/],
    // The settings say nothing of it, but the units have other names.
    [ofRows(more, { units: ({ shown }) => shown.map((row) => ({ name: row, run: () => ({ value: 1 }) })) }), /other/],
  ] as const) {
    refuses(changed.experiment, folder, message);
  }
  for (const shown of ['a', [], ['a'], ['a', 'b', 'c', 'd'], [['a'], 'b'], undefined]) {
    writeFileSync(path, JSON.stringify({ ...whole, settings: { ...whole.settings, shown } }));
    refuses(ofRows(more).experiment, folder, /small\.json: made with /);
  }
});

test.run();
