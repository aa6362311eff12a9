/** A thread that draws phantoms. */
import { serve } from '../../base/index.js';
import { startRenderer } from './render.js';

serve(startRenderer);
