/** A thread that draws phantoms. */
import { serve } from '../threads.js';
import { startRenderer } from './render.js';

serve(startRenderer);
