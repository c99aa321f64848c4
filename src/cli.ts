#!/usr/bin/env node
/** The program: this process's arguments, streams and exit code; everything else is in commands/. */
import { run } from './commands/run.ts';
import { endProgram, guardStreams } from './terminal/streams.ts';

guardStreams();
await endProgram(await run(process.argv.slice(2), process));
