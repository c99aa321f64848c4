/** The overview: its tree and its table show what the filter lets through. */
import { mountFinder } from './finder.ts';

mountFinder();
