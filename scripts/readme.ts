/**
 * `npm run readme`: rewrites the tables of README.md, of docs/comparison.md, docs/pretrained.md, docs/variants.md,
 * docs/survey.md, docs/speed.md and docs/reproduced.md, and of docs/when-one-machine-is-not-enough.md from the registry and from
 * the raw numbers under bench/results/, so that no figure there is typed by hand; and the plots under docs/. Each table names
 * the command that made its numbers.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  fasterFrom,
  middlePoints,
  needComparison,
  needSuite,
  needTraining,
  readConversions,
  readConvertedInPython,
  readSuite,
  slopesOf,
} from '../bench/report/results.ts';
import type { ComparisonReport } from '../src/compare/result.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import {
  counted,
  formatBytes,
  formatCount,
  formatError,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../src/terminal/format.ts';
import { allVariants } from '../src/variants/registry.ts';
import { FAMILIES } from '../src/variants/variant.ts';
import { beforeTable } from './before-table.ts';
import { causalTable, comparisonTable } from './comparison-table.ts';
import { encoderSentences, pythonSection } from './conversions/sentences.ts';
import type { EncoderConverted, ModelConverted } from './conversions/sets.ts';
import { encoderTable, modelTable } from './conversions/tables.ts';
import { exampleOutput, weightsTable } from './conversions/weights.ts';
import { exportsTable } from './exports-table.ts';
import { goalsTable } from './goals-table.ts';
import { growthTables } from './growth-tables.ts';
import { peersTable } from './peers-table.ts';
import { pretrainedTable } from './pretrained-table.ts';
import { drawPictures } from './readme-pictures.ts';
import { recurrencesTable } from './recurrences-table.ts';
import { reproducedSections } from './reproduced-page.ts';
import { surveySlopes, surveyTable } from './survey-table.ts';
import { trainingStepTables } from './training-step-table.ts';
import { markdown } from './training-summary.ts';

const root = new URL('../', import.meta.url);
const comparison = needComparison();
const scaling = needSuite('scaling');
const crossover = readSuite('crossover');
const kernels = needSuite('kernels');
const decoding = needSuite('decoding');
const reversible = needSuite('reversible');

const middle = middlePoints(comparison);
/** The README says how many variants are faster from here on. */
const USUAL_LENGTH = 2048;

rewrite('README.md', { training: trainingSentence(), variants: familiesTable() });
rewrite('docs/comparison.md', { compare: await comparisonTable(machine), causal: await causalTable(machine) });
rewrite('docs/pretrained.md', { pretrained: pretrainedTable(machine), ...conversionTables() });
rewrite('docs/variants.md', { variants: variantsTable() });
rewrite('docs/survey.md', { survey: surveyTable() });
writeFileAtomically(fileURLToPath(new URL('src/variants/survey-slopes.ts', root)), surveySlopes());
rewrite('docs/when-one-machine-is-not-enough.md', { exports: exportsTable() });
rewrite('docs/speed.md', { goals: goalsTable(), speed: speedTables(), more: moreTables() });
rewrite('docs/reproduced.md', { ...(await reproducedSections()) });
for (const [name, picture] of await drawPictures()) {
  writeFileAtomically(fileURLToPath(new URL(`docs/${name}.svg`, root)), picture);
}

function rewrite(name: string, sections: Record<string, string>): void {
  const file = fileURLToPath(new URL(name, root));
  let text = readFileSync(file, 'utf8');
  for (const [section, content] of Object.entries(sections)) {
    const pattern = new RegExp(`(<!-- ${section}: [^>]*-->)[\\s\\S]*?(<!-- /${section} -->)`);
    if (!pattern.test(text)) throw new Error(`${name}: no section '${section}'`);
    text = text.replace(pattern, (_, open: string, close: string) => `${open}\n${content}\n${close}`);
  }
  writeFileAtomically(file, text);
}

/** Of the models that were converted. */
function conversionTables(): Record<string, string> {
  const encoder = readConversions<EncoderConverted>('minilm');
  const model = readConversions<ModelConverted>('bytes');
  const python = readConvertedInPython();
  const script = readFileSync(new URL('fixtures/scripts/embed_converted.py', root), 'utf8');
  return {
    ...(encoder !== null && {
      'convert-minilm': encoderTable(encoder, machine),
      'convert-rates': encoderSentences(encoder),
    }),
    ...(model !== null && {
      'convert-example': exampleOutput(model),
      'convert-bytes': modelTable(model, machine),
      'convert-weights': weightsTable(model),
    }),
    ...(python !== null && { 'convert-python': pythonSection(python, script) }),
  };
}

function trainingSentence(): string {
  const { rows } = needTraining();
  const goals = rows.filter(({ reached }) => reached !== null);
  const reached = goals.filter((row) => row.reached).length;
  const names = new Set(rows.map(({ recipe }) => recipe));
  return `${reached} of ${goals.length} runs with a goal reached it, in ${names.size} recipes from one seed or three
([each with its command and its loss](bench/results/training/README.md)).`;
}

function familiesTable(): string {
  const rows = FAMILIES.map((family) => {
    const own = allVariants().filter((variant) => variant.family === family);
    const names = own.map(
      ({ name, paper }) => `[${name}](src/variants/${name}.ts) ([${paper.year}](https://arxiv.org/abs/${paper.arxiv}))`,
    );
    return [family, names.join(', ')];
  });
  return `${markdown(['family', 'source (paper)'], rows)}

${fasterSentence()}`;
}

/** `30 of the 36 variants that were timed are faster than full attention from 2,048 tokens on.` */
function fasterSentence(): string {
  const rows = crossover?.rows.filter(({ training }) => !training) ?? [];
  const names = [...new Set(rows.map(({ variant }) => variant))].filter((name) => name !== 'full');
  const from = names.map(
    (name) => fasterFrom(rows.filter(({ variant }) => variant === name)) ?? Number.POSITIVE_INFINITY,
  );
  const faster = from.filter((length) => length <= USUAL_LENGTH).length;
  return `${faster} of the ${names.length} variants that were timed are faster than full attention from ${formatWhole(USUAL_LENGTH)} tokens on.`;
}

function variantsTable(): string {
  const rows = allVariants().map((variant) => {
    const { name, family, paper, complexity, exactness, supports } = variant;
    const point = middle.get(name);
    const slopes = slopesOf(scaling.rows, name);
    const yes = (value: boolean) => (value ? 'yes' : '');
    return [
      `[${name}](../src/variants/${name}.ts)`,
      family,
      `[${paper.authors} ${paper.year}](https://arxiv.org/abs/${paper.arxiv})`,
      complexity,
      exactness.replaceAll('-', ' '),
      yes(supports.causal),
      yes(supports.incremental),
      slopes.time?.toFixed(2) ?? '',
      slopes.memory?.toFixed(2) ?? '',
      point === undefined ? '' : formatError(point.error),
    ];
  });
  const lengthsOf = (variant: string) =>
    scaling.rows.flatMap((row) =>
      row.variant === variant && !row.training && row.length !== undefined ? [row.length] : [],
    );
  const lengths = allVariants().flatMap(({ name }) => lengthsOf(name));
  const titles = [
    'file',
    'family',
    'paper',
    'cost',
    'result',
    'causal',
    'decode',
    'time slope',
    'memory slope',
    'error',
  ];
  return `${markdown(titles, rows)}

*Cost* is that of a head: L is the length, d its width, the others are options (\`npm start -- variants NAME\`). *Result* is what
the output is: full attention (exact, or approximate), full attention over the pairs of a pattern, or a different function.
*Decode*: token by token from a state.

Slopes are those of log time and log memory over log length, forward, at one fixed budget, from ${formatWhole(Math.min(...lengths))} tokens to
${formatWhole(Math.max(...lengths))} (full attention to ${formatWhole(Math.max(...lengthsOf('full')))}; \`npm run bench -- --suite scaling\`); 1 is linear. The stride of sparse-transformer grows with √L, as in its paper.

A slope above 1.1 comes from the part of the cost that grows faster than L; where it is small at these lengths, the slope is between.
Full attention, adaptive-sparse, fox and synthesizer meet all pairs; memory-compressed and funnel all pairs with fewer keys or
queries. Beside its chosen keys, dsa's indexer scores all pairs (L²·d_I), nsa compares each query with one key for every stride of
the past (L²/d), and moba with one for every block (L²/B). Log-linear attention reads a state
for each power of two, and L·log L has a slope of 1.10 here. Sinkhorn, axial and sparse-transformer meet L·√L pairs.

The error is that of [the comparison](comparison.md).`;
}

function speedTables(): string {
  const lengths = [...new Set(scaling.rows.flatMap(({ length }) => (length === undefined ? [] : [length])))];
  const rows = allVariants().map(({ name }) => {
    const at = (length: number, training: boolean) =>
      scaling.rows.find((row) => row.variant === name && row.length === length && row.training === training);
    const forward = lengths.map((length) => {
      const row = at(length, false);
      return row === undefined ? '' : formatMilliseconds(row.milliseconds);
    });
    const both = at(lengths[1], true);
    const longest = at(lengths[lengths.length - 1], false);
    return [
      name,
      ...forward,
      both === undefined ? '' : formatMilliseconds(both.milliseconds),
      longest === undefined ? '' : formatBytes(longest.peakBytes),
    ];
  });
  const titles = [
    'forward pass',
    ...lengths.map(formatWhole),
    `with backward, ${formatWhole(lengths[1])}`,
    `memory, ${formatWhole(lengths[lengths.length - 1])}`,
  ];
  return `![Time of a forward pass against length, for each variant, both logarithmic](speed.svg)

${markdown(titles, rows)}

${machine(scaling.environment, 'npm run bench -- --suite scaling')} Two heads of width 64; memory is the peak
of tensor memory beyond the inputs. \`npm run bench -- --report FILE\` draws these and more as one page.

${crossoverTable()}${decodingTable()}

${peersTable(machine)}

${recurrencesTable(machine)}`.trimEnd();
}

function moreTables(): string {
  const kernelRows = kernels.rows.map(({ what, threads, milliseconds, rate, unit, share }) => [
    what,
    formatWhole(threads),
    formatMilliseconds(milliseconds),
    unit === '' ? '' : `${formatCount(rate)} ${unit}/s`,
    share === undefined ? '' : formatPercent(share),
  ]);
  const kernelTable = `${markdown(['kernel', 'threads', 'time', 'rate', 'of the peak'], kernelRows)}`;
  return `${kernelTable}

${machine(kernels.environment, 'npm run bench -- --suite kernels')} The peak is what multiply-adds of the same
instructions give on as many threads, with nothing to load. Of attention, two heads of width 64, its products alone are counted.

${[trainingStepTables(machine), growthTables(machine)].filter((table) => table !== '').join('\n\n')}

${reversibleTable()}

${beforeTable(machine)}`;
}

/** How many times faster than full attention each variant is at its default options; empty if not measured. */
function crossoverTable(): string {
  if (crossover === null) return '';
  const { rows, environment } = crossover;
  const lengths = [...new Set(rows.map(({ length }) => length))];
  const names = [...new Set(rows.map(({ variant }) => variant))].filter((name) => name !== 'full');
  const cells = (name: string, training: boolean) =>
    rows
      .filter(({ variant, training: own }) => variant === name && own === training)
      .map(({ speedUp }) => formatRatio(speedUp));
  const titles = [
    'times faster than full',
    ...lengths.map(formatWhole),
    ...lengths.map((length) => `both, ${formatWhole(length)}`),
  ];
  const lines = names.map((name) => [name, ...cells(name, false), ...cells(name, true)]);
  return `${markdown(titles, lines)}

${machine(environment, 'npm run bench -- --suite crossover')} Each at its default options; forward, and forward
and backward (both).

`;
}

function decodingTable(): string {
  const positions = [...new Set(decoding.rows.map(({ position }) => position))];
  const names = [...new Set(decoding.rows.map(({ variant }) => variant))];
  const rows = names.map((name) => {
    const own = decoding.rows.filter(({ variant }) => variant === name);
    const [first, last] = [own[0], own[own.length - 1]];
    return [
      name,
      ...own.map(({ millisecondsPerToken }) => formatMilliseconds(millisecondsPerToken)),
      formatRatio(last.millisecondsPerToken / first.millisecondsPerToken),
      formatBytes(last.stateBytes),
    ];
  });
  const titles = [
    'one more token',
    ...positions.map((position) => `after ${formatWhole(position)}`),
    'last / first',
    'state',
  ];
  return `${markdown(titles, rows)}

${machine(decoding.environment, 'npm run bench -- --suite decoding')} Variants with a state of constant size take the
same time wherever they are; the others keep a cache.`;
}

function reversibleTable(): string {
  const depths = [...new Set(reversible.rows.map(({ layers }) => layers))];
  const rows = (['plain', 'reversible'] as const).map((residual) => {
    const own = reversible.rows.filter((row) => row.residual === residual);
    const ratio = own[own.length - 1].activationBytes / own[0].activationBytes;
    return [residual, ...own.map(({ activationBytes }) => formatBytes(activationBytes)), formatRatio(ratio)];
  });
  const titles = ['activations', ...depths.map((layers) => `${layers} layers`), 'deepest / shallowest'];
  return `${markdown(titles, rows)}

Peak memory of a training step at ${counted(reversible.rows[0].length, 'token')}, by \`npm run bench -- --suite reversible\`.`;
}

function machine({ cpu, threads, node, kernels: set, date }: ComparisonReport['environment'], command: string): string {
  return `Measured on ${date.slice(0, 10)} by \`${command}\` on ${cpu}, ${counted(threads, 'thread')}, Node ${node}, ${set} kernels.`;
}
