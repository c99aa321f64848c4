/** What `pageFiles` offers, on a page and in Node. */

/**
 * Files of a page, which has no disk. Whatever reads or writes a path (`readNpy`, `fileInput`, `loadModel`,
 * `saveCheckpoint`, `loadPretrained` …) means these there. In Node, where it means the disk, all of it throws UnsupportedError.
 */
export interface PageFiles {
  /**
   * Puts bytes (`await file.arrayBuffer()`) under a name, in place of what was there. A name with slashes is in a folder.
   * The bytes are not copied: they must not change any more. Throws ArgumentError unless it is a name and bytes.
   */
  put(name: string, bytes: Uint8Array | ArrayBuffer): void;
  /** A copy of the bytes under a name, to be saved or sent. Throws FileFormatError where there are none. */
  get(name: string): Uint8Array<ArrayBuffer>;
  /** Lets go of the bytes under a name, if there are any. */
  remove(name: string): void;
  /** All names, in the order in which they came. */
  names(): string[];
}
