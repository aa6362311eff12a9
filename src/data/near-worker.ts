/** A thread of the search for near-duplicates. */
import { startNearSearch } from './near.js';
import { serve } from './threads.js';

serve(startNearSearch);
