/** The bits that the library computes, in Node and in a page that has it. */
import { createHash } from 'node:crypto';
import type * as api from '../../src/index.ts';

/** Kernels that every engine has that runs these tests. */
export const BUILDS = ['plain', 'vector'];

/** Digests of an output and a gradient with each build of the kernels; runs in Node and in the page. */
export async function digests(
  { attend, backward, longformer, ops, poolReady, Random, randomNormal, setKernels, setThreads }: typeof api,
  { builds, threads }: { builds: string[]; threads: number },
  digest: (bytes: Uint8Array<ArrayBuffer>) => Promise<string>,
): Promise<string[]> {
  setThreads(threads);
  const found: string[] = [];
  for (const each of builds) {
    setKernels(each);
    await poolReady();
    const random = new Random(3);
    const drawn = (name: string) => randomNormal([1, 4, 300, 32], random.split(name));
    const inputs = { queries: drawn('queries').withGrad(), keys: drawn('keys'), values: drawn('values') };
    const output = attend(longformer, inputs, { attentionWindow: 60 });
    backward(ops.mean(ops.multiply(output, output)));
    for (const tensor of [output, inputs.queries.grad]) {
      const numbers = tensor?.toArray('float32') ?? new Float32Array();
      found.push(await digest(new Uint8Array(Float32Array.from(numbers).buffer)));
    }
  }
  return found;
}

/** What each page has beside the library: the global of the script tag, or the module, under one name. */
export const HELPERS = `
  globalThis.digests = ${digests.toString()};
  globalThis.sha256 = async (bytes) => {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  };
`;

/** In a page. */
export interface Globals {
  api: typeof api;
  digests: typeof digests;
  sha256: Parameters<typeof digests>[2];
}

/** Runs in a page: its digests, on so many threads. */
export function digestsInPage(settings: { builds: string[]; threads: number }): Promise<string[]> {
  const { api, digests, sha256 } = globalThis as unknown as Globals;
  return digests(api, settings, sha256);
}

/** The same of this Node, on one thread. */
export function digestsInNode(library: typeof api): Promise<string[]> {
  return digests(library, { builds: BUILDS, threads: 1 }, async (bytes) =>
    createHash('sha256').update(bytes).digest('hex'),
  );
}
