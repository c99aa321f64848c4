/** What goes wrong in a page that Chromium shows, of which the window may go on to other pages. */
import type { ConsoleMessage, Page, Request, Response } from 'playwright-core';

/**
 * What is asked of a host or a disk. The script of a worker is a blob of the page: it is there already, and of one that ends
 * while it starts nobody may ever say that its request has ended.
 */
const TRAVELS = /^(https?|file):/;

/**
 * Hears errors on the console, thrown errors and failed requests of a window. A request that its page had begun before it
 * was left is broken off by Chromium: that is no problem, neither of that page nor of the next. All else that a page says
 * after its look has ended is one, and is told as that of the page before.
 */
export class Problems {
  #found: string[] = [];
  /** Until the next document is there, whatever comes is of the page before. */
  #isBefore = true;
  /** The request of the next document, until that is there. */
  #next: Request | null = null;
  readonly #open = new Set<Request>();
  readonly #left = new WeakSet<Request>();
  #tell: (() => void)[] = [];

  constructor(page: Page) {
    page
      .on('console', (message) => this.#onConsole(message))
      .on('pageerror', (error) => this.#add(`thrown: ${error.message}`))
      .on('request', (request) => this.#onRequest(request, page))
      .on('requestfinished', (request) => this.#onEnd(request))
      .on('requestfailed', (request) => this.#onFailure(request))
      .on('response', (response) => this.#onResponse(response))
      .on('framenavigated', (frame) => {
        if (frame === page.mainFrame()) this.#onDocument();
      });
  }

  /** Of the page that is shown, and what came late of the one before. */
  get found(): string[] {
    return this.#found;
  }

  /** The look at this page has ended: what is found from here on is told with the next. */
  endLook(): void {
    this.#isBefore = true;
    this.#found = [];
  }

  /** Until every request has ended. */
  async ended(): Promise<void> {
    while (this.#open.size > 0) await new Promise<void>((resolve) => this.#tell.push(resolve));
  }

  /** The addresses of requests that have not ended. */
  get open(): string[] {
    return [...this.#open].map((request) => request.url());
  }

  #add(problem: string, isBefore = this.#isBefore): void {
    this.#found.push(isBefore ? `the page before: ${problem}` : problem);
  }

  #onConsole(message: ConsoleMessage): void {
    if (message.type() === 'error') this.#add(`console: ${message.text()}`);
  }

  #onRequest(request: Request, page: Page): void {
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) {
      this.#next = request;
      this.#leave();
    }
    if (TRAVELS.test(request.url())) this.#open.add(request);
  }

  #onDocument(): void {
    // Within a document the address may change too.
    if (this.#next === null) return;
    this.#isBefore = false;
    this.#leave();
    this.#next = null;
  }

  /** All that is open but the next document is of the page that is being left. */
  #leave(): void {
    for (const request of this.#open) if (request !== this.#next) this.#left.add(request);
  }

  #onFailure(request: Request): void {
    const error = request.failure()?.errorText;
    const isLeft = this.#left.has(request) || (this.#next !== null && this.#next !== request);
    if (!(isLeft && error === 'net::ERR_ABORTED')) this.#add(`failed: ${request.url()} ${error}`, isLeft);
    if (request === this.#next) this.#next = null;
    this.#onEnd(request);
  }

  #onResponse(response: Response): void {
    if (response.status() < 400) return;
    this.#add(`${response.status()}: ${response.url()}`, this.#left.has(response.request()));
  }

  #onEnd(request: Request): void {
    this.#open.delete(request);
    if (this.#open.size > 0) return;
    for (const tell of this.#tell) tell();
    this.#tell = [];
  }
}
