/** A path or another argument, as a user types it in a command that we suggest. */

const isWindows = process.platform === 'win32';
/** Characters that have no special meaning in any shell; on Windows a backslash is one. */
const PLAIN = isWindows ? /^[\w@%+=:,./\\-]+$/ : /^[\w@%+=:,./-]+$/;

/** Unchanged where no shell needs quotes, else in double quotes, which shells of Unix and of Windows know. */
export function shellWord(word: string): string {
  if (PLAIN.test(word)) return word;
  return `"${isWindows ? word : word.replace(/["$`\\]/g, '\\$&')}"`;
}
