/** The part of `node:crypto` that both platforms have. */
export { createHash, randomBytes } from 'node:crypto';
