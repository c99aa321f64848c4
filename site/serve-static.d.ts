/** The part of serve-static that serve.ts uses. */
declare module 'serve-static' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  interface Settings {
    fallthrough: boolean;
    cacheControl: boolean;
  }

  /** Of the package http-errors. */
  interface HttpError extends Error {
    statusCode: number;
    headers?: Record<string, string>;
  }

  export default function serveStatic(
    folder: string,
    settings: Settings,
  ): (request: IncomingMessage, response: ServerResponse, next: (error: HttpError) => void) => void;
}
