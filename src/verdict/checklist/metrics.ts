/**
 * METRICS, a score of methodological quality rather than a reporting guideline. Numbers and subjects from table 1 of the
 * article (1 to 24) and from the published tool (24 to 30). Weights and conditions are left to the tool: Graft answers what
 * it knows and gives no score.
 */
import { type Guideline, section } from './guideline.js';

export const metricsScore: Guideline = {
  id: 'metrics',
  name: 'METRICS',
  about:
    'methodological quality of radiomics research, deep learning included; its score is worked out by the tool at metricsscore.github.io, by the author',
  citation: 'Kocak B, Akinci D’Antonoli T, Mercaldo N, et al. Insights into Imaging 2024;15:8.',
  doi: '10.1186/s13244-023-01572-w',
  items: [
    ...section('Study design', [
      ['1', 'Was a guideline or checklist followed?', ['checklists'], 'whether the text follows them'],
      [
        '2',
        'Criteria that make the sample representative',
        ['flow'],
        'the criteria by which patients came into the collection',
      ],
      ['3', 'A good and well defined reference standard'],
    ]),
    ...section('Imaging data', [
      ['4', 'More than one centre'],
      ['5', 'Images as they are taken in practice'],
      ['6', 'Acquisition with its parameters'],
      ['7', 'Time between image and reference standard'],
    ]),
    ...section('Segmentation', [
      ['8', 'How regions were outlined', ['segmentation']],
      ['9', 'Whether automatic outlines were evaluated', ['segmentation']],
      ['10', 'Whether test outlines come from one reader or tool', ['segmentation']],
    ]),
    ...section('Image processing and feature extraction', [
      ['11', 'Fitting and transparent preprocessing', ['preprocessing']],
      ['12', 'Standard software for hand-crafted features', ['handcrafted']],
      ['13', 'Parameters of the extraction', ['handcrafted', 'model']],
    ]),
    ...section('Feature processing', [
      ['14', 'Removal of features that are not robust', ['handcrafted']],
      ['15', 'Removal of redundant features', ['handcrafted']],
      ['16', 'Number of features against the size of the data', ['handcrafted']],
      ['17', 'Robustness of end-to-end deep learning', ['robustness', 'heterogeneity']],
    ]),
    ...section('Preparation for modelling', [
      ['18', 'Sound partitioning', ['partition', 'disjointness', 'leaks']],
      ['19', 'Confounders', ['subgroups'], 'which factors may confound here'],
    ]),
    ...section('Metrics and comparison', [
      ['20', 'Measures that fit the task', ['measures']],
      ['21', 'Uncertainty', ['uncertainty', 'performance']],
      ['22', 'Calibration', ['calibration']],
      ['23', 'One kind of image, or proof that several are needed', ['predictors']],
      [
        '24',
        'Comparison with what is done without radiomics, or added clinical value',
        ['utility'],
        'a comparison with readers or clinical practice',
      ],
      [
        '25',
        'Comparison with a simple reference',
        ['comparison'],
        'a comparison with a simple model, if one was made',
      ],
    ]),
    ...section('Testing', [
      ['26', 'Internal testing', ['internal']],
      ['27', 'External testing', ['external']],
    ]),
    ...section('Open science', [
      ['28', 'Data', ['source'], 'whether and where they can be had'],
      ['29', 'Code', ['software'], 'whether and where it can be had'],
      ['30', 'Model', ['availability'], 'whether and where the weights can be had'],
    ]),
  ],
};
