/**
 * Whether a file that is opened again is the one that was opened before: by what the system says of it (device, inode,
 * size, when it was written, when it or its name was changed). Every write leaves a new time, but only as fine as the
 * clock of the file system ticks; so a file that was written a moment before it is opened is compared by its bytes too.
 *
 * What this cannot tell: a change after which the machine's clock is set back, and one on a file system over a
 * network whose clock is far from ours.
 */
import { createHash } from '#platform/crypto';
import { type BigIntStats, fstatSync, readSync } from '#platform/fs';

/** Bytes that are compared together. */
export const BLOCK = 2 ** 16;

/** Clocks of file systems tick every 16 ms at most; where times are whole seconds, every second or two. */
const TICK_MILLISECONDS = 50;
const COARSE_TICK_MILLISECONDS = 2500;
const SECOND = 1_000_000_000n;
/** Reading more than this takes longer than waiting for the next tick. */
const MOST_COMPARED = 2 ** 24;

export class FileIdentity {
  readonly #account: string;
  /** Of each block; null where the account alone tells. */
  readonly #digests: readonly string[] | null;

  /** Of an open file, as it is now. */
  constructor(file: number) {
    let stats = fstatSync(file, { bigint: true });
    const missing = untilNextTick(stats);
    this.#digests = null;
    if (missing > 0 && stats.size > MOST_COMPARED) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, missing);
      stats = fstatSync(file, { bigint: true });
    } else if (missing > 0) {
      const bytes = new Uint8Array(Number(stats.size));
      this.#digests = digestsOf(bytes.subarray(0, readInto(bytes, file, 0)));
    }
    this.#account = accountOf(stats);
  }

  /** Whether what is read has to be whole blocks, for `hasBlocks`. */
  get comparesBlocks(): boolean {
    return this.#digests !== null;
  }

  /** Whether this open file is that one, by what the system says. */
  isOf(file: number): boolean {
    return accountOf(fstatSync(file, { bigint: true })) === this.#account;
  }

  /** Whether these bytes, from a block's begin to a block's end, are those of that file. */
  hasBlocks(bytes: Uint8Array, from: number): boolean {
    const known = this.#digests;
    return known === null || digestsOf(bytes).every((digest, n) => digest === known[from / BLOCK + n]);
  }
}

function accountOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join();
}

/** Milliseconds in which a write might leave the same time as the last one did. */
function untilNextTick({ mtimeNs, ctimeNs }: BigIntStats): number {
  const last = Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n);
  const tick = mtimeNs % SECOND === 0n ? COARSE_TICK_MILLISECONDS : TICK_MILLISECONDS;
  // One in the future is not to be waited for.
  return Math.min(tick, Math.max(0, last + tick - Date.now()));
}

function digestsOf(bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, n) => {
    return createHash('sha256')
      .update(bytes.subarray(n * BLOCK, (n + 1) * BLOCK))
      .digest('hex');
  });
}

/** A system call reads at most this much: some cannot go to 2 GiB. */
const LONGEST_READ = 2 ** 30;

/** Reads from byte `from` on until the array is full or the file ends; returns how many bytes. */
export function readInto(bytes: Uint8Array, file: number, from: number): number {
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(file, bytes, done, Math.min(bytes.length - done, LONGEST_READ), from + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
