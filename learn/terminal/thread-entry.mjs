// A worker's entry cannot be TypeScript: this one teaches Node to read it, then loads the worker.
import { register } from 'tsx/esm/api';

register();
await import('./thread-body.ts');
