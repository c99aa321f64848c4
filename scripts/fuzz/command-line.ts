/** The command line, in this process: words as somebody might type them, and as nobody would. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commands, run } from '../../src/commands/run.ts';
import { writeNpy } from '../../src/core/files/npy.ts';
import { writeSafetensors } from '../../src/core/files/safetensors.ts';
import type { Random } from '../../src/core/random.ts';
import { flagName } from '../../src/terminal/options.ts';
import { saveCheckpoint } from '../../src/training/checkpoint.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { endRun, startRun } from '../../src/training/run.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { damaged, oneIn, pick } from './bytes.ts';
import { tinySettings } from './models.ts';
import { ARRAYS } from './readers.ts';
import type { Target } from './target.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What is in the folder in which commands are run. */
function makeWorld(folder: string): ReadonlyMap<string, Uint8Array> {
  writeNpy(join(folder, 'q.npy'), ARRAYS[4]);
  const part = { shape: [1, 2, 8, 4], data: Float32Array.from({ length: 64 }, (_, n) => Math.sin(n)) };
  writeSafetensors(
    join(folder, 'layers.safetensors'),
    ['a.q', 'a.k', 'a.v', 'b.q', 'b.k', 'b.v'].map((name) => [name, part]),
  );
  mkdirSync(join(folder, 'trained'));
  const runs = [startRun(tinySettings({})), startRun(tinySettings({ task: { name: 'listops', length: 24 } }))];
  saveCheckpoint(join(folder, 'trained', 'checkpoint.safetensors'), runs[0]);
  saveCheckpoint(join(folder, 'classifier.safetensors'), runs[1]);
  const { learner, settings, step, task } = runs[0];
  exportModel({ learner, settings, step, alphabet: task.alphabet }, join(folder, 'exported'));
  for (const each of runs) endRun(each);
  const files = new Map<string, Uint8Array>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    files.set(relative(folder, path).split(sep).join('/'), readFileSync(path));
  }
  for (const name of ['config.json', 'model.safetensors']) {
    files.set(`bert/${name}`, readFileSync(join(root, 'fixtures', 'pretrained', 'bert-model', name)));
  }
  files.set('text.txt', Buffer.from('Some English, of a few lines.\n'.repeat(20)));
  files.set('ids.txt', Buffer.from('1 2 3\n4, 5'));
  files.set('empty', new Uint8Array());
  return files;
}

const PATHS = [
  ...[
    'q.npy',
    'layers.safetensors',
    'trained',
    'trained/checkpoint.safetensors',
    'classifier.safetensors',
    'exported',
    'bert',
    'text.txt',
  ],
  ...[
    'ids.txt',
    'empty',
    'missing',
    'missing/below',
    'q.npy/below',
    '.',
    '-',
    'out',
    'out/deep/er',
    'out.json',
    'report.html',
    '/dev/null',
    '/dev/zero',
  ],
  ...['x'.repeat(300), 'a\0b', '\u001b[31m.npy', 'ü', ' ', 'q.npy,q.npy,q.npy', 'out/'],
];
/** Sizes that a machine can just about have are left out: a request that takes long, and is asked for, is no fault. */
const NUMBERS = [
  '0',
  '1',
  '2',
  '3',
  '4',
  '8',
  '-1',
  '0.5',
  '0.25',
  '1e309',
  'NaN',
  '',
  'x',
  '4294967296',
  '9007199254740993',
  '99999999999999999999',
  '1e3',
  '0x8',
  '٣',
  '+4',
  '007',
  ' 4',
  '1,2',
  '2,',
  '--1',
];
const WORDS = [
  '',
  'x',
  '--',
  '-',
  '-x',
  '--help',
  '-h',
  '--no-report',
  '--no-',
  '--=',
  '=',
  '--length',
  'help',
  'compare',
  '\0',
  '\u001b[2J',
  '\u202e',
  '🙂',
  '--__proto__',
  '--constructor=1',
  '-hh',
  '--version',
  '0',
  'full',
];
const PAIRS = [
  'window=4',
  'w=1',
  'numRandomFeatures=8',
  'full.x=1',
  'longformer.window=2',
  'window=',
  '=1',
  'window',
  'landmarks=2147483646',
  'causal=true',
  '__proto__=1',
  'chunkLength=0',
  'kernelSize=1e9',
];
/** Of these, more is more work. */
const COUNTS = ['evaluationExamples', 'examples', 'count', 'layers'];
/** Threads that are started anew for each command take longer than all the rest. */
const THREADS = ['1', '0', '-1', 'x', '65', ''];

function drawValue(key: string, placeholder: string, random: Random): string {
  if (key === 'threads') return pick(THREADS, random);
  if (key === 'recipe') return pick(WORDS, random);
  if (key === 'option') return pick(PAIRS, random);
  if (COUNTS.includes(key)) return pick(NUMBERS.slice(0, 13), random);
  if (/FILE|DIR|FOLDER/.test(placeholder)) return pick(PATHS, random);
  if (/^[A-Z]\b/.test(placeholder) || /SHARE/.test(placeholder)) return pick(NUMBERS, random);
  const names = [
    ...allVariants().map(({ name }) => name),
    'plain',
    'simd',
    'rotary',
    'cosine',
    'adafactor',
    'gaussian',
    'peaked',
    'a',
    'layer0',
  ];
  return oneIn(4, random) ? `${pick(names, random)},${pick(names, random)}` : pick(names, random);
}

const TASKS = ['copy', 'duplication', 'listops', 'byte-lm', 'associative-recall', 'nothing'];
const POSITIONALS: Record<string, readonly string[]> = {
  train: TASKS,
  variants: ['full', 'performer', 'x'],
  export: PATHS,
  import: PATHS,
};

/** What works, to begin with. */
const TEMPLATES = [
  'compare --length 8 --heads 1 --head-dim 4 --variant full,longformer',
  'compare --length 4,8 --heads 2 --head-dim 4 --causal --variant local-attention --budget 2 --report report.html',
  'compare --qkv q.npy --variant full,linformer --json out.json --no-report',
  'compare --qkv layers.safetensors --all --share 0.5 --variant reformer --no-report',
  'compare --checkpoint trained --variant full --no-report --json -',
  'compare --checkpoint classifier.safetensors --layer 0 --variant full',
  'compare --pretrained bert --ids ids.txt --variant full --by-layer',
  'compare --pretrained bert --text text.txt --variant full',
  'patterns --qkv layers.safetensors --layer a --weights --svg out.svg --variant bigbird',
  'patterns --length 8 --variant longformer --report report.html',
  'generate --checkpoint trained --count 3 --prompt=1 --temperature 0.5 --top-k 2',
  'eval --checkpoint trained --examples 2 --ablate',
  'eval --checkpoint classifier.safetensors --examples 2',
  'export trained --out out --check --loader',
  'import exported --out again',
  'train copy --length 16 --model-dim 8 --heads 2 --layers 1 --batch 2 --evaluation-examples 2 --steps 2',
  'train copy --sweep full,performer --model-dim 8 --heads 2 --layers 1 --evaluation-examples 2 --steps 1 --out out',
  'train byte-lm --text text.txt --length 8 --model-dim 8 --heads 2 --evaluation-examples 2 --optimizer sgd --rate 0.1',
  'train --resume trained',
  'variants performer --length 16',
  'help train',
].map((line) => line.split(' '));

function draw(random: Random): string[] {
  const template = oneIn(3, random) ? null : pick(TEMPLATES, random);
  const command = commands.find(({ name }) => name === template?.[0]) ?? pick(commands, random);
  const { options } = command.describe();
  const keys = Object.keys(options);
  const words = template === null ? (oneIn(10, random) ? [] : [command.name]) : [...template];
  const mayBeNamed = template === null && command.name in POSITIONALS && !oneIn(3, random);
  if (mayBeNamed) words.push(pick(POSITIONALS[command.name], random));
  for (let count = random.integer(template === null ? 6 : 3); count > 0; count--) {
    const key = pick(keys, random);
    const { placeholder } = options[key];
    const flag = `--${placeholder === null && oneIn(4, random) ? 'no-' : ''}${flagName(key)}`;
    if (placeholder === null) words.push(flag);
    else if (oneIn(3, random)) words.push(`${flag}=${drawValue(key, placeholder, random)}`);
    else words.push(flag, drawValue(key, placeholder, random));
  }
  if (oneIn(2, random)) for (let faults = 1 + random.integer(3); faults > 0; faults--) fault(words, random);
  return small(words.map(tame), random);
}

function fault(words: string[], random: Random): void {
  const at = random.integer(words.length + 1);
  const old = words[at];
  switch (random.integer(5)) {
    case 0:
      words.splice(at, 1);
      break;
    case 1:
      words.splice(at, 0, pick(WORDS, random));
      break;
    case 2:
      if (old !== undefined) words.splice(at, 0, old);
      break;
    case 3:
      if (old !== undefined) words.push(...words.splice(at, 1));
      break;
    default:
      if (old !== undefined) words[at] = damaged(Buffer.from(old), random).toString();
  }
}

/** Commands write where they are told to: only into their own folder here. */
function tame(word: string): string {
  const escapes = word.includes('..') || /(^|[=,])\s*[/~]/.test(word.replaceAll(/\/dev\/(null|zero)\b/g, ''));
  return escapes ? 'x' : word;
}

/** What is left out of a command is its default, which may be minutes of work: something small instead. */
function small(words: readonly string[], random: Random): string[] {
  const has = (...flags: string[]) =>
    words.some((word) => flags.some((flag) => word === flag || word.startsWith(`${flag}=`)));
  const name = words[0]?.startsWith('-') === false ? words[0] : 'compare';
  if (name === 'compare' || name === 'patterns') {
    const input = has('--length', '--qkv', '--checkpoint', '--pretrained')
      ? []
      : pick(
          [
            ['--length', '8'],
            ['--qkv', 'q.npy'],
          ],
          random,
        );
    return [
      ...words,
      ...input,
      ...(has('--variant') ? [] : ['--variant', pick(['full', 'full,longformer', 'reformer'], random)]),
    ];
  }
  if (name === 'train') {
    const task = has('--resume') || words.some((word) => TASKS.includes(word)) ? [] : ['copy'];
    const size =
      has('--model-dim') || has('--resume')
        ? []
        : ['--model-dim', '8', '--heads', '2', '--layers', '1', '--length', '16', '--evaluation-examples', '2'];
    return [...words, ...task, ...(oneIn(2, random) || task.length > 0 ? size : []), '--minutes', '0'];
  }
  if (name === 'eval') return has('--examples') ? [...words] : [...words, '--examples', '1'];
  return name === 'doctor' ? [...words, '--nothing'] : [...words];
}

/** Control characters, and marks that turn text round: no stream is given these. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const ACTING = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/u;

export const commandLine: Target = {
  name: 'command-line',
  summary: 'every command with words of all kinds, in a folder of its own',
  share: 4,
  releases: false,
  tensorBytes: 2 ** 29,
  prepare(folder) {
    const files = makeWorld(folder);
    return {
      draw: (random) => ({ files, words: draw(random) }),
      async read(at, words) {
        const said = { out: '', err: '' };
        const stream = (name: 'out' | 'err') => ({
          write(text: string) {
            said[name] += text;
          },
        });
        const before = process.cwd();
        process.chdir(at);
        let code: number;
        try {
          code = await run(words, { stdout: stream('out'), stderr: stream('err') });
        } finally {
          process.chdir(before);
        }
        if (said.err.includes('this is a bug')) throw new Error(said.err);
        if (code !== 0 && code !== 1 && code !== 2) throw new Error(`exit code ${code}: ${said.err}`);
        if (code !== 0 && said.err === '') throw new Error(`exit code ${code}, and nothing was said`);
        if (ACTING.test(said.out) || ACTING.test(said.err))
          throw new Error(`control characters in what was said: ${JSON.stringify(said)}`);
        return code === 0;
      },
    };
  },
};
