/** Serves a folder as a static host would, with the two headers that let the threads of a page share memory. */
import { createReadStream, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export interface ServeSettings {
  /** 0: any that is free. */
  port: number;
  /** Send the headers of cross-origin isolation; without them the page has one thread, as on most static hosts. */
  isolated: boolean;
}

/** Listens on this machine only. Resolves with the server and the address of the first page. */
export async function serve(
  folder: string,
  { port, isolated }: ServeSettings,
): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const path = fileAt(folder, request.url ?? '/');
    if (path === null) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('There is no such page.\n');
      return;
    }
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-cache', ...(isolated ? ISOLATION : {}) });
    createReadStream(path).pipe(response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return { server, url: `http://127.0.0.1:${actual}/` };
}

/** Null for what is not there, or not in the folder. */
function fileAt(folder: string, url: string): string | null {
  let path: string;
  try {
    path = normalize(join(folder, decodeURIComponent(new URL(url, 'http://localhost').pathname)));
  } catch {
    return null;
  }
  if (!path.startsWith(normalize(folder))) return null;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return path;
  const index = join(path, 'index.html');
  return found?.isDirectory() && statSync(index, { throwIfNoEntry: false })?.isFile() ? index : null;
}
