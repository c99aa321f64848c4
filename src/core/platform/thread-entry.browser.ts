/** The script of a thread: what browser-bundle.mjs puts into the bundle as a text. */
import { serve } from '../parallel/worker.ts';
import { adoptFiles } from './own-files.browser.ts';
import type { ThreadMessage } from './threads.browser.ts';

self.onmessage = ({ data: { files, ...input } }: MessageEvent<ThreadMessage>) => {
  adoptFiles(files);
  // What is thrown must reach the worker's `onerror`, which a promise's error does not.
  serve(input).catch((error: unknown) =>
    setTimeout(() => {
      throw error;
    }),
  );
};
