/**
 * `npm run conversions`: runs the conversions behind the tables of docs/pretrained.md, one after another, and writes what each
 * came to under bench/results/. A row that is there, from the same command and the same text, is not run again.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../src/commands/run.ts';
import { describeEnvironment } from '../src/compare/environment.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { readJsonObject } from '../src/core/files/json.ts';
import { entryAt } from '../src/core/files/system-error.ts';
import { readText } from '../src/core/files/text.ts';
import { collectForgotten, memoryStatistics, resetPeak } from '../src/core/memory.ts';
import { choice, flag, integer, text, texts } from '../src/terminal/options.ts';
import {
  type Conversions,
  commandOf,
  expectSources,
  hereOf,
  MINILM,
  resultsOf,
  SETS,
  type SetName,
  TEXT,
  wordsOf,
} from './conversions/sets.ts';
import { runProgram } from './program.ts';

const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const NAMES = Object.keys(SETS) as SetName[];

const command = {
  usage: 'npm run conversions --',
  summary: 'Convert a trained model to several variants, and write what each conversion came to.',
  details:
    `The model is all-MiniLM-L6-v2 (minilm; npm run verify:minilm downloads it) or the byte model of fixtures (bytes). ` +
    `The numbers go to ${resultsOf('minilm')} or ${resultsOf('bytes')}; npm run readme writes them into docs/pretrained.md. ` +
    'npm run jargon-file makes the text.',
  options: {
    set: choice('NAME', NAMES, 'Convert this model', { default: 'minilm' as SetName, word: 'model' }),
    to: texts('VARIANT', 'Run only the rows of this variant'),
    text: text('FILE', 'Train on this text', { default: TEXT }),
    pretrained: text('DIR', 'The folder of MiniLM', { default: MINILM }),
    again: flag('Also run rows that are there'),
    threads: integer('N', 'Use so many threads; the numbers are the same on any', { minimum: 1, default: 1 }),
  },
};

await runProgram(command, async ({ set: name, to, text: file, pretrained, again, threads }) => {
  const set = SETS[name];
  const results = pathOf(resultsOf(name));
  const here = hereOf(file, pretrained);
  expectSources(set, here);
  const read = createHash('sha256').update(readText(file)).digest('hex');
  // Read anew for each row: several processes may run, each with rows of its own (--to).
  const kept = () => {
    const before = entryAt(results) === null ? null : (readJsonObject(results) as unknown as Conversions<unknown>);
    return new Map((before?.text === read ? before.rows : []).map((row) => [row.command, row]));
  };
  const scratch = pathOf('out/conversions');
  makeFolder(scratch);
  const json = join(scratch, `${name}-${process.pid}.json`);
  for (const row of set.rows) {
    const command = commandOf(set, row);
    if ((to.length > 0 && !to.includes(row.to)) || (kept().has(command) && !again)) continue;
    process.stdout.write(`\n${command}\n`);
    const words = wordsOf(set, row).map((word) => here.get(word) ?? word);
    // What the row before left, too, would count as memory of this one.
    collectForgotten();
    resetPeak();
    const before = memoryStatistics().liveBytes;
    const start = process.cpuUsage();
    const code = await run(['convert', ...words, '--threads', `${threads}`, '--json', json], process);
    const { user, system } = process.cpuUsage(start);
    const converted = code === 0 ? (readJsonObject(json) as Record<string, unknown>) : null;
    rmSync(json, { force: true });
    if (converted === null) return code;
    const { report: _, conversion: __, ...numbers } = converted;
    const [seconds, peakBytes] = [(user + system) / 1e6, memoryStatistics().peakBytes - before];
    const done = { variant: row.to, command, environment: describeEnvironment(), seconds, peakBytes, numbers };
    const rows = kept().set(command, done);
    // In the order of the set; what the set no longer has is dropped.
    const all = set.rows.flatMap((each) => rows.get(commandOf(set, each)) ?? []);
    writeFileAtomically(results, `${JSON.stringify({ text: read, rows: all }, null, 1)}\n`);
  }
  return 0;
});
