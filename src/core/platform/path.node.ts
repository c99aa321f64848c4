/** The part of `node:path` that both platforms have. */
export { basename, dirname, extname, join } from 'node:path';
