/**
 * `npm run golden`: writes docs/golden.md, how far each variant is from implementations that others wrote, on the
 * inputs of fixtures/golden. These have theirs in them: no Python is needed.
 */
import { fileURLToPath } from 'node:url';
import { differencesOf, type FloatType, readGolden, runVariant } from '../spec/golden/golden.ts';
import { tryToWrite, writeFileAtomically } from '../src/core/files/atomic.ts';
import { type AnyVariant, allVariants } from '../src/variants/registry.ts';
import { runProgram } from './program.ts';

/** Files of a variant beside its own. */
const ALSO: Readonly<Record<string, readonly string[]>> = { 'linear-transformer': ['hedgehog'] };

const casesOf = ({ name }: AnyVariant) => [name, ...(ALSO[name] ?? [])].flatMap(readGolden);

/** The largest over all cases, forward and backward, as text. */
function differences(variant: AnyVariant, dtype: FloatType): string[] {
  const all = casesOf(variant).map((golden) => {
    return differencesOf(golden, dtype, () => runVariant(variant, golden, dtype));
  });
  const largest = (what: 'output' | 'gradient') => Math.max(...all.map((each) => each[what]));
  return [largest('output'), largest('gradient')].map((value) => value.toExponential(1));
}

function rowOf(variant: AnyVariant): string {
  const cases = casesOf(variant);
  const implementations = [...new Set(cases.map(({ implementation }) => implementation))];
  const theirs = implementations
    .flatMap((each) => each.split('; '))
    .map((each) => each.replace(/^(\S+ \S+): (.*)$/, '$2 ($1)'));
  const file = `[${variant.name}](../src/variants/${variant.name}.ts)`;
  const numbers = (['float32', 'float64'] as const).flatMap((dtype) => differences(variant, dtype));
  return `| ${[file, theirs.join('<br>'), cases.length, ...numbers].join(' | ')} |`;
}

const page = () => `# Against other people's implementations

\`npm run golden\` writes this page. Implementations that nobody here wrote ([which, and how](../fixtures/README.md)) and those of
this library compute the same random inputs and, in the backward pass, the same gradient of the output. The table shows the
largest difference of any number in any case, relative to the largest number of the other implementation; the backward columns
cover the gradients of all inputs and learned parameters. \`spec/golden\` fails at 10⁻⁵ forward and 10⁻⁴ backward in float32, which
is tens of rounding errors. In float64 it fails at 2 · 10⁻⁶ or less, because the files are rounded to float32, and some of the
other implementations compute in it.

| variant | compared with (version) | cases | forward, float32 | backward, float32 | forward, float64 | backward, float64 |
| --- | --- | --- | --- | --- | --- | --- |
${allVariants().map(rowOf).join('\n')}

Some implementations differ from their papers. The top of each [spec](../spec/golden) says where, and which of the two this
library follows. \`spec/golden/ops.spec.ts\` and \`spec/training/optimizers/golden.spec.ts\` compare layer normalisation, GELU,
softmax, cross-entropy and the optimisers with PyTorch's in the same way.

\`npm run fixtures\` computes the golden files again, if Python and the other implementations are installed.
\`npm run fixtures -- --check\` writes nothing, and says for each file whether its bytes are the same.
`;
const command = {
  usage: 'npm run golden --',
  summary: 'Write docs/golden.md: how far each variant is from implementations that others wrote.',
  options: {},
};

await runProgram(command, () => {
  const path = fileURLToPath(new URL('../docs/golden.md', import.meta.url));
  tryToWrite(path);
  writeFileAtomically(path, page());
  console.log(path);
  return 0;
});
