/** A peer's process as the suite sees it: ask, and get the answer or the reason why there is none. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Answer, type Hello, MARK, type Request } from '../../peers/protocol.ts';
import { pythonIn } from './python.ts';

export const NPM_PEERS = [
  'us',
  'us-plain',
  'tfjs-cpu',
  'tfjs-wasm',
  'onnxruntime',
  'jax-js',
  'ndarray-gemm',
  'numpy-ts',
  'js-pytorch',
] as const;
export const PYTHON_PEERS = ['pytorch', 'transformers', 'fla'] as const;
export type PeerName = (typeof NPM_PEERS)[number] | (typeof PYTHON_PEERS)[number];

/** Importing PyTorch on a busy machine. */
const START_MILLISECONDS = 120_000;
const END_MILLISECONDS = 2000;

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Why a peer takes no part; the message is for the table. */
export class PeerFailure extends Error {
  override name = 'PeerFailure';
  /** Whether it is so by the design of the peer's authors. */
  readonly unable: boolean;

  constructor(message: string, unable = false) {
    super(message);
    this.unable = unable;
  }
}

export class PeerProcess {
  readonly name: PeerName;
  readonly #start: () => ChildProcessWithoutNullStreams;
  #child: ChildProcessWithoutNullStreams;
  #channel: Channel;
  #hello: Hello | undefined;

  private constructor(name: PeerName, start: () => ChildProcessWithoutNullStreams) {
    this.name = name;
    this.#start = start;
    this.#child = start();
    this.#channel = new Channel(this.#child);
  }

  /**
   * Starts a peer on so many threads. `venv` is the virtual environment of the Python peers, `more` are further variables of
   * its environment. Throws PeerFailure.
   */
  static async start(
    name: PeerName,
    threads: number,
    venv: string | undefined,
    more: Readonly<Record<string, string>> = {},
  ): Promise<PeerProcess> {
    const [command, args] = commandOf(name, threads, venv);
    const count = String(threads);
    const env = { ...process.env, OMP_NUM_THREADS: count, MKL_NUM_THREADS: count, HF_HUB_OFFLINE: '1', ...more };
    const peer = new PeerProcess(name, () => spawn(command, args, { env, cwd: local('../../../') }));
    await peer.#greet();
    return peer;
  }

  /** What it can do. */
  get hello(): Hello {
    return this.#hello as Hello;
  }

  async #greet(): Promise<void> {
    try {
      this.#hello = (await this.ask({ do: 'hello' }, START_MILLISECONDS)).hello;
      if (this.#hello === undefined) throw new PeerFailure('did not report what it can do');
    } catch (error) {
      this.#child.kill('SIGKILL');
      throw error;
    }
  }

  /** Starts it again if it was lost: one task too large should not cost all that follow. Throws PeerFailure. */
  async revive(): Promise<void> {
    if (this.#channel.ending === null) return;
    this.#child = this.#start();
    this.#channel = new Channel(this.#child);
    await this.#greet();
  }

  /** Throws PeerFailure for an error in its answer, none in time (then the process is ended), or a lost process. */
  ask(request: Request, milliseconds: number): Promise<Answer & { ok: true }> {
    return this.#channel.ask(request, milliseconds);
  }

  async end(): Promise<void> {
    if (this.#channel.ending !== null) return;
    const ended = once(this.#child, 'close');
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MILLISECONDS);
    await ended;
    clearTimeout(timer);
  }
}

/** One request at a time over a child's pipes. */
class Channel {
  /** How the process ended; null while it runs. */
  ending: string | null = null;
  readonly #child: ChildProcessWithoutNullStreams;
  #settle: ((answer: Answer) => void) | null = null;
  #errors = '';

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith(MARK)) this.#give(JSON.parse(line.slice(MARK.length)) as Answer);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4000);
    });
    // Writing to a process that has ended; its end is told by the event below.
    child.stdin.on('error', () => {});
    child.on('error', (error) => this.#lose(error.message));
    child.on('close', (code, signal) => this.#lose(`ended with ${signal ?? `code ${code}`}${this.#lastError()}`));
  }

  ask(request: Request, milliseconds: number): Promise<Answer & { ok: true }> {
    return new Promise((settle, reject) => {
      if (this.ending !== null) return reject(new PeerFailure(firstLine(this.ending)));
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
        this.#lose(`no answer within ${Math.round(milliseconds / 1000)} s`);
      }, milliseconds);
      this.#settle = (answer) => {
        clearTimeout(timer);
        if (answer.ok) settle(answer);
        else reject(new PeerFailure(firstLine(answer.error), answer.unable));
      };
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  #give(answer: Answer): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.(answer);
  }

  #lose(reason: string): void {
    this.ending ??= reason;
    this.#give({ ok: false, error: this.ending });
  }

  /** The last line that it printed for people, which most often says what was wrong. */
  #lastError(): string {
    const line = this.#errors.trim().split('\n').at(-1)?.trim() ?? '';
    return line === '' ? '' : `: ${line}`;
  }
}

function commandOf(name: PeerName, threads: number, venv: string | undefined): [string, string[]] {
  if (!(PYTHON_PEERS as readonly string[]).includes(name)) {
    return [process.execPath, ['--import', 'tsx', local('../../peers/child.ts'), name, String(threads)]];
  }
  if (venv === undefined) throw new PeerFailure('no --venv given (bench/pytorch/README.md)');
  const python = pythonIn(venv);
  if (python === undefined) throw new PeerFailure('no Python in the folder given by --venv (bench/pytorch/README.md)');
  return [python, [local('../../pytorch/serve.py'), name, String(threads)]];
}

/** For a table, and without the folder that this happens to be in. */
function firstLine(text: string): string {
  const line = text.trim().split('\n')[0].replaceAll(local('../../../'), '');
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
