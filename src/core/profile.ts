/**
 * Where the time of a computation goes, op by op. Every op ends with `record` (autograd.ts), so the time since the op before
 * is its own: its kernels, its allocations and its JavaScript. A gradient is named after its op. Without a profile, each of
 * the functions here is one comparison.
 */

/** What all calls of one op took. */
export interface OpProfile {
  /** Of the op, or of a step of the trainer. */
  name: string;
  /** Whether these are the op's gradients. */
  backward: boolean;
  calls: number;
  milliseconds: number;
  /** Of `milliseconds`, those inside kernels; the rest is JavaScript around them. */
  kernelMilliseconds: number;
  /**
   * Floating-point operations as the kernels declare them: 2 for each multiply-add. Those of products are exact; an
   * exponential counts as several, and in attention each pair that a tile may hold counts.
   */
  flops: number;
  /** Arrays that were allocated, and their bytes. */
  allocations: number;
  allocatedBytes: number;
}

type Counts = Omit<OpProfile, 'name' | 'backward'>;

const nothing = (): Counts => ({
  calls: 0,
  milliseconds: 0,
  kernelMilliseconds: 0,
  flops: 0,
  allocations: 0,
  allocatedBytes: 0,
});

interface Profile {
  ops: Map<string, OpProfile>;
  /** When the op before ended. */
  since: number;
  /** Of the op that runs now. */
  now: Counts;
}

let profile: Profile | null = null;

/** Runs `body`, and returns what its ops took, the longest first. Not to be nested: the inner one is counted alone. */
export async function profileOps<T>(body: () => T | Promise<T>): Promise<{ result: T; ops: OpProfile[] }> {
  const outer = profile;
  const own: Profile = { ops: new Map(), since: performance.now(), now: nothing() };
  profile = own;
  try {
    const result = await body();
    return { result, ops: [...own.ops.values()].sort((a, b) => b.milliseconds - a.milliseconds) };
  } finally {
    profile = outer;
  }
}

/** Whether kernels should be timed. */
export function isProfiling(): boolean {
  return profile !== null;
}

/** All since the last call belonged to this op; null: to none. */
export function opEnded(name: string | null, backward = false): void {
  if (profile !== null) close(profile, name, backward);
}

/** A kernel of the op that runs now has ended. `multiplyAdds`: not finite where its op does not say. */
export function kernelEnded(milliseconds: number, multiplyAdds: number): void {
  if (profile === null) return;
  profile.now.kernelMilliseconds += milliseconds;
  if (Number.isFinite(multiplyAdds)) profile.now.flops += 2 * multiplyAdds;
}

/** The op that runs now has allocated an array. */
export function arrayAllocated(bytes: number): void {
  if (profile === null) return;
  profile.now.allocations++;
  profile.now.allocatedBytes += bytes;
}

function close(own: Profile, name: string | null, backward: boolean): void {
  const end = performance.now();
  if (name !== null) {
    const key = `${name} ${backward}`;
    const op = own.ops.get(key) ?? { name, backward, ...nothing() };
    own.ops.set(key, op);
    op.calls++;
    op.milliseconds += end - own.since;
    op.kernelMilliseconds += own.now.kernelMilliseconds;
    op.flops += own.now.flops;
    op.allocations += own.now.allocations;
    op.allocatedBytes += own.now.allocatedBytes;
  }
  own.now = nothing();
  own.since = performance.now();
}
