/**
 * A log that was cut or written by hand: lists of a length that the claims, the table or a figure cannot read end in an error that
 * names the file, the unit and the list, before anything is shown. A list that nothing reads may be as it likes.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import type { Experiment } from '../../src/reproduce/experiment.ts';
import { type Outcome, outcomeOf } from '../../src/reproduce/outcome.ts';
import { experiments } from '../../src/reproduce/registry.ts';
import { temporaryFolder } from '../cli/host.ts';

const committed = fileURLToPath(new URL('../../bench/results/reproduce', import.meta.url));
const scale = 'small';
const nameOf = ({ name }: Experiment) => join(name, `${scale}.json`);

/** Everything that is shown of an outcome, as text; NaN and Infinity would be null, so these are kept apart. */
const shownOf = ({ experiment, judged, results }: Outcome) =>
  JSON.stringify([judged, experiment.show(results!, scale), experiment.draw(results!, scale)], (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );

const CHANGES: Readonly<Record<string, (list: number[]) => number[]>> = {
  'cut by one': (list) => list.slice(0, -1),
  'longer by one': (list) => [...list, list[list.length - 1] + 1],
  empty: () => [],
};

type Units = Record<string, { numbers: Record<string, number | number[]> }>;

/** Lists of the last unit of each kind, by the names of its lists. The first one has the steps that others are compared with. */
function listsToChange(units: Units): [unit: string, list: string][] {
  const listsOf = (unit: string) =>
    Object.entries(units[unit].numbers).flatMap(([name, value]) => (Array.isArray(value) ? [name] : []));
  const kinds = new Map(Object.keys(units).map((unit) => [listsOf(unit).join(), unit]));
  return [...kinds.values()].flatMap((unit) => listsOf(unit).map((name): [string, string] => [unit, name]));
}

/** The message about a log with one list changed, or null where nothing that is shown has changed. */
function refusal(experiment: Experiment, whole: string, folder: string): string | null {
  try {
    assert.is(shownOf(outcomeOf(experiment, scale, folder)), whole);
    return null;
  } catch (error) {
    if (error instanceof FileFormatError) return error.message;
    throw error;
  }
}

const folder = temporaryFolder();
let refused = 0;
for (const experiment of experiments) {
  const path = join(committed, nameOf(experiment));
  if (!existsSync(path)) continue;
  const text = readFileSync(path, 'utf8');
  if (!/\[\s*-?\d/.test(text)) continue;
  test(`${experiment.name}: each changed list is refused by its name, or read by nothing`, () => {
    const place = join(folder, nameOf(experiment));
    mkdirSync(dirname(place), { recursive: true });
    const whole = shownOf(outcomeOf(experiment, scale, committed));
    for (const [unit, list] of listsToChange((JSON.parse(text) as { units: Units }).units)) {
      for (const [how, change] of Object.entries(CHANGES)) {
        const log = JSON.parse(text) as { units: Units };
        const { numbers } = log.units[unit];
        numbers[list] = change(numbers[list] as number[]);
        writeFileSync(place, JSON.stringify(log));
        const where = `${unit}, ${list} ${how}`;
        const message = refusal(experiment, whole, folder);
        if (message === null) continue;
        refused++;
        for (const named of [place, `'${unit}'`]) assert.ok(message.includes(named), `${where}: ${message}`);
        // Where steps are of another length than losses, either may be the wrong one.
        assert.match(message, list === 'steps' ? /list '\w+'/ : `list '${list}'`, where);
        assert.match(message, /add --again$/);
      }
    }
  });
}

test('some were refused', () => assert.ok(refused > 30, String(refused)));

test.run();
