/** Progress and the learner's texts, in the storage of the page; where there is none, for as long as the page is open. */
import {
  type Exported,
  joined,
  NO_PROGRESS,
  type Progress,
  parseExported,
  parseProgress,
} from '../../../learn/progress.ts';

const PROGRESS = 'learn-progress';
const textKey = (name: string): string => `learn-text-${name}`;
const memory = new Map<string, string>();

function read(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
    memory.delete(key);
  } catch {
    // Storage is full or forbidden.
    if (value === null) memory.delete(key);
    else memory.set(key, value);
  }
}

/** Nothing solved, where what is stored is not of this page. */
export function progress(): Progress {
  try {
    return parseProgress(read(PROGRESS) ?? '', PROGRESS);
  } catch {
    return NO_PROGRESS;
  }
}

export function keep(progress: Progress): void {
  write(PROGRESS, JSON.stringify(progress));
}

/** What the learner wrote; null before they wrote anything. */
export function textOf(name: string): string | null {
  return read(textKey(name));
}

/** Null forgets it. */
export function keepText(name: string, text: string | null): void {
  write(textKey(name), text);
}

/** As `npm run learn -- export` writes it. */
export function exported(names: readonly string[]): string {
  const files: Record<string, string> = {};
  for (const name of names) {
    const text = textOf(name);
    if (text !== null) files[name] = text;
  }
  return `${JSON.stringify({ progress: progress(), files } satisfies Exported, null, 2)}\n`;
}

/** Adds what was exported; returns the names of the exercises whose text here differs and stays. Throws FileFormatError. */
export function imported(text: string, file: string, names: readonly string[]): string[] {
  const { progress: other, files } = parseExported(text, file);
  const left: string[] = [];
  for (const name of names) {
    const own = textOf(name);
    if (files[name] === undefined || files[name] === own) continue;
    if (own === null) keepText(name, files[name]);
    else left.push(name);
  }
  keep(joined(progress(), other));
  return left;
}
