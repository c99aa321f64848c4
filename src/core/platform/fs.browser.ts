/** The part of `node:fs` that the library uses, over the files of a page (memory-files.browser.ts). Errors are those of a system. */
import { dropFile, fileNamed, fileNames, putFile } from './memory-files.browser.ts';

export const constants: { O_RDONLY: number; O_NONBLOCK?: number; O_NOCTTY?: number; W_OK: number } = {
  O_RDONLY: 0,
  W_OK: 2,
};

export interface Stats {
  size: number;
  mode: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** What tells one content of a file from another. */
export interface BigIntStats {
  size: bigint;
  dev: bigint;
  ino: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

/** As the library's messages know it (system-error.ts). */
class NoSuchFile extends Error {
  readonly code = 'ENOENT';
  readonly syscall = 'open';
}

function need(name: string): Uint8Array {
  const bytes = fileNamed(name);
  if (bytes === undefined) throw new NoSuchFile(`ENOENT: no such file, open '${name}'`);
  return bytes;
}

export function statSync(path: string): Stats;
export function statSync(path: string, options: { throwIfNoEntry: false }): Stats | undefined;
export function statSync(path: string, { throwIfNoEntry = true } = {}): Stats | undefined {
  const folder = isFolder(path);
  const bytes = folder || !throwIfNoEntry ? fileNamed(path) : need(path);
  return bytes === undefined && !folder ? undefined : statusOf(bytes, folder);
}

/** What is put in a file's place is another file; nothing is written into one. */
export function fstatSync(file: number): Stats;
export function fstatSync(file: number, options: { bigint: true }): BigIntStats;
export function fstatSync(file: number, { bigint = false } = {}): Stats | BigIntStats {
  const bytes = need(pathOf(file));
  if (!bigint) return statusOf(bytes, false);
  return { size: BigInt(bytes.length), dev: 0n, ino: BigInt(numberOf(bytes)), mtimeNs: 0n, ctimeNs: 0n };
}

function statusOf(bytes: Uint8Array | undefined, folder: boolean): Stats {
  return { size: bytes?.length ?? 0, mode: 0o644, isFile: () => !folder, isDirectory: () => folder };
}

const numbers = new WeakMap<Uint8Array, number>();
let files = 0;

function numberOf(bytes: Uint8Array): number {
  const number = numbers.get(bytes) ?? ++files;
  numbers.set(bytes, number);
  return number;
}

export function readdirSync(path: string): string[] {
  const start = path === '.' || path === '' ? '' : `${path}/`;
  const below = fileNames().flatMap((name) => (name.startsWith(start) ? [name.slice(start.length).split('/')[0]] : []));
  return [...new Set(below)];
}

const opened = new Map<number, { path: string; parts: Uint8Array[] | null }>();
let next = 3;

/** `wx`: a new file; `w` also one that was there; else to read. */
export function openSync(path: string, mode: string | number): number {
  const writes = mode === 'w' || mode === 'wx';
  if (writes) putFile(path, new Uint8Array());
  else need(path);
  opened.set(next, { path, parts: writes ? [] : null });
  return next++;
}

export function readSync(file: number, into: Uint8Array, at: number, length: number, from: number): number {
  const bytes = need(pathOf(file)).subarray(from, from + length);
  into.set(bytes, at);
  return bytes.length;
}

export function writeFileSync(file: number, data: string | Uint8Array): void {
  opened.get(file)?.parts?.push(bytesOf(data));
}

export function appendFileSync(path: string, data: string): void {
  putFile(path, joined([fileNamed(path) ?? new Uint8Array(), bytesOf(data)]));
}

export function closeSync(file: number): void {
  const { path, parts } = opened.get(file) ?? { path: '', parts: null };
  if (parts !== null) putFile(path, joined(parts));
  opened.delete(file);
}

export function renameSync(from: string, to: string): void {
  putFile(to, need(from));
  dropFile(from);
}

/** The copy is another file. */
export function copyFileSync(from: string, to: string): void {
  putFile(to, need(from).slice());
}

/** No second name: so that the library takes a copy, where it asks for one first. */
export function linkSync(from: string, to: string): void {
  copyFileSync(from, to);
}

export function rmSync(path: string, _options: { force: true }): void {
  dropFile(path);
}

export function realpathSync(path: string): string {
  return path;
}

/** Whatever concerns disks, rights and folders has nothing to do here. */
export function fsyncSync(_file: number): void {}
export function fchmodSync(_file: number, _mode: number): void {}
export function accessSync(_path: string, _mode: number): void {}
export function mkdirSync(_path: string, _options?: { recursive?: boolean }): void {}

function pathOf(file: number): string {
  return opened.get(file)?.path ?? '';
}

/** The folder that all names are in, and every part of a name before a `/`. */
function isFolder(path: string): boolean {
  return path === '' || path === '.' || path === '/' || fileNames().some((name) => name.startsWith(`${path}/`));
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data.slice();
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
