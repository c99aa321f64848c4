// A process's entry, as that of a thread: teaches Node to read TypeScript first.
import { register } from 'tsx/esm/api';

register();
await import('./process-body.ts');
