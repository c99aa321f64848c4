/** The files of a page, which has no disk: bytes by name. `fs.browser.ts` reads and writes these. */

const contents = new Map<string, Uint8Array>();

/** Puts bytes under a name, in place of what was there; they are not copied. `\` and `.` are nothing special in it. */
export function putFile(name: string, bytes: Uint8Array): void {
  contents.set(name, bytes);
}

/** The bytes under a name; undefined where there are none. */
export function fileNamed(name: string): Uint8Array | undefined {
  return contents.get(name);
}

/** Removes a file, if there is one of this name. */
export function dropFile(name: string): void {
  contents.delete(name);
}

/** The names of all files, in the order in which they came. */
export function fileNames(): string[] {
  return [...contents.keys()];
}
