/** The part of `node:process` that the library uses: a page has no environment, and no exit code. */

interface PageProcess {
  env: Record<string, string | undefined>;
  version: string;
  platform: string;
  pid: number;
  on(event: 'exit', run: () => void): void;
  kill(pid: number, signal: 0): boolean;
  emitWarning(text: string, options: { code: string }): void;
}

const page: PageProcess = {
  env: {},
  version: 'none',
  platform: 'browser',
  pid: 1,
  on: () => {},
  // Whatever has written a file of this page is this page.
  kill: () => true,
  emitWarning: (text) => console.warn(text),
};

export default page;
