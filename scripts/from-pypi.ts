/** Files of PyPI for the scripts here: fetched without Python, checked by their SHA-256, and unpacked. */
import { inflateRawSync } from 'node:zlib';
import { download, FetchError, get } from './download.ts';

export interface PypiFile {
  project: string;
  file: string;
  sha256: string;
}

/** The bytes of a file that a project on PyPI has. Throws FetchError if there is no such file, or if it has another digest. */
export async function fromPypi({ project, file, sha256 }: PypiFile): Promise<Buffer> {
  const index = `https://pypi.org/simple/${project}/`;
  const listed = await get(index, { accept: 'application/vnd.pypi.simple.v1+json' });
  const { files } = JSON.parse(listed.toString('utf8')) as { files: { filename: string; url: string }[] };
  const url = files.find(({ filename }) => filename === file)?.url;
  if (url === undefined) throw new FetchError(`${index} lists no ${file}`);
  return download(url, sha256);
}

/** The members of a zip archive by name (PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16), without zip64. */
export function membersOfZip(zip: Buffer): Map<string, () => Buffer> {
  const END_BYTES = 22;
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'), zip.length - END_BYTES);
  if (end < 0) throw new Error('this is no zip archive');
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

/** A member of a tar archive (POSIX.1-1988, ustar). Throws Error if it is not there. */
export function memberOfTar(tar: Buffer, wanted: string): Buffer {
  const BLOCK = 512;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const text = (begin: number, end: number) =>
      tar
        .toString('latin1', at + begin, at + end)
        .split('\0')[0]
        .trim();
    const size = Number.parseInt(text(124, 136), 8);
    if (text(0, 100) === wanted) return tar.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK * (1 + Math.ceil(size / BLOCK));
  }
  throw new Error(`the archive has no ${wanted}`);
}
