/**
 * Arrays that no scope will release. Their blocks are released when the garbage collector finds the array unreachable.
 *
 * By itself the collector comes too late: it counts the bytes of its own heap, where an array of 36 MiB is an object of a
 * few hundred bytes. So the bytes are counted here, and the collector is asked to run whenever enough may have been forgotten
 * to be worth it. The result is known at once, even in a loop that never lets the event loop turn (see garbage.ts). A host
 * that cannot be asked, such as a browser, collects at its own pace and reports when the event loop turns.
 */
import type { Block } from './blocks.ts';
import type { NumericArray } from './dtype.ts';
import { collectGarbage } from './garbage.ts';

export class Forgotten {
  readonly #arrays = new Map<Block, WeakRef<NumericArray>>();
  /** Reports the arrays that the engine collects by itself. */
  readonly #collected = new FinalizationRegistry<Block>((block) => {
    if (this.#arrays.has(block)) this.#release(block);
  });
  readonly #release: (block: Block) => void;
  readonly #least: () => number;
  readonly #ask: () => void;
  #bytes = 0;
  /** Bytes that were still held after the last request. */
  #survived = 0;

  /**
   * `release` is called with what was collected. `least` is the smallest number of bytes worth a collection. `ask` makes the
   * engine collect.
   */
  constructor(release: (block: Block) => void, least: () => number, ask = collectGarbage) {
    this.#release = release;
    this.#least = least;
    this.#ask = ask;
  }

  /** The bytes of all watched blocks. */
  get bytes(): number {
    return this.#bytes;
  }

  /** From now on the block is released when its array is collected. The watch itself must not keep the array alive. */
  watch(block: Block, array: NumericArray): void {
    this.#arrays.set(block, new WeakRef(array));
    this.#collected.register(array, block, block);
    this.#bytes += block.bytes;
  }

  /** The array of a watched block, unless it was collected. */
  arrayOf(block: Block): NumericArray | undefined {
    return this.#arrays.get(block)?.deref();
  }

  /** Stops watching a block that was released otherwise. */
  unwatch(block: Block): void {
    if (!this.#arrays.delete(block)) return;
    this.#collected.unregister(block);
    this.#bytes -= block.bytes;
    this.#survived = Math.min(this.#survived, this.#bytes);
  }

  /**
   * Whether it is time to ask: twice as much is held as was found alive the last time. A collection takes some milliseconds,
   * so its share of the time does not grow with the number of bytes held.
   */
  isPressing(): boolean {
    return this.#bytes > this.#survived + Math.max(this.#least(), this.#survived);
  }

  /** Asks the engine to collect, and releases what it found. */
  collect(): void {
    this.#ask();
    for (const [block, array] of this.#arrays) if (array.deref() === undefined) this.#release(block);
    this.#survived = this.#bytes;
  }
}
