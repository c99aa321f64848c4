/**
 * `npm run conversions`: runs the conversions behind the tables of docs/pretrained.md, one after another, and writes what each
 * came to under bench/results/. A row that is there, from the same command and the same text, is not run again.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../src/commands/run.ts';
import { describeEnvironment } from '../src/compare/environment.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { readJsonObject } from '../src/core/files/json.ts';
import { entryAt } from '../src/core/files/system-error.ts';
import { readText } from '../src/core/files/text.ts';
import { choice, flag, integer, text, texts } from '../src/terminal/options.ts';
import {
  type Conversions,
  commandOf,
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
    'fixtures/README.md says how to make the text.',
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
  const read = createHash('sha256').update(readText(file)).digest('hex');
  const before = entryAt(results) === null ? null : (readJsonObject(results) as unknown as Conversions<unknown>);
  const rows = new Map((before?.text === read ? before.rows : []).map((row) => [row.command, row]));
  // Where this machine has the files, in place of where the documents say they are.
  const here = new Map([
    [TEXT, file],
    [MINILM, pretrained.replace(/^~(?=\/)/, homedir())],
  ]);
  const scratch = pathOf('out/conversions');
  makeFolder(scratch);
  const json = join(scratch, `${name}.json`);
  for (const row of set.rows) {
    const command = commandOf(set, row);
    if ((to.length > 0 && !to.includes(row.to)) || (rows.has(command) && !again)) continue;
    process.stdout.write(`\n${command}\n`);
    const words = wordsOf(set, row).map((word) => here.get(word) ?? word);
    const start = process.cpuUsage();
    const code = await run(['convert', ...words, '--threads', `${threads}`, '--json', json], process);
    if (code !== 0) return code;
    const { user, system } = process.cpuUsage(start);
    const { report: _, conversion: __, ...numbers } = readJsonObject(json) as Record<string, unknown>;
    const seconds = (user + system) / 1e6;
    rows.set(command, { variant: row.to, command, environment: describeEnvironment(), seconds, numbers });
    // In the order of the set; what the set no longer has is dropped.
    const kept = set.rows.flatMap((each) => rows.get(commandOf(set, each)) ?? []);
    writeFileAtomically(results, `${JSON.stringify({ text: read, rows: kept }, null, 1)}\n`);
  }
  rmSync(json, { force: true });
  return 0;
});
