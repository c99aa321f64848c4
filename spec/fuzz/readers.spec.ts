/** A slice of `npm run fuzz`: the same cases each time, for each reader. */
import { fuzzed } from './slice.ts';

fuzzed('npy', 'npz', 'safetensors', 'qkv', 'text', 'metrics');
