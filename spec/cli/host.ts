/** The command line inside this process: what it wrote, and its exit code. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/commands/run.ts';

// Of whoever runs the tests; the width is what a test says.
delete process.env.COLUMNS;

export interface Answer {
  code: number;
  out: string;
  err: string;
}

/** In the folder of every run of `train`, sorted. */
export const RUN_FILES = [
  'checkpoint.safetensors',
  'config.json',
  'curves.html',
  'metrics.csv',
  'metrics.jsonl',
  'results.json',
];

/** Streams that remember; a terminal of `columns`, or a pipe without. */
export async function answerTo(args: readonly string[], columns?: number): Promise<Answer> {
  const written = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    isTTY: columns !== undefined,
    columns,
    write(text: string) {
      written[name] += text;
    },
  });
  const code = await run(args, { stdout: stream('out'), stderr: stream('err') });
  return { code, out: written.out, err: withoutProgress(written.err) };
}

/** A slow machine says in between how far it is. */
export function withoutProgress(err: string): string {
  return err.replace(/^\d+%( {2}.*)?\n/gm, '');
}

/** The same, of a command that is expected to work. */
export async function outputOf(args: readonly string[], columns?: number): Promise<string> {
  const { code, out, err } = await answerTo(args, columns);
  if (code !== 0) throw new Error(`${args.join(' ')}: exit code ${code}\n${err}`);
  return out;
}

/** An empty folder, removed when this process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
