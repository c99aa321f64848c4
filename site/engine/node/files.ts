/** The files of a page: whatever was put there, by path. The rest of `node/` reads and writes these. */

const contents = new Map<string, Uint8Array>();

/** `\` and `.` never come up: the library joins paths by `path.ts`. */
export function put(path: string, bytes: Uint8Array): void {
  contents.set(path, bytes);
}

export function get(path: string): Uint8Array | undefined {
  return contents.get(path);
}

export function drop(path: string): void {
  contents.delete(path);
}

export function names(): string[] {
  return [...contents.keys()];
}

/** As the library's messages know it: the code of a system error. */
export class NoSuchFile extends Error {
  readonly code = 'ENOENT';
  readonly syscall = 'open';
  readonly errno = -2;
  readonly path: string;

  constructor(path: string) {
    super(`ENOENT: no such file or directory, open '${path}'`);
    this.path = path;
  }
}

export function need(path: string): Uint8Array {
  const bytes = contents.get(path);
  if (bytes === undefined) throw new NoSuchFile(path);
  return bytes;
}
