/** The built site in Chromium, for specs: opened from the disk, from a plain static host, or from one that isolates. */
import type { Server } from 'node:http';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Test } from 'uvu';
import { serve } from '../serve.ts';
import { dist } from './built.ts';
import { findChromium, HOW_TO_GET_CHROMIUM } from './chromium.ts';
import { within } from './patience.ts';
import { Problems } from './problems.ts';

/** From a disk and from a plain host a page has one thread; where it is isolated, as many as the machine. */
export const WAYS = ['disk', 'plain', 'isolated'] as const;
export type Way = (typeof WAYS)[number];

/** Only what hangs takes as long: several of these run at once, and the machine may be busy with something else. */
const PATIENCE_MILLISECONDS = 180_000;
/** Of all that a test does with a page. The runner of the tests ends a file after 900 s, and then nobody learns why. */
const LONGEST_LOOK_MILLISECONDS = 480_000;
/** For what takes Chromium milliseconds, page or not. */
const OWN_PATIENCE_MILLISECONDS = 60_000;

export interface WindowSettings {
  width?: number;
  height?: number;
  colours?: 'light' | 'dark';
  /** A phone: fingers instead of a mouse. */
  touch?: boolean;
}

export interface VisitSettings extends WindowSettings {
  way?: Way;
  /** False: labs do not start when they are seen. */
  live?: boolean;
  /** Runs in the page before any script of its own. */
  first?: (() => void) | { content: string };
}

export interface Visit {
  page: Page;
  /** Errors on the console, thrown errors and failed requests so far. */
  problems: string[];
  /** Of a page of the site, opened the same way. */
  addressOf(path: string): string;
}

type Look = (visit: Visit) => Promise<void>;

/** Starts Chromium and both servers for the tests of a file, and ends them after the last. */
export class Visitor {
  #browser: Browser | null = null;
  #walker: { page: Page; heard: Problems } | null = null;
  readonly #servers: Server[] = [];
  readonly #folder: string;
  readonly #patience: number;
  readonly #roots: Record<Way, string>;

  /** Of pages in a folder, that of the site if none is named. `patience`: milliseconds for each thing waited for. */
  constructor(test: Test, folder = dist, patience = PATIENCE_MILLISECONDS) {
    this.#folder = folder;
    this.#patience = patience;
    this.#roots = { disk: pathToFileURL(`${folder}/`).href, plain: '', isolated: '' };
    test.before(() => this.#start());
    test.after(() => this.#end());
  }

  /** Opens a page in a window of its own, waits until it has come to rest, and closes it after `look`. */
  visit(path: string, settings: VisitSettings, look: Look): Promise<void> {
    const { live = true, first } = settings;
    return this.open(settings, async (page) => {
      if (!live) await page.context().addInitScript(seeNoLab);
      if (first !== undefined) await page.context().addInitScript(first);
      await this.#look(page, new Problems(page), path, settings.way ?? 'plain', look);
    });
  }

  /** As `visit`, in one window for all that are walked: to open one takes longer than most pages do. */
  async walk(path: string, way: Way, look: Look): Promise<void> {
    if (this.#walker === null) {
      const page = await this.#page({});
      this.#walker = { page, heard: new Problems(page) };
    }
    await this.#look(this.#walker.page, this.#walker.heard, path, way, look);
  }

  async #look(page: Page, heard: Problems, path: string, way: Way, look: Look): Promise<void> {
    try {
      const addressOf = (other: string): string => this.addressOf(other, way);
      const response = await page.goto(addressOf(path));
      if (response?.ok() === false) throw new Error(`${path}: ${response.status()}`);
      await within(this.#patience, settled(page), () => `${path} does not come to rest`);
      await within(this.#patience, page.evaluate(askForIcon), () => `${path} gets no answer about its icon`);
      await within(this.#patience, heard.ended(), () => `${path} still waits for ${heard.open.join(', ')}`);
      await within(
        LONGEST_LOOK_MILLISECONDS,
        look({ page, problems: heard.found, addressOf }),
        () => `${path}: the look`,
      );
    } finally {
      heard.endLook();
    }
  }

  /** Of a page, opened this way. */
  addressOf(path: string, way: Way): string {
    return new URL(path, this.#roots[way]).href;
  }

  /** An empty page in a window of its own, for as long as `use` takes. */
  async open(settings: WindowSettings, use: (page: Page) => Promise<void>): Promise<void> {
    const page = await this.#page(settings);
    try {
      await use(page);
    } finally {
      // A window that does not close has been looked at all the same; the next test gets another Chromium.
      await within(OWN_PATIENCE_MILLISECONDS, page.context().close(), () => 'a window does not close').catch(
        (error: Error) => this.#giveUp(error),
      );
    }
  }

  #page(settings: WindowSettings): Promise<Page> {
    const opened = (): Promise<Page> =>
      within(OWN_PATIENCE_MILLISECONDS, this.#opened(settings), () => 'no window opens');
    return opened().catch(async (error: Error) => {
      await this.#giveUp(error);
      return opened();
    });
  }

  async #opened({ width = 1280, height = 900, colours = 'light', touch = false }: WindowSettings): Promise<Page> {
    this.#browser ??= await launched();
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: colours,
      hasTouch: touch,
      isMobile: touch,
    });
    context.setDefaultTimeout(this.#patience);
    // What tsx puts around the names of functions, also of those that run in the page.
    await context.addInitScript({ content: 'globalThis.__name = (value) => value;' });
    return context.newPage();
  }

  /** Chromium itself no longer answers, whatever page it shows: says so, and lets the next window have a new one. */
  async #giveUp(error: Error): Promise<void> {
    console.error(`Chromium is started anew: ${error.message}`);
    const browser = this.#browser;
    this.#browser = null;
    this.#walker = null;
    await within(OWN_PATIENCE_MILLISECONDS, browser?.close() ?? Promise.resolve(), () => 'it does not end').catch(
      () => {},
    );
  }

  async #start(): Promise<void> {
    for (const way of ['plain', 'isolated'] as const) {
      const { server, url } = await serve(this.#folder, { port: 0, isolated: way === 'isolated' });
      this.#servers.push(server);
      this.#roots[way] = url;
    }
    this.#browser = await launched();
  }

  async #end(): Promise<void> {
    await this.#browser?.close();
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

function launched(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error(HOW_TO_GET_CHROMIUM);
  // Containers give neither the user namespaces of a sandbox nor much /dev/shm; the pages are our own.
  const args = ['--no-sandbox', '--disable-dev-shm-usage'];
  return chromium.launch({ executablePath, args });
}

/** Until nothing is on its way any more, by the page's own word. */
export async function settled(page: Page): Promise<void> {
  // What begins when a part is seen has begun once a later watcher has been told of what it sees.
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const watcher = new IntersectionObserver(() => {
          watcher.disconnect();
          resolve();
        });
        watcher.observe(document.documentElement);
      }),
  );
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
}

/** Runs in the page: Chromium asks for an icon when it likes, and not again for one that a host has not. */
async function askForIcon(): Promise<void> {
  for (const { href } of document.querySelectorAll<HTMLLinkElement>('link[rel~=icon]')) {
    const icon = new Image();
    await new Promise((resolve) => {
      icon.onload = resolve;
      icon.onerror = resolve;
      icon.src = href;
    });
  }
}

/** Runs in the page. */
function seeNoLab(): void {
  const { observe } = globalThis.IntersectionObserver.prototype;
  globalThis.IntersectionObserver.prototype.observe = function (element) {
    if (!element.matches('[data-lab]')) observe.call(this, element);
  };
}
