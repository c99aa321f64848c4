/** The worker of exercises that import the library, which is large. */
import * as library from '../../src/index.ts';
import { serve } from './grading.ts';

serve({ 'efficient-transformers': library });
