/**
 * STARD-AI. 40 items, 48 with their parts. Numbers and subjects were compared with a restatement whose keepers held it
 * against table 2 of the accepted manuscript row by row; the article itself was not at hand.
 */
import { type Guideline, section } from './guideline.js';

export const stardAi: Guideline = {
  id: 'stard-ai',
  name: 'STARD-AI',
  about: 'reporting of diagnostic accuracy studies of artificial intelligence',
  citation:
    'Sounderajah V, Guni A, Liu X, et al., for the STARD-AI Steering Committee and Consensus Group. Nature Medicine 2025;31:3283–3289.',
  doi: '10.1038/s41591-025-03953-8',
  items: [
    ...section('Title and abstract', [
      ['1', 'Does title or abstract say that AI’s diagnostic accuracy is studied, with a measure of it?'],
      ['2', 'A structured abstract'],
    ]),
    ...section('Introduction', [
      ['3', 'Background, intended use, place in the work of a clinic'],
      ['4', 'Objectives and hypotheses', ['aim']],
    ]),
    ...section('Methods', [
      ['5', 'Prospective or retrospective'],
      ['6', 'Ethical approval'],
      [
        '7',
        'Criteria of eligibility, of patients and of data, in their order',
        ['flow'],
        'the criteria by which patients came into the collection',
      ],
      ['8', 'How participants were identified'],
      ['9', 'Where and when'],
      ['10', 'A consecutive, random or convenience series'],
      [
        '11',
        'Source of the data: routine, for this study, or open',
        ['source'],
        'how and for what the images were collected',
      ],
      ['12', 'Who annotated the data, and how'],
      ['13', 'Devices, and software with versions', ['software'], 'the devices that took the images'],
      ['14', 'Acquisition and preprocessing', ['preprocessing'], 'how the images were acquired'],
      ['15a', 'The index test in full', ['model', 'initialisation', 'training']],
      [
        '15b',
        'How it was developed, with sample sizes',
        ['partition', 'counts', 'synthetic', 'selection', 'external'],
      ],
      ['15c', 'Its cut-offs and whether they were fixed before', ['threshold']],
      ['15d', 'Who is to use it, with which expertise'],
      ['16a', 'The reference standard in full'],
      ['16b', 'Why that one'],
      ['16c', 'Its cut-offs'],
      ['17a', 'What the index test knew of the reference standard', ['predictors', 'leaks']],
      ['17b', 'What the assessors of the reference standard knew'],
      ['18', 'How accuracy was estimated and compared', ['measures', 'uncertainty', 'multiplicity']],
      ['19', 'Indeterminate results', ['indeterminate'], 'those of the reference standard'],
      ['20', 'Missing data', ['missing']],
      ['21', 'Analyses of variability, planned or not', ['robustness', 'heterogeneity', 'deviations']],
      ['22', 'Intended sample size and its basis', ['sampleSize']],
      ['23', 'Analysis of errors, bias and fairness', ['subgroups', 'failures']],
    ]),
    ...section('Results', [
      ['24', 'Flow of participants, as a diagram', ['flow', 'counts']],
      ['25', 'Characteristics of training, validation and test sets', ['demographics']],
      ['26a', 'Severity of disease among the diseased'],
      ['26b', 'Other diagnoses among the rest', ['diagnoses'], 'the diagnoses behind the negative class'],
      ['27', 'Time and treatment between index test and reference standard'],
      [
        '28',
        'Whether the test set is like those whom the test is for',
        ['testSet'],
        'how frequent the condition is among those whom the test is for',
      ],
      ['29', 'How external sets differ from the own ones', ['external', 'demographics']],
      ['30', 'Index test against reference standard, as a table', ['crosstab']],
      [
        '31',
        'Estimates of accuracy with their precision',
        ['performance', 'comparison', 'calibration', 'utility'],
      ],
      ['32', 'Adverse events'],
    ]),
    ...section('Discussion', [
      ['33', 'Limitations', ['limits'], 'the limits of the collection and of the question'],
      ['34', 'What it means for practice'],
      ['35', 'Ethics and fairness in use'],
    ]),
    ...section('Other information', [
      ['36', 'Registration', ['registration'], 'the registry and the number'],
      ['37', 'Where the protocol is', ['registration', 'deviations'], 'where the plan was deposited'],
      ['38', 'Funding'],
      ['39', 'Commercial interests'],
      [
        '40a',
        'Whether data and code can be had',
        ['availability'],
        'where they can be had and on which terms',
      ],
      ['40b', 'Whether outputs are kept and can be audited', ['outputs']],
    ]),
  ],
};
