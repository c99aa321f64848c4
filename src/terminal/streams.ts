/**
 * The streams of a program that runs long. If the reader has left (`| head`), or the disk under `> FILE` is full, Node ends a
 * process with a stack trace; here the work continues to a good place to stop, and reports at the end what was not written.
 */
import { systemReason } from '../core/files/system-error.ts';

let lost: NodeJS.ErrnoException | null = null;
let guarded = false;

/** From now on a stream that breaks does not end the process. */
export function guardStreams({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'> = process): void {
  if (guarded) return;
  guarded = true;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    lost ??= error;
  });
  // A message for people, and no reader is left.
  stderr.on('error', () => {});
}

/** Whether something that was written to stdout has got lost. */
export function isOutputLost(): boolean {
  return lost !== null;
}

/** Whether that is because the reader has had enough. */
export function isReaderGone(): boolean {
  return lost?.code === 'EPIPE';
}

/**
 * Sets the exit code when everything has been written, and says what could not be: a full disk is an error, a reader
 * that leaves early is none. Not process.exit: what was written may still be on its way.
 */
export async function endProgram(code: number): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  // The error is reported after the last write that failed.
  await new Promise((resolve) => setImmediate(resolve));
  const isError = lost !== null && !isReaderGone();
  if (isError) process.stderr.write(`Error: stdout: cannot be written: ${systemReason(lost) ?? lost?.message}\n`);
  process.exitCode = isError && code === 0 ? 1 : code;
}
