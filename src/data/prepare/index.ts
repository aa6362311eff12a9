/**
 * Preparing: a new dataset of an old one, with fewer images, other sizes, hair removed, lesions cut out, split anew or in
 * folds. `prepareDataset` goes on where an interrupted call stopped; `prepareSchema` has every option.
 */

export { type PrepareOptions, prepareSchema } from './options.js';
export { type Prepared, prepareDataset } from './prepare.js';

// Pictures that two datasets share.

export { nameShared, type SharedPicture, sharedPictures } from './shared-pictures.js';
