/**
 * A full garbage collection on request. The engine collects when its own heap has grown by a good share; a loop whose every
 * round makes the same garbage rather asks at its own pace, and keeps a resident set that does not wander.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/** Takes some milliseconds. Nothing happens in an engine that cannot be asked. */
export function collectGarbage(): void {
  collect ??= collector();
  collect();
}

function collector(): () => void {
  try {
    // Without it at the start of the process, `gc` is there in contexts that are made from now on.
    setFlagsFromString('--expose-gc');
    return runInNewContext('gc') as () => void;
  } catch {
    return () => {};
  }
}
