/** An op's page. */
import { markScrollables } from './scrollable.ts';

markScrollables();
