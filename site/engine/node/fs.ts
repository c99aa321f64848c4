/** `node:fs`, as far as the library uses it on a page, over files in memory. */
import { drop, get, names, need, put } from './files.ts';

type Path = string | URL;

export const constants = { W_OK: 2, O_RDONLY: 0 };

export function existsSync(path: Path): boolean {
  return get(textOf(path)) !== undefined || isFolder(textOf(path));
}

export function readFileSync(path: Path, encoding?: string): string | Uint8Array {
  const bytes = need(textOf(path));
  return encoding === undefined ? bytes.slice() : new TextDecoder().decode(bytes);
}

export function statSync(path: Path, { throwIfNoEntry = true } = {}) {
  const name = textOf(path);
  const folder = isFolder(name);
  const bytes = folder || !throwIfNoEntry ? get(name) : need(name);
  if (bytes === undefined && !folder) return undefined;
  return statusOf(bytes, folder);
}

/** What is put in a file's place is another file; nothing is written into one. */
export function fstatSync(file: number, { bigint = false } = {}) {
  const bytes = need(pathOf(file));
  const status = statusOf(bytes, false);
  if (!bigint) return status;
  return { ...status, size: BigInt(bytes.length), dev: 0n, ino: BigInt(numberOf(bytes)), mtimeNs: 0n, ctimeNs: 0n };
}

function statusOf(bytes: Uint8Array | undefined, folder: boolean) {
  return { size: bytes?.length ?? 0, mode: 0o644, isFile: () => !folder, isDirectory: () => folder };
}

const numbers = new WeakMap<Uint8Array, number>();
let files = 0;

function numberOf(bytes: Uint8Array): number {
  const number = numbers.get(bytes) ?? ++files;
  numbers.set(bytes, number);
  return number;
}

export function readdirSync(path: Path): string[] {
  const start = `${textOf(path)}/`;
  return names().flatMap((name) => (name.startsWith(start) ? [name.slice(start.length)] : []));
}

const opened = new Map<number, { path: string; parts: Uint8Array[] }>();
let next = 3;

export function openSync(path: Path, mode: string | number = 'r'): number {
  const name = textOf(path);
  if (mode === 'r' || mode === constants.O_RDONLY) need(name);
  else put(name, new Uint8Array());
  opened.set(next, { path: name, parts: [] });
  return next++;
}

export function readSync(file: number, into: Uint8Array, at: number, length: number, from: number): number {
  const bytes = need(pathOf(file)).subarray(from, from + length);
  into.set(bytes, at);
  return bytes.length;
}

export function writeFileSync(target: Path | number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data.slice();
  if (typeof target !== 'number') put(textOf(target), bytes);
  else opened.get(target)?.parts.push(bytes);
}

export function appendFileSync(path: Path, data: string): void {
  const before = get(textOf(path)) ?? new Uint8Array();
  put(textOf(path), join([before, new TextEncoder().encode(data)]));
}

export function closeSync(file: number): void {
  const { path, parts } = opened.get(file) ?? { path: '', parts: [] };
  if (parts.length > 0) put(path, join(parts));
  opened.delete(file);
}

export function renameSync(from: Path, to: Path): void {
  put(textOf(to), need(textOf(from)));
  drop(textOf(from));
}

export function copyFileSync(from: Path, to: Path): void {
  put(textOf(to), need(textOf(from)));
}

export const linkSync = copyFileSync;

export function rmSync(path: Path): void {
  drop(textOf(path));
}

export function realpathSync(path: Path): string {
  return textOf(path);
}

/** Whatever concerns disks, rights and folders has nothing to do here. */
export function fsyncSync(): void {}
export function fchmodSync(): void {}
export function accessSync(): void {}
export function mkdirSync(): void {}

function pathOf(file: number): string {
  return opened.get(file)?.path ?? '';
}

function textOf(path: Path): string {
  return typeof path === 'string' ? path : decodeURIComponent(path.pathname);
}

function isFolder(name: string): boolean {
  return name === '' || name === '.' || name === '/' || names().some((each) => each.startsWith(`${name}/`));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
