/**
 * `npm run converted-in-python`: converts all-MiniLM-L6-v2 to a Longformer, loads the folder in Python as docs/pretrained.md shows it,
 * and holds the embeddings of sentences there against ours. Writes what it finds to bench/results/converted-in-python.json.
 *
 * Python is $PYTHON, or that of .venv, or python3, with torch, transformers and safetensors.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../src/commands/run.ts';
import { describeEnvironment } from '../src/compare/environment.ts';
import { EfficientTransformersError } from '../src/core/errors.ts';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { readSafetensors } from '../src/core/files/safetensors.ts';
import { scope } from '../src/core/scope.ts';
import { elements } from '../src/core/tensor.ts';
import type { PretrainedModel } from '../src/pretrained/architecture.ts';
import { loadPretrained } from '../src/pretrained/load.ts';
import { embedSentences } from '../src/pretrained/sentences.ts';
import { pairProducts, SENTENCES, spearman } from '../src/pretrained/similarity.ts';
import { loadTokenizer } from '../src/pretrained/tokenizer.ts';
import { formatError } from '../src/terminal/format.ts';
import { text } from '../src/terminal/options.ts';
import { commandOf, expectSources, hereOf, MINILM, SETS, TEXT, wordsOf } from './conversions/sets.ts';
import { runProgram } from './program.ts';

/** What the script writes. */
export interface ConvertedInPython {
  /** Of `npm start --`. */
  command: string;
  environment: ReturnType<typeof describeEnvironment>;
  versions: { torch: string; transformers: string };
  sentences: number;
  /** The largest difference of a number of an embedding, which has the length 1; and Spearman's correlation with the original. */
  converted: { largest: number; ours: number; theirs: number };
  /** Of the class of config.json, which attends as the model did before, and of `attention: [null]` here. */
  own: { largest: number };
}

/** Some hundred roundings of 6e-8 lie between the words and the numbers of a vector of length 1. */
const LIMIT = 1e-5;
const ROW = { to: 'longformer', option: 'attentionWindow=8' };
const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const FOLDER = join('out', 'converted', 'longformer');
const RESULTS = 'bench/results/converted-in-python.json';

/** Python cannot be run, lacks a package, or computes something else. */
class PythonError extends EfficientTransformersError {
  override name = 'PythonError';
}

const command = {
  usage: 'npm run converted-in-python --',
  summary: 'Convert MiniLM to a Longformer, load it in Python, and hold its embeddings there against ours.',
  details: `The numbers go to ${RESULTS}; npm run readme writes them into docs/pretrained.md. Python is $PYTHON, or that of .venv, or python3, with torch, transformers and safetensors.`,
  options: {
    text: text('FILE', 'Train on this text', { default: TEXT }),
    pretrained: text('DIR', 'The folder of MiniLM', { default: MINILM }),
  },
};

await runProgram(command, async ({ text: file, pretrained }) => {
  const here = hereOf(file, pretrained);
  expectSources(SETS.minilm, here);
  const words = wordsOf(SETS.minilm, ROW).map((word) => here.get(word) ?? word);
  const code = await run(['convert', ...words, '--threads', '1', '--out', FOLDER, '--overwrite'], process);
  if (code !== 0) return code;
  const { rows: theirs, versions } = inPython();
  const [original, converted, own] = [
    loadPretrained(here.get(MINILM) as string),
    loadPretrained(FOLDER),
    loadPretrained(FOLDER, { attention: [null] }),
  ];
  const tokenizer = await loadTokenizer(FOLDER);
  const embedded = (model: PretrainedModel) => {
    return SENTENCES.map((each) => scope(() => [...elements(embedSentences(model, tokenizer.encode([each])))]));
  };
  const before = pairProducts(embedded(original));
  const ours = embedded(converted);
  const agreement = (rows: number[][]) => spearman(before, pairProducts(rows));
  const result: ConvertedInPython = {
    command: `${commandOf(SETS.minilm, ROW)} --out ${FOLDER}`,
    ...{ environment: describeEnvironment(), versions, sentences: SENTENCES.length },
    converted: {
      largest: largestDifference(ours, theirs.converted),
      ...{ ours: agreement(ours), theirs: agreement(theirs.converted) },
    },
    own: { largest: largestDifference(embedded(own), theirs.own) },
  };
  for (const which of ['converted', 'own'] as const) {
    const { largest } = result[which];
    console.log(`${which}: at most ${formatError(largest)} apart`);
    if (!(largest <= LIMIT)) throw new PythonError(`${which}: expected at most ${LIMIT} apart, got ${largest}`);
  }
  writeFileAtomically(pathOf(RESULTS), `${JSON.stringify(result, null, 1)}\n`);
  return 0;
});

/** What transformers makes of the folder. */
function inPython(): { rows: Record<'converted' | 'own', number[][]>; versions: ConvertedInPython['versions'] } {
  const local = ['bin/python', 'Scripts/python.exe'].map((path) => pathOf(`.venv/${path}`));
  const python = process.env.PYTHON ?? local.find((path) => existsSync(path)) ?? 'python3';
  const [sentences, answer] = ['sentences.json', 'embeddings.safetensors'].map((name) => join(FOLDER, '..', name));
  writeFileAtomically(sentences, JSON.stringify(SENTENCES));
  const script = pathOf('fixtures/scripts/embed_converted.py');
  const { error, status, stderr } = spawnSync(python, [script, FOLDER, sentences, answer], { encoding: 'utf8' });
  if (error !== undefined || status !== 0) {
    const said = error?.message ?? stderr.trim().split('\n').at(-1);
    throw new PythonError(`${python} cannot load the folder: ${said}`);
  }
  const { tensors, metadata } = readSafetensors(answer);
  const rowsOf = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new PythonError(`${script} has written no ${name}`);
    const { shape, load } = tensor;
    const numbers = [...load()].map(Number);
    return Array.from({ length: shape[0] }, (_, n) => numbers.slice(n * shape[1], (n + 1) * shape[1]));
  };
  const versionOf = (name: string) => metadata.get(name) ?? 'unknown';
  return {
    rows: { converted: rowsOf('converted'), own: rowsOf('own') },
    versions: { torch: versionOf('torch'), transformers: versionOf('transformers') },
  };
}

function largestDifference(a: readonly number[][], b: readonly number[][]): number {
  return Math.max(...a.flatMap((row, n) => row.map((x, i) => Math.abs(x - b[n][i]))));
}
