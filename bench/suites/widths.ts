/** PyTorch beside this library: at full width, and held to narrower vectors. */
import { PeerFailure, PeerProcess } from './peers/process.ts';

/** Variables that hold PyTorch, oneDNN and MKL to a width. */
const heldTo = (aten: string, onednn: string, mkl: string) => ({
  ATEN_CPU_CAPABILITY: aten,
  ONEDNN_MAX_CPU_ISA: onednn,
  MKL_ENABLE_INSTRUCTIONS: mkl,
});

const CONTESTANTS = [
  { name: 'this library', peer: 'us', environment: {} },
  { name: 'PyTorch', peer: 'pytorch', environment: {} },
  { name: 'PyTorch, AVX2', peer: 'pytorch', environment: heldTo('avx2', 'AVX2', 'AVX2') },
  { name: 'PyTorch, 128 bits', peer: 'pytorch', environment: heldTo('default', 'SSE41', 'SSE4_2') },
] as const;
export type Contestant = (typeof CONTESTANTS)[number]['name'];

export interface Running {
  name: Contestant;
  process: PeerProcess;
}

/** Those that are there; the others are problems. Ours has to be. */
export async function start(threads: number, venv: string | undefined, problems: string[]): Promise<Running[]> {
  const running: Running[] = [];
  for (const { name, peer, environment } of CONTESTANTS) {
    try {
      running.push({ name, process: await PeerProcess.start(peer, threads, venv, environment) });
    } catch (error) {
      if (!(error instanceof PeerFailure) || peer === 'us') throw error;
      problems.push(`${name}: ${error.message}`);
    }
  }
  return running;
}
