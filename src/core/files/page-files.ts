/** The files that a page has been handed, of which the public API speaks. */
import { pageFiles as ofThisPlatform } from '#platform/page-files';
import type { PageFiles } from '../platform/page-files.ts';

export type { PageFiles };

/** On a page, what stands for its disk; see `PageFiles`. */
export const pageFiles: PageFiles = ofThisPlatform;
