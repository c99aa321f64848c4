/** The message of a command for an error, and its exit code. */
import { packageVersion } from '../compare/package-version.ts';
import { isRefusedArray, REFUSED_ARRAY } from '../compare/room.ts';
import { ArgumentError, EfficientTransformersError, UnsupportedError } from '../core/errors.ts';
import { systemReason } from '../core/files/system-error.ts';
import { paint, supportsColour } from '../terminal/colour.ts';
import { type Host, PROGRAM } from './command.ts';

/** Something went wrong: a file, memory, a worker, or the program itself. */
export const FAILED = 1;
/** Invalid arguments. */
export const MISUSED = 2;

/** An error in the arguments, with lines below it: the commands that do what was meant. A message itself is one line. */
export class GuidedError extends ArgumentError {
  readonly guide: string;

  constructor(message: string, guide: string) {
    super(message);
    this.guide = guide;
  }
}

/** A name in a file may be as long as the file. */
const LONGEST_MESSAGE = 4000;

/** An error thrown on purpose, or a refusal by the system or the engine; anything else is a bug. */
export function isExpected(error: unknown): boolean {
  return error instanceof EfficientTransformersError || isRefusedArray(error) || systemReason(error) !== undefined;
}

/** Expected errors take one line; errors in the `command`'s arguments also name its help; bugs come with a stack trace. */
export function reportFailure(error: unknown, command: string | null, { stderr }: Pick<Host, 'stderr'>): number {
  const label = supportsColour(stderr) ? paint('bad', 'Error:') : 'Error:';
  if (isRefusedArray(error)) {
    stderr.write(`${label} memory: ${REFUSED_ARRAY}\n`);
    return FAILED;
  }
  const reason = systemReason(error);
  if (reason !== undefined) {
    const { path } = error as NodeJS.ErrnoException;
    stderr.write(`${label} ${path === undefined ? '' : `${path}: `}${reason}\n`);
    return FAILED;
  }
  if (!(error instanceof EfficientTransformersError)) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    stderr.write(`${label} this is a bug in efficient-transformers ${packageVersion()}.\n${trace}\n`);
    return FAILED;
  }
  const misused = error instanceof ArgumentError || error instanceof UnsupportedError;
  const help = misused ? `\nHelp: ${PROGRAM} help${command === null ? '' : ` ${command}`}` : '';
  const { message } = error;
  const guide = error instanceof GuidedError ? `\n${error.guide}` : '';
  stderr.write(
    `${label} ${message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message}${guide}${help}\n`,
  );
  return misused ? MISUSED : FAILED;
}
