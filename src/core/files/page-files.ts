/** The files of a page, as the public API offers them. */
import { pageFiles as ofThisPlatform } from '#platform/page-files';
import type { PageFiles } from '../platform/page-files.ts';

export type { PageFiles };

/** On a page, what stands for its disk; see `PageFiles`. */
export const pageFiles: PageFiles = ofThisPlatform;
