/** The engine's own garbage collector, at a call. */
import { setFlagsFromString } from 'node:v8';
import { createContext, runInContext, Script } from 'node:vm';

/** A function that collects all garbage before it returns; null where the engine has none to offer. */
export function exactCollector(): (() => void) | null {
  try {
    // Without it at the start of the process, `gc` is there in contexts that are made from now on.
    setFlagsFromString('--expose-gc');
    // A WeakRef that was made or read keeps its target until the microtasks of this job have run, and a loop without an
    // event-loop turn is one job. A context with microtasks of its own runs these (there are none) after each script, and
    // with that the engine lets go of all such targets.
    const context = createContext({}, { microtaskMode: 'afterEvaluate' });
    const collectAll = runInContext('gc', context) as () => void;
    const nothing = new Script('');
    return () => {
      nothing.runInContext(context);
      collectAll();
    };
  } catch {
    return null;
  }
}
