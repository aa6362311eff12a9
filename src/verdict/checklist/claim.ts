/**
 * CLAIM, 2024 update. Numbers and their subjects were compared with two independent restatements of the published list
 * (44 of 44 in one, whose keepers held it against the article's text; 1 to 26 in a completed checklist); the article itself
 * was not at hand.
 */
import { type Guideline, section } from './guideline.js';

export const claim: Guideline = {
  id: 'claim',
  name: 'CLAIM, 2024 update',
  about: 'Checklist for Artificial Intelligence in Medical Imaging',
  citation:
    'Tejani AS, Klontzas ME, Gatti AA, Mongan JT, Moy L, Park SH, Kahn CE Jr, for the CLAIM 2024 Update Panel. Radiology: Artificial Intelligence 2024;6(4):e240300.',
  doi: '10.1148/ryai.240300',
  items: [
    ...section('Title and abstract', [
      ['1', 'Does the title or abstract say that AI is studied, and of which kind?'],
      ['2', 'Is there an abstract with design, methods, results and conclusions?'],
    ]),
    ...section('Introduction', [
      ['3', 'Why the question matters clinically, and what the AI is to do there'],
      ['4', 'Aims and hypotheses', ['aim']],
    ]),
    ...section('Methods: study design', [
      ['5', 'Prospective or retrospective'],
      [
        '6',
        'What kind of study it is and what it is to achieve',
        ['design', 'aim'],
        'what it is a step towards',
      ],
    ]),
    ...section('Methods: data', [
      [
        '7',
        'Where the data come from',
        ['source'],
        'where, when, by whom and with which permission the images were taken',
      ],
      [
        '8',
        'Who and what was included and excluded',
        ['flow'],
        'the criteria by which patients came into the collection',
      ],
      ['9', 'What was done to the images before training', ['preprocessing']],
      ['10', 'Whether parts of the data were selected, and how', ['subsets']],
      ['11', 'How the data were de-identified'],
      ['12', 'What is missing and how that was handled', ['missing']],
      ['13', 'How the images were acquired: devices and settings'],
    ]),
    ...section('Methods: reference standard', [
      ['14', 'How the true label was established'],
      ['15', 'Why that way, where there are others'],
      ['16', 'Who annotated, with which training'],
      ['17', 'How the test images were annotated'],
      ['18', 'How far annotators agree with each other and with themselves'],
    ]),
    ...section('Methods: data partitions', [
      ['19', 'How images were dealt to training, tuning and testing', ['partition', 'counts', 'imbalance']],
      ['20', 'At which level the partitions are apart', ['disjointness', 'leaks']],
    ]),
    ...section('Methods: testing data', [
      ['21', 'How large the test set was meant to be, and why', ['sampleSize', 'testSet']],
    ]),
    ...section('Methods: model', [
      ['22', 'The network: inputs, outputs, architecture', ['model', 'output']],
      ['23', 'Software with versions', ['software']],
      ['24', 'From which weights training started', ['initialisation']],
    ]),
    ...section('Methods: training', [
      [
        '25',
        'How it was trained: augmentation, hyper-parameters, length',
        ['training', 'synthetic', 'imbalance'],
      ],
      ['26', 'How the final model was chosen', ['selection']],
      ['27', 'Whether models were combined, and how', ['ensembling']],
    ]),
    ...section('Methods: evaluation', [
      ['28', 'Which measures of performance', ['measures']],
      ['29', 'How uncertainty and significance were told', ['uncertainty', 'multiplicity']],
      ['30', 'Whether the result stands under other analyses', ['robustness']],
      ['31', 'Methods of explanation, and whether they were validated'],
      ['32', 'Testing on images of the own source', ['internal']],
      ['33', 'Testing on images from elsewhere', ['external']],
      [
        '34',
        'Registration as a clinical trial',
        ['registration', 'deviations'],
        'the registry and the number, if the study is a clinical trial',
      ],
    ]),
    ...section('Results: data', [
      ['35', 'How many came in and how many were left out, as a diagram', ['flow', 'counts']],
      ['36', 'Patients of each partition', ['demographics']],
    ]),
    ...section('Results: model performance', [
      ['37', 'Performance of the final model, over partitions and subgroups', ['performance', 'subgroups']],
      [
        '38',
        'Estimates of accuracy with their precision',
        ['performance', 'comparison', 'calibration', 'utility'],
      ],
      ['39', 'Where it fails', ['crosstab', 'failures']],
    ]),
    ...section('Discussion', [
      ['40', 'Limitations', ['limits'], 'the limits of the collection and of the question'],
      ['41', 'What it means for practice'],
    ]),
    ...section('Other information', [
      ['42', 'Where the full protocol is', ['registration', 'deviations'], 'where the plan was deposited'],
      [
        '43',
        'Whether code, model and data can be had',
        ['availability'],
        'where they can be had and on which terms',
      ],
      ['44', 'Funding and the funders’ part in it'],
    ]),
  ],
};
