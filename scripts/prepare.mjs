/** Before `npm start` and `npm run train`: installs, and compiles, what is missing. One process, because each takes a moment to start. */
import './ensure-installed.mjs';

await import('./build-kernels.mjs');
await import('./build-sources.mjs');
