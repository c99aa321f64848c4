/** The built site in Chromium, for specs: opened from the disk, from a plain static host, or from one that isolates. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Test } from 'uvu';
import { allVariants } from '../../src/variants/registry.ts';
import { serve } from '../serve.ts';
import { findChromium, HOW_TO_GET_CHROMIUM } from './chromium.ts';
import { Problems } from './problems.ts';

/** What `npm run test:site` has built; by hand, what `npm run site` has. */
export const dist = process.env.SITE_DIST ?? fileURLToPath(new URL('../dist', import.meta.url));

/** From a disk and from a plain host a page has one thread; where it is isolated, as many as the machine. */
export const WAYS = ['disk', 'plain', 'isolated'] as const;
export type Way = (typeof WAYS)[number];

/** Only what hangs takes as long: several of these run at once, and the machine may be busy with something else. */
const PATIENCE_MILLISECONDS = 180_000;

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

/** All built files of a kind, from the site's root (or another folder) with forward slashes, sorted. */
export function builtFiles(extension: string, folder = dist): string[] {
  if (!existsSync(folder)) throw new Error(`${folder}: not built yet: npm run site`);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** The site's own pages; those of the API reference are TypeDoc's. */
export function ownPages(): string[] {
  return builtFiles('.html').filter((path) => !path.startsWith('api/'));
}

const STANDING_FOR_ALL = [
  'variants/longformer.html',
  'layers/top-2.html',
  'ops/attention.html',
  'course/index.html',
  'course/teach.html',
  'course/attention.html',
];

/** Whether a page is made like many others, one of which stands for all where a look at each would take long. */
export function isOneOfMany(path: string): boolean {
  return /^(variants|layers|ops|course)\//.test(path) && !STANDING_FOR_ALL.includes(path);
}

/**
 * Every page that is made on its own and, of those made alike, the longest of each family of variants and the longest of an
 * op: what a look at each takes grows with every variant. `npm run test:thorough` looks at all.
 */
export function pagesToLookAt(): string[] {
  const pages = ownPages();
  if (process.env.THOROUGH === '1') return pages;
  const longest = new Map<string, string>();
  for (const path of pages) {
    const kind = kindOf(path);
    if (sizeOf(path) > sizeOf(longest.get(kind))) longest.set(kind, path);
  }
  return pages.filter((path) => !isOneOfMany(path) || longest.get(kindOf(path)) === path);
}

/** The family of the variant, the folder of other pages that are alike, and else the page itself. */
function kindOf(path: string): string {
  const variant = allVariants().find(({ name }) => path === `variants/${name}.html`);
  return variant?.family ?? (isOneOfMany(path) ? dirname(path) : path);
}

function sizeOf(path: string | undefined): number {
  return path === undefined ? 0 : statSync(join(dist, path)).size;
}

/** Starts Chromium and both servers for the tests of a file, and ends them after the last. */
export class Visitor {
  #browser: Browser | null = null;
  #walker: { page: Page; heard: Problems } | null = null;
  readonly #servers: Server[] = [];
  readonly #folder: string;
  readonly #roots: Record<Way, string>;

  /** Of pages in a folder, that of the site if none is named. */
  constructor(test: Test, folder = dist) {
    this.#folder = folder;
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
      await settled(page);
      await page.evaluate(askForIcon);
      await heard.ended();
      await look({ page, problems: heard.found, addressOf });
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
      await page.context().close();
    }
  }

  async #page({ width = 1280, height = 900, colours = 'light', touch = false }: WindowSettings): Promise<Page> {
    if (this.#browser === null) throw new Error('Chromium has not started');
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: colours,
      hasTouch: touch,
      isMobile: touch,
    });
    context.setDefaultTimeout(PATIENCE_MILLISECONDS);
    // What tsx puts around the names of functions, also of those that run in the page.
    await context.addInitScript({ content: 'globalThis.__name = (value) => value;' });
    return context.newPage();
  }

  async #start(): Promise<void> {
    const executablePath = findChromium();
    if (executablePath === null) throw new Error(HOW_TO_GET_CHROMIUM);
    for (const way of ['plain', 'isolated'] as const) {
      const { server, url } = await serve(this.#folder, { port: 0, isolated: way === 'isolated' });
      this.#servers.push(server);
      this.#roots[way] = url;
    }
    // Containers give neither the user namespaces of a sandbox nor much /dev/shm; the pages are our own.
    const args = ['--no-sandbox', '--disable-dev-shm-usage'];
    this.#browser = await chromium.launch({ executablePath, args });
  }

  async #end(): Promise<void> {
    await this.#browser?.close();
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }
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
