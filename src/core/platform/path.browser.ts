/** The part of `node:path` that the library uses. `/` separates; `.` and `..` are names like others, but for a leading `./`. */

export function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function dirname(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : path.slice(0, slash);
}

export function extname(path: string): string {
  const name = basename(path);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot);
}

export function join(...parts: string[]): string {
  const whole = parts.filter((part) => part !== '').join('/');
  return whole.replace(/\/{2,}/g, '/').replace(/^\.\//, '');
}
