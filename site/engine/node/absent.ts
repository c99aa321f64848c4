/** Parts of Node that the library imports but that a page never gets to, or that it can do without. */

function absent(name: string): never {
  throw new Error(`${name}: not to be had on a page`);
}

export const setFlagsFromString = (): never => absent('node:v8');
export const createContext = (): never => absent('node:vm');
export const runInContext = (): never => absent('node:vm');
export const Script = (): never => absent('node:vm');
export const createRequire = (): never => absent('node:module');
export const parseArgs = (): never => absent('node:util');
export const deflateSync = (): never => absent('node:zlib');
export const inflateRawSync = (): never => absent('node:zlib');
export const constants = {};
export const fileURLToPath = (url: URL): string => decodeURIComponent(url.pathname);
