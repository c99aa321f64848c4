/** The tables of streams, of decoded tokens and of growing training steps, for docs/speed.md. */
import { readGeneration, readSuite } from '../bench/report/results.ts';
import { GENERATION_TITLES, generationLines } from '../bench/suites/generation.ts';
import { GROWTH_TITLES, growthLines } from '../bench/suites/growth.ts';
import { streamLines } from '../bench/suites/stream.ts';
import type { ComparisonReport } from '../src/compare/result.ts';
import { formatWhole } from '../src/terminal/format.ts';
import { markdown } from './training-summary.ts';

/** Writes where and by which command numbers were measured. */
type Machine = (environment: ComparisonReport['environment'], command: string) => string;

/** Each is empty where it was not measured. */
export function growthTables(machine: Machine): string {
  return [streamTable(machine), generationTable(machine), growthTable(machine)]
    .filter((table) => table !== '')
    .join('\n\n');
}

function streamTable(machine: Machine): string {
  const measured = readSuite('stream');
  if (measured === null) return '';
  const { rows, environment } = measured;
  const tokens = rows.map((row) => row.tokens);
  const [part, all] = [Math.min(...tokens), Math.max(...tokens)];
  const titles = [
    `a stream of ${formatWhole(all)} tokens`,
    'time',
    'last / first part',
    'slope',
    'state',
    'live, first part',
    'live, last part',
    'peak',
  ];
  return `${markdown(titles, streamLines(rows))}

${machine(environment, 'npm run bench -- --suite stream')} One head of width 64 on one thread, in calls of 1,000 tokens and parts of
${formatWhole(part)}; times are the processor's, so that other work on the machine counts little. The slope is that of log time over log tokens: 1 is linear. *Live* is what all tensors
hold between two calls, *peak* the most within one. Left out are variants whose states grow with the text.`;
}

function generationTable(machine: Machine): string {
  const measured = readGeneration();
  if (measured === null) return '';
  const { rows, environment, versions = {}, tokensBefore } = measured;
  return `${markdown(GENERATION_TITLES, generationLines(rows))}

${machine(environment, 'npm run bench -- --suite generation --venv FOLDER')} PyTorch ${versions.torch}, with a cache that has room for all
keys and values. One more token of a model of bytes after ${formatWhole(tokensBefore)} others; above 1× this library is faster. Each computed the
same logits before.`;
}

function growthTable(machine: Machine): string {
  const measured = readSuite('growth');
  if (measured === null) return '';
  const { rows, environment } = measured;
  const { length, width, depth, batch } = rows[0];
  return `${markdown(GROWTH_TITLES, growthLines(rows))}

${machine(environment, 'npm run bench -- --suite growth')} A step of training a model of bytes on one thread, in the
processor's time: ${formatWhole(length)} tokens, d = ${width}, ${depth} layer, batches of ${batch}, two heads, AdamW. The other figures are exponents: one size is doubled
twice while the others stay, and 1 is linear. Memory is the most that tensors hold within a step, beyond the model and the optimiser.
Options are the defaults for ${formatWhole(length)} tokens.`;
}
