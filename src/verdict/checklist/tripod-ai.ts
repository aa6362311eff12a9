/**
 * TRIPOD+AI. 27 items, 52 with their parts. Numbers and subjects were compared with a restatement of the published list
 * (CC BY 4.0); the article itself was not at hand.
 */
import { type Guideline, section } from './guideline.js';

export const tripodAi: Guideline = {
  id: 'tripod-ai',
  name: 'TRIPOD+AI',
  about: 'reporting of clinical prediction models that use regression or machine learning',
  citation: 'Collins GS, Moons KGM, Dhiman P, et al. BMJ 2024;385:e078378.',
  doi: '10.1136/bmj-2023-078378',
  items: [
    ...section('Title', [
      ['1', 'A title that says whether a model is developed or evaluated, for whom, for which outcome'],
    ]),
    ...section('Abstract', [['2', 'An abstract by TRIPOD+AI’s own list for abstracts']]),
    ...section('Introduction', [
      ['3a', 'The clinical setting and why a model is wanted'],
      ['3b', 'Whom the model is for, and where in care it stands'],
      ['3c', 'Known inequalities between groups of people'],
      ['4', 'Objectives: development, evaluation or both', ['aim', 'design']],
    ]),
    ...section('Methods', [
      [
        '5a',
        'Sources of the data, for development and for evaluation',
        ['source'],
        'why these data, and whom they represent',
      ],
      ['5b', 'When the data were collected'],
      ['6a', 'Setting: kind of care, centres, places'],
      ['6b', 'Criteria of eligibility', ['flow'], 'the criteria by which patients came into the collection'],
      ['6c', 'Treatments'],
      ['7', 'Preparation and checking of the data', ['preprocessing', 'flow']],
      ['8a', 'What is predicted, and how it was established'],
      ['8b', 'Who judged the outcome, where that takes judgement'],
      ['8c', 'Whether these were blinded'],
      ['9a', 'How predictors were chosen', ['predictors']],
      ['9b', 'What the predictors are', ['predictors'], 'how and when the images were taken'],
      ['9c', 'Who assessed predictors, where that takes judgement'],
      ['10', 'How the study’s size came about', ['sampleSize', 'testSet']],
      ['11', 'Missing data', ['missing']],
      ['12a', 'How the data were used and divided', ['partition', 'counts']],
      ['12b', 'How predictors entered the model', ['preprocessing']],
      [
        '12c',
        'The model and how it was built and validated internally',
        ['model', 'initialisation', 'training', 'synthetic', 'selection', 'internal'],
      ],
      [
        '12d',
        'Whether performance differs between clusters',
        ['heterogeneity'],
        'clusters that matter here, such as clinics',
      ],
      ['12e', 'Measures of performance and of comparison', ['measures', 'uncertainty', 'multiplicity']],
      ['12f', 'Whether the model was updated after evaluation', ['updating']],
      ['12g', 'How predictions were computed', ['output']],
      ['13', 'What was done about class imbalance, and recalibration after it', ['imbalance', 'calibration']],
      ['14', 'What was done about fairness', ['subgroups'], 'what was done besides looking at subgroups'],
      ['15', 'What the model puts out, and how thresholds were chosen', ['output', 'threshold']],
      ['16', 'How evaluation data differ from development data', ['internal', 'external', 'demographics']],
      ['17', 'Ethical approval and consent'],
    ]),
    ...section('Open science', [
      ['18a', 'Funding'],
      ['18b', 'Conflicts of interest'],
      ['18c', 'Where the protocol is', ['registration', 'deviations'], 'where the plan was deposited'],
      ['18d', 'Registration', ['registration'], 'the registry and the number'],
      ['18e', 'Whether the data can be had', ['source', 'availability'], 'where they can be had'],
      [
        '18f',
        'Whether the code can be had',
        ['software', 'availability'],
        'where code beyond Graft can be had',
      ],
    ]),
    ...section('Patient and public involvement', [['19', 'Involvement of patients and the public']]),
    ...section('Results', [
      ['20a', 'The way of participants through the study', ['flow', 'counts']],
      ['20b', 'Characteristics of participants', ['demographics', 'missing']],
      ['20c', 'Evaluation data beside development data', ['demographics', 'counts']],
      ['21', 'Participants and outcomes in each analysis', ['counts', 'testSet']],
      ['22', 'The model itself, so that others can use it', ['availability'], 'where the weights can be had'],
      [
        '23a',
        'Performance with intervals, also in subgroups',
        ['performance', 'comparison', 'calibration', 'utility', 'subgroups'],
      ],
      ['23b', 'Differences in performance between clusters', ['heterogeneity']],
      ['24', 'The updated model and its performance', ['updating']],
    ]),
    ...section('Discussion', [
      [
        '25',
        'Interpretation of the main results',
        ['verdict'],
        'what it means beside earlier studies, and for fairness',
      ],
      ['26', 'Limitations', ['limits'], 'the limits of the collection and of the question'],
      ['27a', 'What is done with poor or missing input in use'],
      ['27b', 'What users have to do and to know'],
      ['27c', 'Next steps'],
    ]),
  ],
};
