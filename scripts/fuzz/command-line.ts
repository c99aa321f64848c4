/** The command line, in this process and in a folder of its own. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/commands/run.ts';
import { writeNpy } from '../../src/core/files/npy.ts';
import { writeSafetensors } from '../../src/core/files/safetensors.ts';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import { setKernels, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { saveCheckpoint } from '../../src/training/checkpoint.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { endRun, startRun } from '../../src/training/run.ts';
import { tinySettings } from './models.ts';
import { ARRAYS } from './readers.ts';
import type { Target } from './target.ts';
import { drawWords } from './words.ts';

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
    const [threads, kernels] = [threadCount(), kernelSet()];
    return {
      draw: (random) => ({ files, words: drawWords(random) }),
      async read(at, words) {
        const said = { out: '', err: '' };
        const stream = (name: 'out' | 'err') => ({
          write(text: string) {
            said[name] += text;
          },
        });
        // A process of its own begins with these; what a case before asked for would make this one slow.
        setKernels(kernels);
        setThreads(threads);
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
        if (code !== 0 && said.err === '') throw new Error(`exit code ${code}, and no message`);
        if (ACTING.test(said.out) || ACTING.test(said.err))
          throw new Error(`control characters in the output: ${JSON.stringify(said)}`);
        return code === 0;
      },
    };
  },
};
