/** The part of `node:os` that both platforms have. */
export { arch, availableParallelism, cpus, endianness, platform, release } from 'node:os';
