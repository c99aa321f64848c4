/** A path or another argument, as it is typed in a command that we tell people to run. */

const isWindows = process.platform === 'win32';
/** What no shell takes for anything but itself; a backslash is that on Windows. */
const PLAIN = isWindows ? /^[\w@%+=:,./\\-]+$/ : /^[\w@%+=:,./-]+$/;

/** As it is where a shell takes it so, else in double quotes, which those of Unix and of Windows know. */
export function shellWord(word: string): string {
  if (PLAIN.test(word)) return word;
  return `"${isWindows ? word : word.replace(/["$`\\]/g, '\\$&')}"`;
}
