/** What a result can answer of a guideline: the answers by name, and the sections of a report that they point to. */

/** Each with what it is called where it is missing. */
export const factNames = {
  aim: 'the question',
  design: 'the design',
  source: 'where the data come from',
  flow: 'how many images were found, and why some were left out',
  preprocessing: 'preprocessing',
  subsets: 'selection of parts of the data',
  missing: 'missing values',
  partition: 'how the images were dealt to the partitions',
  disjointness: 'at which level the partitions are apart',
  leaks: 'what evaluation images may have leaked into',
  counts: 'images by class, group, fold and split',
  testSet: 'the test images',
  sampleSize: 'the basis of the sample size',
  model: 'the network',
  predictors: 'what the network is given',
  output: 'what the network puts out',
  threshold: 'the threshold',
  software: 'software',
  initialisation: 'what training started from',
  training: 'training',
  imbalance: 'class imbalance',
  synthetic: 'synthetic images',
  selection: 'choice of the final model',
  ensembling: 'combination of models',
  updating: 'updates of the model',
  measures: 'measures of performance',
  uncertainty: 'uncertainty',
  multiplicity: 'several comparisons',
  robustness: 'other analyses',
  heterogeneity: 'differences between clusters',
  internal: 'internal testing',
  external: 'external testing',
  indeterminate: 'indeterminate results',
  registration: 'registration',
  deviations: 'deviations from the plan',
  demographics: 'demographics by partition',
  diagnoses: 'other diagnoses',
  performance: 'performance of every arm',
  comparison: 'the difference between the arms',
  subgroups: 'subgroups',
  calibration: 'calibration',
  utility: 'net benefit',
  crosstab: 'right and wrong calls',
  failures: 'failures',
  verdict: 'the verdict',
  limits: 'limits',
  availability: 'what can be had',
  outputs: 'kept outputs',
  segmentation: 'segmentation',
  handcrafted: 'hand-crafted features',
  checklists: 'guidelines followed',
} as const;
export type FactId = keyof typeof factNames;

export interface Answer {
  /** Sentences. */
  text: string;
  /** Section of the report, by its title. */
  where: string;
}

export type Facts = Partial<Record<FactId, Answer>>;

/** Titles of the sections that answers point to. */
export const SECTIONS = {
  verdict: 'Verdict',
  result: 'Result',
  folds: 'Fold by fold',
  external: 'Other collections',
  subgroups: 'Subgroups',
  calibration: 'Calibration',
  benefit: 'Net benefit',
  failures: 'Failures',
  methods: 'Methods',
  limits: 'Limits',
  appendix: 'Appendix',
} as const;
