/**
 * Tests resuming with real processes: a training is killed (SIGKILL) at random moments, also while it writes a checkpoint,
 * resumes with `train --resume` on one thread or two, and has to end with the same bytes as an undisturbed run.
 *
 *     npm run kill-and-resume                          ten kills
 *     npm run kill-and-resume -- --kills 3 --seed 7    three, at other moments
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Random } from '../src/core/random.ts';
import { integer, type OptionValues, texts } from '../src/terminal/options.ts';
import { resumeRun } from '../src/training/checkpoint.ts';
import { endRun } from '../src/training/run.ts';
import { runProgram } from './program.ts';
import { wordsOf } from './words-of.ts';

export interface KillSettings {
  kills: number;
  /** Of the moments and the numbers of threads. */
  seed: number;
  /** Of `train`: the task and its options, without --out and --threads. */
  training: readonly string[];
  tell(line: string): void;
}

export interface Verdict {
  /** Kills that came while a checkpoint was being written: a part of it was left behind. */
  whileWriting: number;
  /** Steps that the checkpoints stood at after each kill; null before the first checkpoint. */
  stoodAt: (number | null)[];
  /** Of the checkpoints at the end: first that of the undisturbed run, then of each that was killed on its way. */
  hashes: string[];
  same: boolean;
}

/** With dropout, features that are redrawn, and a checkpoint every few steps. */
const TRAINING = [
  ...['duplication', '--attention', 'performer', '--dropout', '0.1', '--length', '16', '--model-dim', '128'],
  ...['--batch', '4', '--steps', '400', '--checkpoint-every', '5', '--evaluate-every', '100'],
  ...['--evaluation-examples', '16'],
];
/** An average life takes this share of the steps that an even division would give it, so that kills meet a live process. */
const HASTE = 0.8;
/** About as long as a checkpoint takes to be written. */
const WRITE_MILLISECONDS = 3;
/** For a checkpoint that does not come. */
const LONGEST_WAIT = 5000;

/** Throws Error for a training that fails otherwise than by the kill. */
export async function killAndResume({ kills, seed, training, tell }: KillSettings): Promise<Verdict> {
  const random = new Random(seed).split('kills');
  const folder = mkdtempSync(join(tmpdir(), 'kill-and-resume-'));
  try {
    const whole = join(folder, 'whole');
    const milliseconds = await untilItEnds(start([...begin(training, whole), '--threads', '2']));
    const verdict: Verdict = { whileWriting: 0, stoodAt: [], hashes: [hashOf(whole)], same: true };
    tell(`Undisturbed: ${(milliseconds / 1000).toFixed(1)} s, ${verdict.hashes[0]}`);

    // A machine that has become faster may be done before it was killed often enough: then once more from the start.
    for (let round = 0; verdict.stoodAt.length < kills; round++) {
      const out = join(folder, `killed-${round}`);
      mkdirSync(out);
      for (;;) {
        const words = existsSync(checkpointOf(out)) ? ['train', '--resume', out] : begin(training, out);
        const before = new Set(readdirSync(out));
        const life = start([...words, '--threads', String(1 + random.integer(2))]);
        const done = verdict.stoodAt.length;
        const moment: Moment = {
          milliseconds: done === kills ? null : random.uniform() * 2 * HASTE * (milliseconds / (kills + 1)),
          // Every other kill waits for a checkpoint to be begun.
          afterBegun: done % 2 === 1 ? WRITE_MILLISECONDS * random.uniform() : null,
        };
        if (!(await isKilled(life, out, moment))) break;
        const left = readdirSync(out).some((name) => isPartial(name) && !before.has(name));
        if (left) verdict.whileWriting++;
        const step = stepOf(out);
        verdict.stoodAt.push(step);
        const where = step === null ? 'no checkpoint yet' : `a checkpoint of step ${step}`;
        tell(`Kill ${done + 1}: left ${where}${left ? ' and a part of the next' : ''}`);
      }
      verdict.hashes.push(hashOf(out));
      tell(`Resumed to the end: ${verdict.hashes.at(-1)}`);
      verdict.same &&= verdict.hashes.at(-1) === verdict.hashes[0];
    }
    return verdict;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function begin(training: readonly string[], out: string): string[] {
  return ['train', ...training, '--out', out];
}

type Life = ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream };

function start(args: readonly string[]): Life {
  return spawn(process.execPath, [...wordsOf('src/cli.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Milliseconds from its first word to its end. Throws Error for another exit code than 0. */
async function untilItEnds(life: Life): Promise<number> {
  let [errors, begun] = ['', 0];
  life.stderr.on('data', (text) => {
    errors += text;
  });
  life.stdout.on('data', () => {
    begun ||= performance.now();
  });
  const [code] = await once(life, 'close');
  if (code !== 0 && code !== null) throw new Error(`train: exit code ${code}\n${errors}`);
  return performance.now() - begun;
}

interface Moment {
  /** After the first word of the process; null: never. */
  milliseconds: number | null;
  /** Then so many more from the next moment on at which a file is begun; null: without waiting for that. */
  afterBegun: number | null;
}

/** Whether the process was alive at the moment; returns when it has ended. */
async function isKilled(life: Life, out: string, { milliseconds, afterBegun }: Moment): Promise<boolean> {
  const kill = () => {
    if (afterBegun !== null) waitForWriting(out, afterBegun);
    life.kill('SIGKILL');
  };
  if (milliseconds !== null) life.stdout.once('data', () => setTimeout(kill, milliseconds));
  await untilItEnds(life);
  return life.signalCode === 'SIGKILL';
}

/** Until so many milliseconds after a file is begun. Looks without a pause: a write is over before a notice of it comes. */
function waitForWriting(out: string, milliseconds: number): void {
  const until = (moment: number, isOver: () => boolean) => {
    while (performance.now() < moment && !isOver());
  };
  until(performance.now() + LONGEST_WAIT, () => readdirSync(out).some(isPartial));
  until(performance.now() + milliseconds, () => false);
}

/** By its name, a file that has not taken its own. */
function isPartial(name: string): boolean {
  return name.endsWith('.tmp');
}

function checkpointOf(out: string): string {
  return join(out, 'checkpoint.safetensors');
}

/** That a checkpoint stands at. Throws FileFormatError if it is not whole. */
function stepOf(out: string): number | null {
  if (!existsSync(checkpointOf(out))) return null;
  const run = resumeRun(checkpointOf(out));
  endRun(run);
  return run.step;
}

/** Of the whole file: weights, the optimiser's state, random state and settings. */
function hashOf(out: string): string {
  return createHash('sha256')
    .update(readFileSync(checkpointOf(out)))
    .digest('hex');
}

const command = {
  usage: 'npm run kill-and-resume --',
  summary: 'Kill a training at random moments, resume it, and compare its result with that of an uninterrupted one.',
  options: {
    kills: integer('N', 'Number of kills', { minimum: 1, default: 10 }),
    seed: integer('N', 'Seed of the moments', { default: 1 }),
    train: texts('WORDS', 'Train this instead of a small performer, such as `copy --steps 300 --checkpoint-every 5`'),
  },
  examples: [
    { command: 'npm run kill-and-resume', explanation: 'Kill ten times, in a minute or two' },
    {
      command:
        'npm run kill-and-resume -- --train "copy --attention reformer --optimizer adafactor --checkpoint-every 9"',
      explanation: 'Kill another training',
    },
  ],
};

async function main({ kills, seed, train }: OptionValues<typeof command.options>): Promise<number> {
  const training = train.length > 0 ? train.flatMap((words) => words.trim().split(/\s+/)) : TRAINING;
  console.log(`train ${training.join(' ')}, killed ${kills} times, seed ${seed}`);
  const { whileWriting, same } = await killAndResume({ kills, seed, training, tell: console.log });
  console.log(`${kills} kills, ${whileWriting} of them while a checkpoint was being written`);
  console.log(
    same
      ? 'Identical: the final checkpoints are the same, byte for byte.'
      : 'DIFFERENT: the resumed run does not end with the same bits.',
  );
  return same ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await runProgram(command, main);
