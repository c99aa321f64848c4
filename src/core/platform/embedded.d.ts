/** What scripts/browser-bundle.mjs puts into a bundle for pages, which have no folder of the package to read. */
declare module 'embedded:package' {
  /** Bytes by path, as `ownBytes` takes it. A thread has none: it is sent what it needs. */
  export const files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** The script of a thread (thread-entry.browser.ts); empty in that script itself. */
  export const threadScript: string;
}
