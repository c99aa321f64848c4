/** The part of `node:zlib` that both platforms have. */
export { constants, deflateSync, inflateRawSync } from 'node:zlib';
