#!/usr/bin/env node
/** The program: this process's arguments, streams and exit code; everything else is in commands/. */
import { run } from './commands/run.ts';

// Whoever reads our output may stop early, as `| head` does: that is no error, and nobody is left to tell.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

// Not process.exit: what was written may still be on its way.
process.exitCode = await run(process.argv.slice(2), process);
