/** A thread of the search for near-duplicates. */

import { serve } from '../../base/index.js';
import { startNearSearch } from './near.js';

serve(startNearSearch);
