/** TODO door */
export { askedOf, heldTo, requireWhole, toldBefore } from './registered.js';
