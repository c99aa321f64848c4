/**
 * `npm run sink-table`: whether a window breaks our trained byte model, and whether the first tokens mend it, as table 2 of
 * Xiao et al. 2024 asks of large models.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { noGrad } from '../src/core/autograd.ts';
import { ArgumentError } from '../src/core/errors.ts';
import { crossEntropy, slice } from '../src/core/ops/index.ts';
import { scope } from '../src/core/scope.ts';
import { elements, fromArray } from '../src/core/tensor.ts';
import { formatWhole } from '../src/terminal/format.ts';
import { integer, integers, text } from '../src/terminal/options.ts';
import { formatTable } from '../src/terminal/table.ts';
import { widthOf } from '../src/terminal/width.ts';
import { loadModel } from '../src/training/checkpoint.ts';
import { LanguageModel } from '../src/training/language-model.ts';
import { evaluation } from '../src/training/module.ts';
import { rebuilt } from '../src/training/reattend.ts';
import { runProgram } from './program.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

const command = {
  usage: 'npm run sink-table --',
  summary: 'Read a text with our byte model through full attention, a window, and a window with attention sinks.',
  details: 'The table has bits a byte: for the bytes within the length of the training, and for those beyond it.',
  options: {
    text: text('FILE', 'Read this text', {
      default: fixture('text/alice-chapter-1.txt'),
      defaultText: 'Alice, chapter 1',
    }),
    bytes: integer('N', 'Number of bytes to read', { default: 4096, minimum: 1100, maximum: 65536 }),
    windows: integers('N', 'Tokens of the window, the query among them', { default: [64, 256], minimum: 1 }),
    sinks: integers('N', 'Numbers of sinks', { default: [0, 1, 4, 8], minimum: 0 }),
  },
};

await runProgram(command, (values) => {
  const { learner } = loadModel(fixture('byte-lm.safetensors'));
  const { model } = learner;
  if (!(model instanceof LanguageModel)) throw new ArgumentError('fixtures/byte-lm.safetensors: no language model');
  const bytes = new Uint8Array(readFileSync(values.text)).subarray(0, values.bytes + 1);
  const { length } = model.config;
  if (bytes.length < length + 2)
    throw new ArgumentError(`--text: expected more than ${length} bytes, got ${bytes.length}`);

  const rows = [['full', { variant: 'full' }] as const, ...windowed(values)].map(([name, attention]) => {
    const other = rebuilt(learner, { length: bytes.length, attention }, 0).model as LanguageModel;
    return [name, ...bitsPerByte(other, bytes, length).map((bits) => bits.toFixed(3))];
  });
  const beyond = `to ${formatWhole(bytes.length - 1)}`;
  const titles = ['attention', `bytes 1 to ${formatWhole(length)}`, beyond];
  const columns = titles.map((title, n) => ({ title, align: n === 0 ? ('left' as const) : ('right' as const) }));
  process.stdout.write(`${formatTable(columns, rows, { width: widthOf(process.stdout) })}\n`);
  return 0;
});

/** A window of w tokens, and as many sinks beside it. */
function windowed({ windows, sinks }: { windows: readonly number[]; sinks: readonly number[] }) {
  return windows.flatMap((window) =>
    sinks.map((numSinks): readonly [string, { variant: string; options?: Record<string, unknown> }] => [
      `window ${window}, ${numSinks === 0 ? 'no sinks' : numSinks === 1 ? '1 sink' : `${numSinks} sinks`}`,
      { variant: 'attention-sinks', options: { windowLength: window + numSinks, numSinks } },
    ]),
  );
}

/** Of each byte but the first, given those before it: the mean of the first `length`, and of the others. */
function bitsPerByte(model: LanguageModel, bytes: Uint8Array, length: number): number[] {
  return scope(() => {
    const [given, next] = [bytes.subarray(0, -1), bytes.subarray(1)].map((each) =>
      fromArray(each, [1, each.length], 'int32'),
    );
    const logits = noGrad(() => model.forward(given, evaluation));
    const parts = [
      [0, length],
      [length, bytes.length - 1],
    ];
    return parts.map(([begin, end]) => {
      const loss = noGrad(() => crossEntropy(slice(logits, 1, begin, end), slice(next, 1, begin, end)));
      return elements(loss)[0] / Math.LN2;
    });
  });
}
