// A worker starts here, in plain JavaScript, so that it can install the TypeScript loader before it imports anything.
import { workerData } from 'node:worker_threads';

if (workerData.fromSource) (await import('tsx/esm/api')).register();
const { serve } = await import(workerData.main);
await serve(workerData);
