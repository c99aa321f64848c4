/** Serves a folder as a static host would, with the two headers that let the threads of a page share memory. */
import { createServer, type Server, STATUS_CODES } from 'node:http';
import serveStatic from 'serve-static';
import { ArgumentError } from '../src/core/errors.ts';

export const LARGEST_PORT = 2 ** 16 - 1;
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export interface ServeSettings {
  /** 0: any that is free. */
  port: number;
  /** Send the headers of cross-origin isolation; without them the page has one thread, as on most static hosts. */
  isolated: boolean;
}

/**
 * What browsers ask for. They read `\` as `/`: to them, the redirection of `/\host/..` to its folder would lead to another
 * host. They keep what follows a `#` to themselves; where it is sent, parsers disagree on what the path is.
 */
const PATH = /^\/[^\\#]*$/;

interface Refusal {
  statusCode?: number;
  headers?: Record<string, string>;
}

/** Listens on this machine only. Resolves with the server and the address of the first page. */
export async function serve(
  folder: string,
  { port, isolated }: ServeSettings,
): Promise<{ server: Server; url: string }> {
  const files = serveStatic(folder, { fallthrough: false, cacheControl: false });
  const headers = Object.entries({ 'Cache-Control': 'no-cache', ...(isolated ? ISOLATION : {}) });
  const server = createServer((request, response) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    const refuse = ({ statusCode = 500, headers: own = {} }: Refusal) => {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      response.writeHead(statusCode, { ...own, 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(`${STATUS_CODES[statusCode]}\n`);
    };
    if (!PATH.test(request.url ?? '')) return refuse({ statusCode: 400 });
    try {
      files(request, response, refuse);
    } catch {
      // No request ends the server, whatever a library makes of its address.
      refuse({ statusCode: 400 });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'EADDRINUSE' ? 'something else listens there; choose another' : error.message;
    throw new ArgumentError(`--port ${port}: ${reason}`);
  });
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return { server, url: `http://127.0.0.1:${actual}/` };
}
