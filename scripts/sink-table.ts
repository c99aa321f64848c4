/**
 * `npm run sink-table`: whether a window breaks models of ours, and whether the first tokens mend it, as table 2 of Xiao et al.
 * 2024 asks of large models.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeEnvironment } from '../src/compare/environment.ts';
import { ArgumentError } from '../src/core/errors.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { caches, copying, entropyOf, type Reading, read, type Texts } from '../src/reproduce/sink-readings.ts';
import { formatWhole } from '../src/terminal/format.ts';
import { flag, integer, integers, text } from '../src/terminal/options.ts';
import { formatTable } from '../src/terminal/table.ts';
import { widthOf } from '../src/terminal/width.ts';
import { loadModel } from '../src/training/checkpoint.ts';
import type { Learner } from '../src/training/learner.ts';
import type { AttentionSettings } from '../src/training/mixing.ts';
import { backcopyRecipe } from '../src/training/recipes/backcopy.ts';
import { runsOf } from '../src/training/recipes/recipe.ts';
import { endRun, startRun } from '../src/training/run.ts';
import { train } from '../src/training/trainer.ts';
import { runProgram } from './program.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** Number of short texts whose mean is the figure within the length of the training. */
const WITHIN = 64;

/** From the root of the repository. */
const RESULTS = 'bench/results/sinks.json';

/** A row of a table, with all its digits. Loss and weights are means over the bytes that count. */
interface SinkRow {
  model: 'prose' | 'copies';
  /** Of the training of the model of copies and of its texts; null for the model of prose, which is trained. */
  seed: number | null;
  attention: string;
  positions: string;
  /** Of `all` bytes, and of the copies one reads of `drawn` ones and of `copies`: bits a byte. */
  bits: Record<string, number>;
  /** The share of the weights on the first byte. */
  onFirst?: Record<string, number>;
}

const command = {
  usage: 'npm run sink-table --',
  summary:
    'Read texts with two byte models of ours through full attention, and from caches with and without attention sinks.',
  details:
    'Each table has bits a byte beyond the length of the training; the last row has those within it. A cache of s + w tokens ' +
    'holds the first s and the last w. Positions are those in the text, or those in the cache.',
  options: {
    text: text('FILE', 'Read this text with the model of prose', {
      default: fixture('text/alice-chapter-1.txt'),
      defaultText: 'Alice, chapter 1',
    }),
    bytes: integer('N', 'Number of bytes to read', { default: 4096, minimum: 1100, maximum: 65536 }),
    caches: integers('N', 'Tokens of a cache, sinks among them', { default: [32, 64], minimum: 1, maximum: 1024 }),
    sinks: integers('N', 'Numbers of sinks', { default: [0, 1, 4], minimum: 0 }),
    seeds: integers('N', 'Seeds of the model of copies and of the text that it reads', { default: [1], minimum: 0 }),
    save: flag(`Also write every number to ${RESULTS}`),
  },
};

await runProgram(command, async (values) => {
  const narrow = values.caches.find((cache) => values.sinks.some((sinks) => sinks >= cache));
  if (narrow !== undefined) {
    throw new ArgumentError(
      `--caches: expected more tokens than sinks, got ${narrow} with ${Math.max(...values.sinks)}`,
    );
  }
  const settings = [
    ['full', 'text', { variant: 'full' }] as const,
    ...values.caches.flatMap((cache) => values.sinks.flatMap((sinks) => caches(cache, sinks))),
  ];
  const saved: SinkRow[] = [];
  const print = (
    title: string,
    { model, seed }: Pick<SinkRow, 'model' | 'seed'>,
    learner: Learner,
    within: Texts,
    beyond: Texts,
    exact?: Record<string, number>,
  ) => {
    const names = Object.keys(beyond.counts);
    const reading = (attention: string, positions: string, variant: AttentionSettings, texts: Texts): string[] => {
      const found = read(learner, variant, texts);
      saved.push({ model, seed, attention, positions, ...found });
      return row(attention, positions, found);
    };
    const row = (name: string, positions: string, { bits, onFirst }: Reading) => [
      name,
      positions,
      (2 ** bits.all).toFixed(1),
      ...names.map((each) => bits[each].toFixed(3)),
      ...(names.length > 1 ? names.slice(1) : names).map((each) => onFirst[each].toFixed(2)),
    ];
    const rows = settings.map(([name, positions, attention]) => reading(name, positions, attention, beyond));
    if (exact) {
      saved.push({ model, seed, attention: 'the task itself', positions: '', bits: exact });
      rows.unshift([
        'the task itself',
        '',
        (2 ** exact.all).toFixed(1),
        ...names.map((each) => exact[each].toFixed(3)),
      ]);
    }
    rows.push(reading('full', 'within', { variant: 'full' }, within));
    const ofKind = (name: string) => (name === 'all' ? '' : `, ${name}`);
    const titles = [
      'attention',
      'positions',
      'perplexity',
      ...names.map((name) => `bits${ofKind(name)}`),
      ...(names.length > 1 ? names.slice(1) : names).map((name) => `on first${ofKind(name)}`),
    ];
    const columns = titles.map((each, n) => ({ title: each, align: n < 2 ? ('left' as const) : ('right' as const) }));
    const padded = rows.map((cells) => [...cells, ...new Array<string>(titles.length - cells.length).fill('')]);
    process.stdout.write(`${title}\n\n${formatTable(columns, padded, { width: widthOf(process.stdout) })}\n\n`);
  };

  const prose = loadModel(fixture('byte-lm.safetensors')).learner;
  const { length } = prose.model.config;
  const bytes = new Uint8Array(readFileSync(values.text)).subarray(0, values.bytes + 1);
  if (bytes.length < length + 2)
    throw new ArgumentError(`--text: expected more than ${length} bytes, got ${bytes.length}`);
  const upTo = (end: number, isCounted: (text: number, n: number) => boolean): Texts => {
    return { tokens: [bytes.subarray(0, end)], targets: [bytes.subarray(1, end + 1)], counts: { all: isCounted } };
  };
  const last = bytes.length - 1;
  print(
    `fixtures/byte-lm.safetensors, trained on ${formatWhole(length)} bytes of prose, from there to byte ${formatWhole(last)}`,
    { model: 'prose', seed: null },
    prose,
    upTo(length, () => true),
    upTo(last, (_, n) => n >= length),
  );

  for (const seed of values.seeds) {
    const run = startRun({ ...runsOf(backcopyRecipe)[0].settings, seed });
    await train(run, {});
    const short = run.task.length;
    const long = copying(1, values.bytes, (n) => n >= short, seed);
    const of = values.seeds.length > 1 ? ` from seed ${seed}` : '';
    print(
      `the model of the recipe backcopy${of}, trained on ${formatWhole(short)} bytes, from there to byte ${formatWhole(values.bytes)}`,
      { model: 'copies', seed },
      run.learner,
      copying(WITHIN, short, () => true, seed),
      long,
      entropyOf(long),
    );
    endRun(run);
  }
  if (values.save) {
    const { text: _, ...asked } = values;
    const contents = { environment: describeEnvironment(), settings: asked, rows: saved };
    writeFileAtomically(
      fileURLToPath(new URL(`../${RESULTS}`, import.meta.url)),
      `${JSON.stringify(contents, null, 1)}\n`,
    );
  }
  return 0;
});
