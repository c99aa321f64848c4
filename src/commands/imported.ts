/** The files of `--import`: a command that is printed for later needs the same ones, or its variant would be unknown. */
import { shellWord } from './shell-word.ts';

let files: readonly string[] = [];

/** To be called at the start of a run of the program. */
export function setImported(imported: readonly string[]): void {
  files = imported;
}

/** ` --import FILE` for each file of this run, to be put at the end of a command; empty without any. */
export function importWords(): string {
  return files.map((file) => ` --import ${shellWord(file)}`).join('');
}
