/** TODO door */
export { type Prepared, prepareDataset } from './prepare.js';
export { nameShared, type SharedPicture, sharedPictures } from './shared-pictures.js';
