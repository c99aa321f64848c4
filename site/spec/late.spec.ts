/**
 * On a slow machine, or over a slow line, a page comes piece by piece, its scripts after it and the answers of its engine
 * last, and every state between is seen. Here each comes only once the one before has been painted; nothing moves.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { settled, Visitor } from './browser.ts';
import { dist } from './built.ts';
import { takeShifts, tooMuch, watchShifts } from './shifts.ts';

const visitor = new Visitor(test);

const WINDOWS = [
  { width: 1280, height: 900 },
  { width: 360, height: 740 },
];

/** A page of each kind, and some that their address sets up otherwise than they were built. */
const ADDRESSES = [
  'index.html',
  'patterns.html',
  'playground.html',
  'explorer.html',
  'variants/longformer.html',
  'playground.html#recipe=copy&run=linear-transformer',
  'explorer.html#variant=sparse-transformer&input=drawn&length=256',
  'explorer.html#variant=performer&input=text',
];

const PIECES = 16;
/** A piece that has not come within so many frames comes with the next one. */
const FRAMES = 20;

/** Sends the document when it is told to, and scripts once the gate is open. */
class SlowHost {
  readonly #server: Server;
  readonly #path: string;
  readonly #pieces: Buffer[];
  #document: ServerResponse | null = null;
  #openGate = (): void => {};
  readonly #gate = new Promise<void>((resolve) => {
    this.#openGate = resolve;
  });

  constructor(path: string) {
    this.#path = path;
    const bytes = readFileSync(join(dist, path));
    const size = Math.ceil(bytes.length / PIECES);
    this.#pieces = Array.from({ length: PIECES }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
    this.#server = createServer((request, response) => void this.#answer(request.url ?? '', response));
  }

  /** The address of its root. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
  }

  /** False when there is no more. */
  sendPiece(): boolean {
    const piece = this.#pieces.shift();
    if (piece !== undefined) this.#document?.write(piece);
    else this.#document?.end();
    return piece !== undefined;
  }

  sendScripts(): void {
    this.#openGate();
  }

  end(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(url: string, response: ServerResponse): Promise<void> {
    const path = url.slice(1);
    if (path === this.#path) {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      this.#document = response;
      this.sendPiece();
      return;
    }
    if (path.endsWith('.js')) await this.#gate;
    // A style sheet is not applied under another type.
    if (extname(path) === '.css') response.setHeader('Content-Type', 'text/css');
    if (extname(path) === '.svg') response.setHeader('Content-Type', 'image/svg+xml');
    response.end(readFileSync(join(dist, path)));
  }
}

for (const address of ADDRESSES) {
  // What an address sets up is laid out as its page is: the narrow window, where all is longest, stands for both.
  const isSetUp = address.includes('#');
  for (const window of isSetUp && process.env.THOROUGH !== '1' ? WINDOWS.slice(1) : WINDOWS) {
    test(`${address}, ${window.width} wide: whatever comes late has its room`, () =>
      visitor.open(window, async (page) => {
        const [path] = address.split('#');
        const host = new SlowHost(path);
        try {
          const root = await host.start();
          await page.context().addInitScript(watchShifts);
          await page.context().addInitScript(slowWorkers);
          await page.goto(root + address, { waitUntil: 'commit' });
          do await grown(page);
          while (host.sendPiece());
          await page.waitForFunction(() => document.readyState !== 'loading');
          assert.equal(tooMuch(await takeShifts(page)), [], 'while the document came');

          // From here on all of the page is in the window, and nothing may move at all.
          await page.setViewportSize({ width: window.width, height: await heightOf(page) });
          await page.evaluate(() => document.fonts.ready);
          await painted(page);
          await takeShifts(page);
          host.sendScripts();
          await page.waitForLoadState();
          await settled(page);
          await painted(page);
          const moved = (await takeShifts(page)).flatMap(({ moved }) => moved);
          assert.equal(
            moved.filter(({ pixels }) => Math.abs(pixels) > 1),
            [],
            'while scripts and answers came',
          );
        } finally {
          host.end();
        }
      }));
  }
}

/** Runs in the page first: the answers of a worker come one at a time, each after the one before has been painted. */
function slowWorkers(): void {
  const own = Object.getOwnPropertyDescriptor(Worker.prototype, 'onmessage');
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
  let last: Promise<unknown> = Promise.resolve();
  Object.defineProperty(Worker.prototype, 'onmessage', {
    set(take: (event: MessageEvent) => void) {
      own?.set?.call(this, (event: MessageEvent) => {
        last = last
          .then(frame)
          .then(frame)
          .then(() => take(event));
      });
    },
  });
}

/** Until something has come and has been painted. */
async function grown(page: Page): Promise<void> {
  await page.evaluate(async (frames) => {
    const before = document.querySelectorAll('*').length;
    for (let frame = 0; frame < frames && document.querySelectorAll('*').length === before; frame++) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }, FRAMES);
  await painted(page);
}

async function painted(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let n = 0; n < 2; n++) await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
  });
}

function heightOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollHeight);
}

test.run();
