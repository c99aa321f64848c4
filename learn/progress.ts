/** What a learner has solved and which hints they have seen, in a file of the terminal or the storage of a page. */
import { FileFormatError } from '../src/core/errors.ts';

export interface Progress {
  readonly version: 1;
  /** When each exercise was first solved (ISO 8601), by its name. */
  readonly solved: Readonly<Record<string, string>>;
  /** How many hints of each were shown. */
  readonly hints: Readonly<Record<string, number>>;
}

export const NO_PROGRESS: Progress = { version: 1, solved: {}, hints: {} };

/** What export writes and import reads, in a terminal and in a page: progress, and the learner's files by exercise. */
export interface Exported {
  readonly progress: Progress;
  readonly files: Readonly<Record<string, string>>;
}

/** Throws FileFormatError, naming `path`. */
export function parseProgress(text: string, path: string): Progress {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw new FileFormatError(`${path}: expected JSON; move it away to begin anew, or restore it`);
  }
  const { version, solved, hints } = (read ?? {}) as Partial<Progress>;
  const isRecordOf = (value: unknown, type: string) =>
    typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === type);
  if (version !== 1 || !isRecordOf(solved, 'string') || !isRecordOf(hints, 'number')) {
    throw new FileFormatError(
      `${path}: expected { version: 1, solved, hints }; move it away to begin anew, or restore it`,
    );
  }
  return { version, solved: solved!, hints: hints! };
}

/** What is one's own stays where both say something. */
export function joined(own: Progress, other: Progress): Progress {
  return { version: 1, solved: { ...other.solved, ...own.solved }, hints: { ...other.hints, ...own.hints } };
}

/** Throws FileFormatError, naming `name`, for a text that export did not write. */
export function parseExported(text: string, name: string): Exported {
  let read: Partial<Exported>;
  try {
    read = JSON.parse(text) ?? {};
  } catch {
    throw new FileFormatError(`${name}: expected JSON that export wrote`);
  }
  const { files } = read;
  const progress = parseProgress(JSON.stringify(read.progress), name);
  if (typeof files !== 'object' || files === null || Object.values(files).some((each) => typeof each !== 'string')) {
    throw new FileFormatError(`${name}: expected { progress, files }, as export writes them`);
  }
  return { progress, files };
}
