/** YAML, read strictly. Apart from the rest of the floor because it loads a parser. */
export { parseYaml } from './yaml-text.js';
