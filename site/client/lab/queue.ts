/** Work for the newest wish: one piece at a time, and of what was wished meanwhile only the last. */
export class Latest<Wish> {
  readonly #work: (wish: Wish, isOvertaken: () => boolean) => Promise<void>;
  #waiting: { wish: Wish } | null = null;
  #running = false;

  /** `work` should look now and then whether it is overtaken, and return if so. It must not reject. */
  constructor(work: (wish: Wish, isOvertaken: () => boolean) => Promise<void>) {
    this.#work = work;
  }

  submit(wish: Wish): void {
    this.#waiting = { wish };
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting !== null) {
      const { wish } = this.#waiting;
      this.#waiting = null;
      await this.#work(wish, () => this.#waiting !== null);
    }
    this.#running = false;
  }
}
