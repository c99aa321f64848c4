/** Words of a command line: plausible ones, with faults, and implausible ones. */
import { loadCommands } from '../../src/commands/run.ts';
import type { Random } from '../../src/core/random.ts';
import { flagName } from '../../src/terminal/options.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { damaged, oneIn, pick } from './bytes.ts';

/** Of the folder in which commands are run (command-line.ts), and places where nothing is or can be. */
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
const COUNTS = ['batch', 'evaluationExamples', 'examples', 'count', 'layers'];
/** Threads that are started again for each command take longer than all the rest. */
const THREADS = ['1', '0', '-1', 'x', '65', ''];

const commands = await loadCommands();

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
  'compare --length 8 --heads 1 --head-dim 4 --variant linformer --all-budgets --no-report',
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

export function drawWords(random: Random): string[] {
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
