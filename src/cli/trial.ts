/** `graft trial …`: every command about trials, in the order in which one needs them. */
import { commandGroup } from './command-table.js';

export const register = commandGroup('trial', 'compare training sets: arms × seeds × folds → verdict', [
  {
    name: 'plan',
    summary: 'arms, comparisons, power and cost of a trial, before anything runs',
    load: async () => (await import('./trial-plan.js')).registerPlan,
  },
  {
    name: 'register',
    summary: 'write down a trial’s plan before it runs, with a hash to be deposited',
    load: async () => (await import('./trial-register.js')).registerRegister,
  },
  {
    name: 'run',
    summary: 'train GANs and the classifiers of every arm, seed and fold, and write the report',
    load: async () => (await import('./trial-run.js')).registerRun,
  },
  {
    name: 'resume',
    summary: 'go on with a trial that was stopped; finished parts are not repeated',
    load: async () => (await import('./trial-run.js')).registerRun,
  },
  {
    name: 'status',
    summary: 'how a trial is getting on, whoever works on it',
    load: async () => (await import('./trial-run.js')).registerRun,
  },
  {
    name: 'report',
    summary: 'write the report of a finished trial again',
    load: async () => (await import('./trial-report.js')).registerReport,
  },
  {
    name: 'export',
    summary: 'all curves of a trial for TensorBoard or MLflow',
    load: async () => (await import('./trial-report.js')).registerReport,
  },
  {
    name: 'checklist',
    summary: 'fill CLAIM 2024, TRIPOD+AI, STARD-AI and METRICS with what a finished trial knows of itself',
    load: async () => (await import('./trial-checklist.js')).registerChecklist,
  },
  {
    name: 'work',
    summary: 'do open jobs of a trial that another process began, until none is left',
    load: async () => (await import('./trial-work.js')).registerWork,
  },
  {
    name: 'job',
    summary: 'do one job of a trial in this process',
    hidden: true,
    load: async () => (await import('./trial-work.js')).registerWork,
  },
  {
    name: 'probe',
    summary: 'time and memory of a few training steps of a trial',
    hidden: true,
    load: async () => (await import('./trial-work.js')).registerWork,
  },
  {
    name: 'calibrate',
    summary:
      'simulate trials whose truth is known: how often is the verdict wrong, how often is an effect found?',
    load: async () => (await import('./trial-calibrate.js')).registerCalibrate,
  },
]);
